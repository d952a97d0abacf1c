"""What people and machines did with messages: the targets of links, and counts."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ensue.store.sql.connection import Sql

Count = Literal["opens", "machine_opens", "clicks", "machine_clicks"]


class Link(NamedTuple):
    """One link of a message."""

    number: int
    target: str
    clicks: int
    machine_clicks: int


class Engagement(NamedTuple):
    """How often a message was opened and its links followed, by people and by machines."""

    opens: int = 0
    machine_opens: int = 0
    clicks: int = 0
    machine_clicks: int = 0


class Reached(NamedTuple):
    """What must be known of a message to say what somebody did with it. Times in milliseconds."""

    id: int
    channel: str
    contact_id: int | None
    campaign_id: int | None
    address: str | None
    handed_at: int | None
    sent_at: int | None


def owner_of_message(sql: Sql, message_id: int) -> int | None:
    """The workspace of a message that a mail from outside names. One that is being removed has none."""
    row = sql.row(
        """SELECT workspace_id FROM messages
        WHERE id = ? AND workspace_id NOT IN (SELECT workspace FROM workspace_removals)""",
        (message_id,),
    )
    return row[0] if row else None


class MessageLinks:
    """The links of the messages of one workspace, and what was done with both."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def message(self, message_id: int) -> Reached | None:
        """A message, without its texts."""
        row = self._sql.row(
            """SELECT id, channel, contact_id, campaign_id, address, handed_at, sent_at FROM messages
            WHERE workspace_id = ? AND id = ?""",
            (self._workspace, message_id),
        )
        return Reached(*row) if row else None

    def keep(self, message_id: int, targets: Sequence[str]) -> None:
        """Store the targets of a message's links: the first is link 1. Rendered again, it has others."""
        self._sql.run(
            "DELETE FROM message_links WHERE workspace_id = ? AND message_id = ?", (self._workspace, message_id)
        )
        self._sql.run_many(
            "INSERT INTO message_links (workspace_id, message_id, number, target) VALUES (?, ?, ?, ?)",
            [(self._workspace, message_id, number, target) for number, target in enumerate(targets, 1)],
        )

    def target(self, message_id: int, number: int) -> str | None:
        """Where a link leads."""
        row = self._sql.row(
            "SELECT target FROM message_links WHERE workspace_id = ? AND message_id = ? AND number = ?",
            (self._workspace, message_id, number),
        )
        return row[0] if row else None

    def of_message(self, message_id: int) -> list[Link]:
        """The links of a message, by number."""
        rows = self._sql.rows(
            """SELECT number, target, clicks, machine_clicks FROM message_links
            WHERE workspace_id = ? AND message_id = ? ORDER BY number""",
            (self._workspace, message_id),
        )
        return [Link(*row) for row in rows]

    def engagement(self, message_id: int) -> Engagement:
        """The counts of a message."""
        row = self._sql.row(
            """SELECT opens, machine_opens, clicks, machine_clicks FROM message_engagement
            WHERE workspace_id = ? AND message_id = ?""",
            (self._workspace, message_id),
        )
        return Engagement(*row) if row else Engagement()

    def count(self, message_id: int, what: Count) -> None:
        """Count one more for a message."""
        self._sql.run(
            f"""INSERT INTO message_engagement (workspace_id, message_id, {what}) VALUES (?, ?, 1)
            ON CONFLICT (workspace_id, message_id) DO UPDATE SET {what} = message_engagement.{what} + 1""",
            (self._workspace, message_id),
        )

    def count_click(self, message_id: int, number: int, what: Literal["clicks", "machine_clicks"]) -> None:
        """Count one more for a link."""
        self._sql.run(
            f"""UPDATE message_links SET {what} = {what} + 1
            WHERE workspace_id = ? AND message_id = ? AND number = ?""",
            (self._workspace, message_id, number),
        )

    def note_first(self, message_id: int, what: Literal["opened_at", "clicked_at"], at: int) -> None:
        """Keep when a message was first opened or clicked, whatever its status is."""
        self._sql.run(
            f"UPDATE messages SET {what} = ? WHERE workspace_id = ? AND id = ? AND {what} IS NULL",
            (at, self._workspace, message_id),
        )
