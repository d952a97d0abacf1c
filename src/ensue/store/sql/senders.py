"""How a workspace sends on each channel."""

from ensue.base import json
from ensue.model.message import Sender
from ensue.store.sql.connection import Sql

_COLUMNS = "channel, settings, secret, updated_at"


class Senders:
    """The senders of one workspace, one for a channel."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def get(self, channel: str) -> Sender | None:
        """The sender of a channel."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM senders WHERE workspace_id = ? AND channel = ?", (self._workspace, channel)
        )
        return Sender(row[0], json.decode(row[1]), row[2], row[3]) if row else None

    def all(self) -> list[Sender]:
        """Every sender, by channel."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM senders WHERE workspace_id = ? ORDER BY channel", (self._workspace,)
        )
        return [Sender(row[0], json.decode(row[1]), row[2], row[3]) for row in rows]

    def put(self, sender: Sender) -> None:
        """Store a sender, new or changed."""
        self._sql.run(
            f"""INSERT INTO senders (workspace_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, channel) DO UPDATE SET settings = excluded.settings, secret = excluded.secret,
              updated_at = excluded.updated_at""",
            (self._workspace, sender.channel, json.encode_text(sender.settings), sender.secret, sender.updated_at),
        )

    def remove(self, channel: str) -> bool:
        """Forget a sender; False when there is none."""
        removed = self._sql.run(
            "DELETE FROM senders WHERE workspace_id = ? AND channel = ?", (self._workspace, channel)
        )
        return removed == 1
