"""What happened to one contact, newest first: each kind of thing read below one place in time.

A place is (instant, id, rank): ids are unique among all kinds, and the rank tells apart what one row says of two
instants, such as the entry and the exit of one stay.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ensue.store.sql.connection import Row, Sql
from ensue.store.sql.standing import CHAIN

Place = tuple[int, int, int]

LATEST: Place = (2**62, 2**62, 2**30)
"""Above everything."""

_ENDED = 2**20


class Entry(NamedTuple):
    """One thing, and where it stands. `row` holds the values that its kind has, see the statements."""

    place: Place
    kind: str
    row: Row


class Timeline:
    """The history of the contacts of one workspace, apart from their events."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def entries(self, contact_id: int, stays_of: Sequence[int], below: Place, limit: int) -> list[Entry]:
        """At most so many of each kind, newest first within each. Stays are also those of contacts merged into it."""
        found: list[Entry] = []
        for owner in stays_of:
            found += self._read("SEGMENT_ENTERED", _ENTERED_STAYS, owner, below, limit)
            found += self._read("SEGMENT_EXITED", _EXITED_STAYS, owner, below, limit)
        for kind, statement in _OF_CONTACT.items():
            found += self._read(kind, statement, contact_id, below, limit)
        return found

    def stays_now(self, contact_id: int) -> list[Row]:
        """The segments that a contact is in: (segment, name, type, entered at, cause), longest first."""
        return self._sql.rows(
            f"""SELECT m.segment_id, s.name, s.type, m.entered_at, m.entered_by
            FROM memberships m{self._sql.by("memberships_now")}
            JOIN segments s ON s.workspace_id = m.workspace_id AND s.id = m.segment_id
            WHERE m.workspace_id = ? AND m.contact_id = ? AND m.exited_at IS NULL ORDER BY m.entered_at, m.id""",
            (self._workspace, contact_id),
        )

    def consents(self, contact_id: int) -> list[Row]:
        """A contact's consents: (channel, status, source, updated at), by channel."""
        return self._sql.rows(
            """SELECT channel, status, source, updated_at FROM consents
            WHERE workspace_id = ? AND contact_id = ? ORDER BY channel""",
            (self._workspace, contact_id),
        )

    def _read(self, kind: str, statement: str, contact_id: int, below: Place, limit: int) -> list[Entry]:
        rows = self._sql.rows(
            f"""SELECT * FROM ({statement}) t WHERE (at, id, rank) < (?, ?, ?)
            ORDER BY at DESC, id DESC, rank DESC LIMIT ?""",
            (self._workspace, contact_id, *below, limit),
        )
        return [Entry((row[0], row[1], row[2]), kind, row[3:]) for row in rows]


_ENTERED_STAYS = """SELECT m.entered_at AS at, m.id AS id, 0 AS rank, m.segment_id, s.name, m.entered_by
  FROM memberships m
  LEFT JOIN segments s ON s.workspace_id = m.workspace_id AND s.id = m.segment_id
  WHERE m.workspace_id = ? AND m.contact_id = ?"""

_EXITED_STAYS = """SELECT m.exited_at AS at, m.id AS id, 1 AS rank, m.segment_id, s.name, m.exited_by
  FROM memberships m
  LEFT JOIN segments s ON s.workspace_id = m.workspace_id AND s.id = m.segment_id
  WHERE m.workspace_id = ? AND m.contact_id = ? AND m.exited_at IS NOT NULL"""

_OF_CONTACT = {
    "SCORE_CHANGED": f"""{CHAIN}
      SELECT n.at AS at, n.id AS id, 0 AS rank, n.rule_id, r.name, n.cause, n.event_id, n.given,
      n.before, n.after FROM chain n
      LEFT JOIN scoring_rules r ON r.workspace_id = n.workspace_id AND r.id = n.rule_id
      WHERE n.given <> 0""",
    "CAMPAIGN_ENROLLED": """SELECT e.entered_at AS at, e.id AS id, 0 AS rank, e.campaign_id, c.name, e.trigger,
      e.event_id
      FROM enrolments e LEFT JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
      WHERE e.workspace_id = ? AND e.contact_id = ?""",
    "CAMPAIGN_STEP": """SELECT p.at AS at, p.enrolment_id AS id, p.step + 1 AS rank, e.campaign_id, c.name, p.node_id,
      p.type, p.outcome, p.detail FROM enrolments e
      JOIN enrolment_steps p ON p.workspace_id = e.workspace_id AND p.enrolment_id = e.id
      LEFT JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
      WHERE e.workspace_id = ? AND e.contact_id = ?""",
    "CAMPAIGN_ENDED": f"""SELECT e.ended_at AS at, e.id AS id, {_ENDED} AS rank, e.campaign_id, c.name, e.status,
      e.end_reason
      FROM enrolments e LEFT JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
      WHERE e.workspace_id = ? AND e.contact_id = ? AND e.ended_at IS NOT NULL""",
    "CAMPAIGN_SKIPPED": """SELECT k.at AS at, k.id AS id, 0 AS rank, k.campaign_id, c.name, k.reason, k.event_id
      FROM enrolment_skips k LEFT JOIN campaigns c ON c.workspace_id = k.workspace_id AND c.id = k.campaign_id
      WHERE k.workspace_id = ? AND k.contact_id = ?""",
    "MESSAGE": """SELECT m.created_at AS at, m.id AS id, 0 AS rank, m.channel, m.kind, m.status, m.reason,
      m.campaign_id, m.sent_at, m.opened_at, m.clicked_at FROM messages m
      WHERE m.workspace_id = ? AND m.contact_id = ?""",
    "CHANGED": """SELECT h.at AS at, h.id AS id, 0 AS rank, h.changes, h.source FROM contact_changes h
      WHERE h.workspace_id = ? AND h.contact_id = ?""",
}
