"""Bots of Telegram, the updates that they brought, and the deep links that were used."""

from ensue.model.telegram import Bot
from ensue.store.sql.connection import Sql

_BOT = (
    "workspace_id, id, bot_id, username, name, token, secret, former_secret, webhook_url, status, error, "
    "created_at, updated_at"
)
_NOT_CLOSED = "workspace_id NOT IN (SELECT workspace FROM workspace_removals)"


class Telegram:
    """The bots of one workspace and what they brought."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def bots(self) -> list[Bot]:
        """All bots, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_BOT} FROM telegram_bots WHERE workspace_id = ? ORDER BY id", (self._workspace,)
        )
        return [Bot(*row) for row in rows]

    def bot(self, number: int) -> Bot | None:
        """One bot, by our id."""
        row = self._sql.row(
            f"SELECT {_BOT} FROM telegram_bots WHERE workspace_id = ? AND id = ?", (self._workspace, number)
        )
        return Bot(*row) if row else None

    def put(self, bot: Bot) -> None:
        """Add a bot, or write what has changed about it."""
        self._sql.run(
            f"""INSERT INTO telegram_bots ({_BOT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET username = excluded.username, name = excluded.name,
              token = excluded.token, secret = excluded.secret, former_secret = excluded.former_secret,
              webhook_url = excluded.webhook_url, status = excluded.status, error = excluded.error,
              updated_at = excluded.updated_at""",
            (
                self._workspace, bot.id, bot.bot_id, bot.username, bot.name, bot.token, bot.secret, bot.former_secret,
                bot.webhook_url, bot.status, bot.error, bot.created_at, bot.updated_at,
            ),
        )  # fmt: skip

    def remove(self, number: int) -> bool:
        """Forget a bot; False when there is none."""
        return (
            self._sql.run("DELETE FROM telegram_bots WHERE workspace_id = ? AND id = ?", (self._workspace, number)) > 0
        )

    def claim_update(self, bot_id: int, update_id: int, at: int) -> bool:
        """Whether this update of a bot (Telegram's id) comes for the first time."""
        return (
            self._sql.run(
                """INSERT INTO telegram_updates (workspace_id, bot_id, update_id, at) VALUES (?, ?, ?, ?)
                ON CONFLICT (workspace_id, bot_id, update_id) DO NOTHING""",
                (self._workspace, bot_id, update_id, at),
            )
            > 0
        )

    def forget_updates(self, before: int) -> None:
        """Forget updates that Telegram will not send again."""
        self._sql.run("DELETE FROM telegram_updates WHERE workspace_id = ? AND at < ?", (self._workspace, before))

    def session(self, session_id: int) -> tuple[str, int | None] | None:
        """(key, contact) of the session that a deep link names."""
        row = self._sql.row(
            "SELECT key, contact_id FROM sessions WHERE workspace_id = ? AND id = ?", (self._workspace, session_id)
        )
        return (row[0], row[1]) if row else None

    def link_used_by(self, link_id: int) -> int | None:
        """The session of the chat that a deep link has tied; None when it has not been used."""
        row = self._sql.row(
            "SELECT session_id FROM telegram_links_used WHERE workspace_id = ? AND id = ?", (self._workspace, link_id)
        )
        return row[0] if row else None

    def use_link(self, link_id: int, session_id: int, expires_at: int) -> None:
        """Keep that a deep link has tied a chat."""
        self._sql.run(
            """INSERT INTO telegram_links_used (workspace_id, id, session_id, expires_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO NOTHING""",
            (self._workspace, link_id, session_id, expires_at),
        )

    def forget_links(self, before: int) -> None:
        """Forget deep links that have expired: their own date refuses them."""
        self._sql.run(
            "DELETE FROM telegram_links_used WHERE workspace_id = ? AND expires_at < ?", (self._workspace, before)
        )


def bot_by_id(sql: Sql, number: int) -> Bot | None:
    """The bot that an incoming request names, in whichever workspace it is, unless that is being removed."""
    row = sql.row(f"SELECT {_BOT} FROM telegram_bots WHERE id = ? AND {_NOT_CLOSED}", (number,))
    return Bot(*row) if row else None


def bot_owner(sql: Sql, bot_id: int) -> int | None:
    """The workspace that a bot (Telegram's id) speaks for: Telegram knows one webhook for each bot."""
    row = sql.row(f"SELECT workspace_id FROM telegram_bots WHERE bot_id = ? AND {_NOT_CLOSED}", (bot_id,))
    return row[0] if row else None
