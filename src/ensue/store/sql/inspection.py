"""What `ensue verify` reads beside what everything else reads: rows as they are, and rows that should not be."""

from collections.abc import Iterator

from ensue.store.sql.connection import Sql

# Derived rows of a contact, all of which go with it.
_OF_CONTACTS = ("standings", "timers", "contact_tags", "consents", "score_ledger", "contact_changes")

Stay = tuple[int, int, int, int | None]


class Inspection:
    """The rows of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def stays(self, contact_id: int) -> list[Stay]:
        """(segment, membership, entered, exited) of all stays of a contact, in their order within each segment."""
        rows = self._sql.rows(
            """SELECT segment_id, id, entered_at, exited_at FROM memberships WHERE workspace_id = ? AND contact_id = ?
            ORDER BY segment_id, entered_at, id""",
            (self._workspace, contact_id),
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def timers(self, contact_id: int) -> dict[tuple[int, int], int]:
        """When each timer (kind, subject) of a contact is due."""
        rows = self._sql.rows(
            "SELECT kind, subject_id, due_at FROM timers WHERE workspace_id = ? AND contact_id = ?",
            (self._workspace, contact_id),
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def wakes(self, contact_id: int) -> list[tuple[int, int]]:
        """(enrolment, wake) of what a contact waits for in campaigns that run."""
        rows = self._sql.rows(
            """SELECT e.id, e.wake_at FROM enrolments e
            JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
            WHERE e.workspace_id = ? AND e.contact_id = ? AND e.ended_at IS NULL AND e.wake_at IS NOT NULL
              AND c.status = 'ACTIVE' AND c.sweep IS NULL""",
            (self._workspace, contact_id),
        )
        return [(row[0], row[1]) for row in rows]

    def attributed(self, contact_id: int) -> dict[int, int]:
        """When those events of a contact became its own that were nobody's before: event to instant."""
        rows = self._sql.rows(
            """SELECT e.id, s.linked_at FROM events e
            JOIN sessions s ON s.workspace_id = e.workspace_id AND s.id = e.session_id
            WHERE e.workspace_id = ? AND e.contact_id = ? AND e.effects IS NOT NULL AND s.linked_at IS NOT NULL""",
            (self._workspace, contact_id),
        )
        return dict(rows)

    def type_counts(self) -> list[tuple[str, int, int]]:
        """(type, events as counted, events as stored) of every type."""
        rows = self._sql.rows(
            """SELECT t.name, t.events, COUNT(e.id) FROM event_types t
            LEFT JOIN events e ON e.workspace_id = t.workspace_id AND e.type_id = t.id
            WHERE t.workspace_id = ? GROUP BY t.id, t.name, t.events ORDER BY t.name""",
            (self._workspace,),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def orphans(self) -> Iterator[tuple[str, int, int]]:
        """(table, contact, rows) of what is kept of contacts that are not there."""
        kept = [(table, "1 = 1") for table in _OF_CONTACTS]
        kept += [("memberships", "exited_at IS NULL"), ("enrolments", "ended_at IS NULL")]
        kept += [("events", "contact_id IS NOT NULL"), ("sessions", "contact_id IS NOT NULL")]
        for table, condition in kept:
            rows = self._sql.rows(
                f"""SELECT contact_id, COUNT(*) FROM {table} o WHERE workspace_id = ? AND {condition} AND NOT EXISTS
                  (SELECT 1 FROM contacts c WHERE c.workspace_id = o.workspace_id AND c.id = o.contact_id)
                GROUP BY contact_id ORDER BY contact_id""",
                (self._workspace,),
            )
            yield from ((table, row[0], row[1]) for row in rows)

    def stays_without_segment(self) -> list[tuple[int, int]]:
        """(contact, segment) of those who are in a segment that is not there."""
        rows = self._sql.rows(
            """SELECT contact_id, segment_id FROM memberships m WHERE workspace_id = ? AND exited_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.workspace_id = m.workspace_id AND s.id = m.segment_id)
              AND NOT EXISTS (SELECT 1 FROM backfills b WHERE b.workspace_id = m.workspace_id
                AND b.subject_id = m.segment_id AND b.status = 'RUNNING')
            ORDER BY contact_id, segment_id""",
            (self._workspace,),
        )
        return [(row[0], row[1]) for row in rows]
