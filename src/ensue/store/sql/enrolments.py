"""How far each contact has come in each campaign."""

from collections.abc import Iterable

from ensue.base import json
from ensue.model.campaign import Enrolment, Step
from ensue.store.sql.connection import Sql

_COLUMNS = """id, campaign_id, version, contact_id, entry_key, status, node_id, node_entered_at, wake_at, trigger, event_id,
  depth, step, entered_at, ended_at, end_reason"""


class Enrolments:
    """The enrolments of one workspace, their logs, and the skips."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def get(self, enrolment_id: int) -> Enrolment | None:
        """One enrolment."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM enrolments WHERE workspace_id = ? AND id = ?", (self._workspace, enrolment_id)
        )
        return Enrolment(*row) if row else None

    def active(self, contact_id: int) -> list[Enrolment]:
        """A contact's enrolments that have not ended."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM enrolments WHERE workspace_id = ? AND contact_id = ? AND ended_at IS NULL ORDER BY id",
            (self._workspace, contact_id),
        )
        return [Enrolment(*row) for row in rows]

    def latest(self, contact_id: int, campaign_id: int) -> Enrolment | None:
        """A contact's newest enrolment in a campaign."""
        row = self._sql.row(
            f"""SELECT {_COLUMNS} FROM enrolments WHERE workspace_id = ? AND contact_id = ? AND campaign_id = ?
            ORDER BY entered_at DESC, id DESC LIMIT 1""",
            (self._workspace, contact_id, campaign_id),
        )
        return Enrolment(*row) if row else None

    def put(self, enrolments: Iterable[Enrolment]) -> None:
        """Write enrolments, new or changed."""
        workspace = self._workspace
        self._sql.run_many(
            f"""INSERT INTO enrolments (workspace_id, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, node_id = excluded.node_id,
              node_entered_at = excluded.node_entered_at, wake_at = excluded.wake_at, step = excluded.step,
              ended_at = excluded.ended_at, end_reason = excluded.end_reason""",
            [
                (workspace, e.id, e.campaign_id, e.version, e.contact_id, e.entry_key, e.status, e.node_id,
                 e.node_entered_at, e.wake_at, e.trigger, e.event_id, e.depth, e.step, e.entered_at, e.ended_at, e.end_reason)
                for e in enrolments
            ],
        )  # fmt: skip

    def log(self, steps: Iterable[Step]) -> None:
        """Append log lines."""
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO enrolment_steps (workspace_id, enrolment_id, step, node_id, type, outcome, detail, at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (workspace, s.enrolment_id, s.step, s.node_id, s.type, s.outcome,
                 json.encode_text(s.detail) if s.detail is not None else None, s.at)
                for s in steps
            ],
        )  # fmt: skip

    def steps(self, enrolment_id: int) -> list[Step]:
        """The log of an enrolment, oldest first."""
        rows = self._sql.rows(
            """SELECT enrolment_id, step, node_id, type, outcome, detail, at FROM enrolment_steps
            WHERE workspace_id = ? AND enrolment_id = ? ORDER BY step""",
            (self._workspace, enrolment_id),
        )
        return [Step(*row[:5], json.decode(row[5]) if row[5] else None, row[6]) for row in rows]

    def skip(self, rows: Iterable[tuple[int, int, int, int | None, str, int]]) -> None:
        """Keep skips: (id, campaign, contact, event, reason, instant)."""
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO enrolment_skips (workspace_id, id, campaign_id, contact_id, event_id, reason, at)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
            [(workspace, *row) for row in rows],
        )
