"""How far each contact has come in each campaign."""

from collections.abc import Iterable, Sequence

from ensue.base import json
from ensue.model.campaign import Enrolment, Step
from ensue.store.sql.connection import Sql

_COLUMNS = """id, campaign_id, version, contact_id, entry_key, status, node_id, node_entered_at, wake_at, trigger,
  event_id, depth, step, entered_at, ended_at, end_reason, deadline, occasion"""


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
            f"""SELECT {_COLUMNS} FROM enrolments{self._sql.by("enrolments_active")}
            WHERE workspace_id = ? AND contact_id = ? AND ended_at IS NULL ORDER BY id""",
            (self._workspace, contact_id),
        )
        return [Enrolment(*row) for row in rows]

    def active_of_all(self, contact_ids: Sequence[int]) -> dict[int, list[Enrolment]]:
        """The enrolments of some contacts that have not ended, by contact; who has none is left out."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM enrolments{self._sql.by("enrolments_active")}
            WHERE workspace_id = ? AND {self._sql.json.among("contact_id")} AND ended_at IS NULL ORDER BY id""",
            (self._workspace, json.encode_text(list(contact_ids))),
        )
        found: dict[int, list[Enrolment]] = {}
        for row in rows:
            enrolment = Enrolment(*row)
            found.setdefault(enrolment.contact_id, []).append(enrolment)
        return found

    def latest(self, contact_id: int, campaign_id: int, entry_key: str) -> Enrolment | None:
        """A contact's newest enrolment in a campaign with this entry key."""
        row = self._sql.row(
            f"""SELECT {_COLUMNS} FROM enrolments
            WHERE workspace_id = ? AND contact_id = ? AND campaign_id = ? AND entry_key = ?
            ORDER BY entered_at DESC, id DESC LIMIT 1""",
            (self._workspace, contact_id, campaign_id, entry_key),
        )
        return Enrolment(*row) if row else None

    def taken_for(self, contact_id: int, campaign_id: int, occasion: str) -> bool:
        """Whether a contact was ever taken into a campaign for an occasion."""
        row = self._sql.row(
            """SELECT 1 FROM enrolments
            WHERE workspace_id = ? AND contact_id = ? AND campaign_id = ? AND occasion = ? LIMIT 1""",
            (self._workspace, contact_id, campaign_id, occasion),
        )
        return row is not None

    def running(self, campaign_id: int, after: tuple[int, int], upto: int, limit: int) -> list[Enrolment]:
        """A campaign's enrolments that have not ended, past (version, id) in that order, with ids up to one."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM enrolments
            WHERE workspace_id = ? AND campaign_id = ? AND ended_at IS NULL AND (version, id) > (?, ?) AND id <= ?
            ORDER BY version, id LIMIT ?""",
            (self._workspace, campaign_id, *after, upto, limit),
        )
        return [Enrolment(*row) for row in rows]

    def any_running(self, campaign_id: int) -> bool:
        """Whether anybody is in a campaign now."""
        return (
            self._sql.row(
                "SELECT 1 FROM enrolments WHERE workspace_id = ? AND campaign_id = ? AND ended_at IS NULL LIMIT 1",
                (self._workspace, campaign_id),
            )
            is not None
        )

    def page(self, campaign_id: int, status: str | None, limit: int, offset: int) -> tuple[int, list[Enrolment]]:
        """(how many in all, one page newest first) of a campaign's enrolments."""
        where = "workspace_id = ? AND campaign_id = ?"
        values: tuple[object, ...] = (self._workspace, campaign_id)
        if status is not None:
            where, values = f"{where} AND status = ?", (*values, status)
        total = self._sql.row(f"SELECT COUNT(*) FROM enrolments WHERE {where}", values)
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM enrolments WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return (total[0] if total else 0), [Enrolment(*row) for row in rows]

    def counts(self, campaign_id: int) -> dict[str, int]:
        """How many of a campaign's enrolments have each status."""
        rows = self._sql.rows(
            "SELECT status, COUNT(*) FROM enrolments WHERE workspace_id = ? AND campaign_id = ? GROUP BY status",
            (self._workspace, campaign_id),
        )
        return dict(rows)

    def counts_by_node(self, campaign_id: int) -> list[tuple[str, str, int]]:
        """(node, outcome, how often) over the logs of a campaign's enrolments; outcome "" for those there now."""
        rows = self._sql.rows(
            """SELECT s.node_id, s.outcome, COUNT(*) FROM enrolments e
              JOIN enrolment_steps s ON s.workspace_id = e.workspace_id AND s.enrolment_id = e.id
            WHERE e.workspace_id = ? AND e.campaign_id = ? AND s.type <> 'campaign' GROUP BY s.node_id, s.outcome
            UNION ALL
            SELECT node_id, '', COUNT(*) FROM enrolments
            WHERE workspace_id = ? AND campaign_id = ? AND ended_at IS NULL GROUP BY node_id""",
            (self._workspace, campaign_id, self._workspace, campaign_id),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def change(self, enrolments: Iterable[Enrolment]) -> None:
        """Write how far enrolments have come that are stored already."""
        workspace = self._workspace
        self._sql.run_many(
            """UPDATE enrolments SET status = ?, node_id = ?, node_entered_at = ?, wake_at = ?, depth = ?, step = ?,
              ended_at = ?, end_reason = ?, deadline = ? WHERE workspace_id = ? AND id = ?""",
            [
                (e.status, e.node_id, e.node_entered_at, e.wake_at, e.depth, e.step, e.ended_at, e.end_reason,
                 e.deadline, workspace, e.id)
                for e in enrolments
            ],
        )  # fmt: skip

    def put(self, enrolments: Iterable[Enrolment]) -> None:
        """Write enrolments, new or changed."""
        workspace = self._workspace
        self._sql.run_many(
            f"""INSERT INTO enrolments (workspace_id, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT ({self._sql.own_id}) DO UPDATE SET status = excluded.status, node_id = excluded.node_id,
              node_entered_at = excluded.node_entered_at, wake_at = excluded.wake_at, depth = excluded.depth,
              step = excluded.step, ended_at = excluded.ended_at, end_reason = excluded.end_reason,
              deadline = excluded.deadline
            WHERE enrolments.workspace_id = excluded.workspace_id""",
            [
                (workspace, e.id, e.campaign_id, e.version, e.contact_id, e.entry_key, e.status, e.node_id,
                 e.node_entered_at, e.wake_at, e.trigger, e.event_id, e.depth, e.step, e.entered_at, e.ended_at,
                 e.end_reason, e.deadline, e.occasion)
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
        return [Step(r[0], r[1], r[2], r[3], r[4], json.decode(r[5]) if r[5] else None, r[6]) for r in rows]

    def reached(self, enrolment_id: int, node_id: str) -> bool:
        """Whether an enrolment has reached a goal."""
        row = self._sql.row(
            """SELECT 1 FROM enrolment_steps
            WHERE workspace_id = ? AND enrolment_id = ? AND node_id = ? AND outcome = 'REACHED' LIMIT 1""",
            (self._workspace, enrolment_id, node_id),
        )
        return row is not None

    def skip(self, rows: Iterable[tuple[int, int, int, int | None, str, int]]) -> None:
        """Keep skips: (id, campaign, contact, event, reason, instant)."""
        workspace = self._workspace
        self._sql.run_many(
            """INSERT INTO enrolment_skips (workspace_id, id, campaign_id, contact_id, event_id, reason, at)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
            [(workspace, *row) for row in rows],
        )

    def skips(
        self, campaign_id: int, limit: int, offset: int
    ) -> tuple[int, list[tuple[int, int, int | None, str, int]]]:
        """(how many in all, one page newest first) of a campaign's skips: (id, contact, event, reason, instant)."""
        where = "workspace_id = ? AND campaign_id = ?"
        total = self._sql.row(f"SELECT COUNT(*) FROM enrolment_skips WHERE {where}", (self._workspace, campaign_id))
        rows = self._sql.rows(
            f"""SELECT id, contact_id, event_id, reason, at FROM enrolment_skips WHERE {where}
            ORDER BY id DESC LIMIT ? OFFSET ?""",
            (self._workspace, campaign_id, limit, offset),
        )
        return (total[0] if total else 0), [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    def skips_by_reason(self, campaign_id: int) -> dict[str, int]:
        """How often a campaign did not take somebody in, by reason."""
        rows = self._sql.rows(
            "SELECT reason, COUNT(*) FROM enrolment_skips WHERE workspace_id = ? AND campaign_id = ? GROUP BY reason",
            (self._workspace, campaign_id),
        )
        return dict(rows)
