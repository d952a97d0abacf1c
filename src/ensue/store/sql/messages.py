"""Messages on their way out, and what became of each hand-over."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ensue.base import json
from ensue.base.clock import DAY
from ensue.base.ids import id_at
from ensue.model.message import FAILED, MARKETING, QUEUED, SENDING, Attempt, Message, before
from ensue.store.sql.connection import Row, Sql, Values

_COLUMNS = """id, channel, kind, status, created_at, updated_at, contact_id, address, template_id, template_version,
  content, given, rendered, campaign_id, version, enrolment_id, node_id, event_id, attempt, tries, leased, due_at,
  reason,
  detail, provider_id, handed_at, sent_at, delivered_at, opened_at, clicked_at"""

_LONGEST_HELD = 31 * DAY
_UNDER_WAY = f"status IN ('{QUEUED}', '{SENDING}')"

# What keeps the instant at which a message came to a status.
_INSTANTS = {
    "SENT": "sent_at",
    "DELIVERED": "delivered_at",
    "OPENED": "opened_at",
    "CLICKED": "clicked_at",
}


class Filter(NamedTuple):
    """Which messages; None is any."""

    contact_id: int | None = None
    campaign_id: int | None = None
    enrolment_id: int | None = None
    channel: str | None = None
    kind: str | None = None
    status: str | None = None
    reason: str | None = None


class Messages:
    """The messages of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def add(self, messages: Iterable[Message]) -> None:
        """Store new messages."""
        self._sql.run_many(
            f"""INSERT INTO messages (workspace_id, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [(self._workspace, *_values(message)) for message in messages],
        )

    def get(self, message_id: int) -> Message | None:
        """One message."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM messages WHERE workspace_id = ? AND id = ?", (self._workspace, message_id)
        )
        return _message(row) if row else None

    def page(self, which: Filter, limit: int, offset: int) -> tuple[int, list[Message]]:
        """(how many in all, one page newest first)."""
        named = [(name, value) for name, value in which._asdict().items() if value is not None]
        where = "".join(f" AND {name} = ?" for name, _ in named)
        values = (self._workspace, *(value for _, value in named))
        total = self._sql.row(f"SELECT COUNT(*) FROM messages WHERE workspace_id = ?{where}", values)
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM messages WHERE workspace_id = ?{where} ORDER BY id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return (total[0] if total else 0), [_message(row) for row in rows]

    def counted(self, contact_id: int, before_id: int, since: int) -> list[Message]:
        """A contact's messages, without one, that were handed over past an instant, or wait in the queue before it.

        One that was queued more than a month before that instant is not found.
        """
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM messages
            WHERE workspace_id = ? AND contact_id = ? AND id >= ? AND id <> ? AND kind = '{MARKETING}'
              AND (handed_at > ? OR (handed_at IS NULL AND status = '{QUEUED}' AND id < ?))
              AND (status <> '{FAILED}' OR sent_at IS NOT NULL)""",
            (self._workspace, contact_id, id_at(since - _LONGEST_HELD), before_id, since, before_id),
        )
        return [_message(row) for row in rows]

    # Handing over

    def due(self, channel: str, now: int, limit: int) -> list[Message]:
        """Messages of a channel that somebody must look at now, longest due first."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM messages WHERE workspace_id = ? AND channel = ? AND due_at <= ?
            ORDER BY due_at, id LIMIT ?""",
            (self._workspace, channel, now, limit),
        )
        return [_message(row) for row in rows]

    def lease(self, message: Message, until: int, now: int) -> bool:
        """Begin the next hand-over of a message as it was read; False when somebody else was first."""
        rendered = json.encode_text(message.rendered) if message.rendered is not None else None
        changed = self._sql.run(
            f"""UPDATE messages SET status = ?, attempt = attempt + 1, tries = tries + 1, leased = 1, due_at = ?,
              handed_at = ?, updated_at = ?, reason = NULL, detail = NULL, address = ?, rendered = ?,
              template_version = ?
            WHERE workspace_id = ? AND id = ? AND attempt = ? AND {_UNDER_WAY}""",
            (
                SENDING, until, now, now, message.address, rendered, message.template_version,
                self._workspace, message.id, message.attempt,
            ),
        )  # fmt: skip
        return changed == 1

    def settle(self, message: Message, attempt: int, now: int) -> bool:
        """Write what became of a hand-over; False when another has begun, or the lease was taken, since."""
        changed = self._sql.run(
            """UPDATE messages SET status = ?, reason = ?, detail = ?, leased = 0, due_at = ?, provider_id = ?,
              sent_at = ?, updated_at = ?
            WHERE workspace_id = ? AND id = ? AND attempt = ? AND leased = 1""",
            (
                message.status, message.reason, message.detail, message.due_at, message.provider_id, message.sent_at,
                now, self._workspace, message.id, attempt,
            ),
        )  # fmt: skip
        return changed == 1

    def put_off(self, message_id: int, until: int | None, reason: str | None, now: int) -> None:
        """Leave a message that is under way alone until an instant, or until somebody releases it."""
        self._sql.run(
            f"""UPDATE messages SET due_at = ?, leased = 0, reason = ?, updated_at = ?
            WHERE workspace_id = ? AND id = ? AND {_UNDER_WAY}""",
            (until, reason, now, self._workspace, message_id),
        )

    def fail(self, message_id: int, status: str, reason: str, detail: str | None, now: int) -> bool:
        """End a message that is under way without sending it; False when it is not."""
        changed = self._sql.run(
            f"""UPDATE messages SET status = ?, reason = ?, detail = ?, due_at = NULL, leased = 0, updated_at = ?
            WHERE workspace_id = ? AND id = ? AND {_UNDER_WAY}""",
            (status, reason, detail, now, self._workspace, message_id),
        )
        return changed == 1

    def release(self, campaign_id: int, now: int) -> None:
        """Let the messages that a campaign's pause holds back be looked at again."""
        self._sql.run(
            f"""UPDATE messages SET due_at = ?, reason = NULL, updated_at = ?
            WHERE workspace_id = ? AND campaign_id = ? AND due_at IS NULL AND {_UNDER_WAY}""",
            (now, now, self._workspace, campaign_id),
        )

    def replay(self, message_id: int, statuses: Sequence[str], now: int) -> bool:
        """Queue a message again that is in one of these statuses; False when it is not."""
        marks = ", ".join("?" * len(statuses))
        changed = self._sql.run(
            f"""UPDATE messages SET status = ?, reason = NULL, detail = NULL, due_at = ?, leased = 0, tries = 0,
              updated_at = ?
            WHERE workspace_id = ? AND id = ? AND status IN ({marks})""",
            (QUEUED, now, now, self._workspace, message_id, *statuses),
        )
        return changed == 1

    def advance(self, message_id: int, status: str, at: int, reason: str | None = None) -> bool:
        """Take a message to a status that was reported of it; False when it stands there or beyond already.

        Somebody may still come back from handing it over: that keeps its lease.
        """
        earlier = before(status)
        if not earlier:
            return False
        instant = f", {_INSTANTS[status]} = COALESCE({_INSTANTS[status]}, ?)" if status in _INSTANTS else ""
        values: Values = (status, reason, *((at,) if instant else ()), at, self._workspace, message_id, *earlier)
        changed = self._sql.run(
            f"""UPDATE messages SET status = ?, reason = COALESCE(?, reason){instant},
              due_at = CASE WHEN leased = 1 THEN due_at END,
              updated_at = ?
            WHERE workspace_id = ? AND id = ? AND status IN ({", ".join("?" * len(earlier))})""",
            values,
        )
        return changed == 1

    def give_back(self, message_id: int, attempt: int, now: int) -> bool:
        """End a lease that was not used: the hand-over was not begun."""
        changed = self._sql.run(
            """UPDATE messages SET leased = 0, tries = tries - 1, due_at = ?, updated_at = ?
            WHERE workspace_id = ? AND id = ? AND attempt = ? AND leased = 1""",
            (now, now, self._workspace, message_id, attempt),
        )
        return changed == 1

    # The log of hand-overs

    def log(self, attempts: Iterable[Attempt]) -> None:
        """Append to the logs."""
        self._sql.run_many(
            """INSERT INTO message_attempts
              (workspace_id, message_id, attempt, outcome, reason, started_at, ended_at, next_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (self._workspace, a.message_id, a.attempt, a.outcome, a.reason, a.started_at, a.ended_at, a.next_at)
                for a in attempts
            ],
        )

    def attempts(self, message_id: int) -> list[Attempt]:
        """The log of a message, oldest first."""
        rows = self._sql.rows(
            """SELECT message_id, attempt, outcome, reason, started_at, ended_at, next_at FROM message_attempts
            WHERE workspace_id = ? AND message_id = ? ORDER BY attempt""",
            (self._workspace, message_id),
        )
        return [Attempt(*row) for row in rows]


def _values(m: Message) -> tuple[object, ...]:
    content, given, rendered = (
        json.encode_text(part) if part is not None else None for part in (m.content, m.values, m.rendered)
    )
    return (
        m.id, m.channel, m.kind, m.status, m.created_at, m.updated_at, m.contact_id, m.address, m.template_id,
        m.template_version, content, given, rendered, m.campaign_id, m.version, m.enrolment_id, m.node_id, m.event_id,
        m.attempt, m.tries, int(m.leased), m.due_at, m.reason, m.detail, m.provider_id, m.handed_at, m.sent_at,
        m.delivered_at, m.opened_at, m.clicked_at,
    )  # fmt: skip


def _message(row: Row) -> Message:
    content, given, rendered = (json.decode(text) if text is not None else None for text in row[10:13])
    return Message(*(*row[:10], content, given, rendered, *row[13:20], bool(row[20]), *row[21:]))
