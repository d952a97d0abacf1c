"""Campaigns run over history without doing anything, and what each has found so far."""

from collections.abc import Iterable, Sequence
from typing import Any

from ensue.base import json
from ensue.model.dry_run import DryRun
from ensue.model.segment import Membership
from ensue.store.sql.connection import Row, Sql

STAY = "id, segment_id, contact_id, version, entered_at, entered_by, exited_at, exited_by"
_COLUMNS = """id, campaign_id, body, status, since, until, started_at, cursor, total, done, found, error, finished_at"""


def _dry_run(row: Row) -> DryRun:
    found: dict[str, Any] | None = json.decode(row[10]) if row[10] is not None else None
    return DryRun(
        id=row[0], campaign_id=row[1], body=json.decode(row[2]), status=row[3], since=row[4], until=row[5],
        started_at=row[6], cursor=row[7], total=row[8], done=row[9], found=found, error=row[11], finished_at=row[12],
    )  # fmt: skip


class DryRuns:
    """The dry-runs of one workspace."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, dry_run: DryRun) -> None:
        """Store one, new or as far as it has come."""
        d = dry_run
        found = json.encode_text(d.found) if d.found is not None else None
        self._sql.run(
            f"""INSERT INTO dry_runs (workspace_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET status = excluded.status, cursor = excluded.cursor,
              total = excluded.total, done = excluded.done, found = excluded.found, error = excluded.error,
              finished_at = excluded.finished_at""",
            (
                self._workspace, d.id, d.campaign_id, json.encode_text(d.body), d.status, d.since, d.until,
                d.started_at, d.cursor, d.total, d.done, found, d.error, d.finished_at,
            ),
        )  # fmt: skip

    def get(self, dry_run_id: int) -> DryRun | None:
        """One dry-run."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM dry_runs WHERE workspace_id = ? AND id = ?", (self._workspace, dry_run_id)
        )
        return _dry_run(row) if row else None

    def running(self) -> list[DryRun]:
        """Those that are not over, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM dry_runs WHERE workspace_id = ? AND status = 'RUNNING' ORDER BY id",
            (self._workspace,),
        )
        return [_dry_run(row) for row in rows]

    def stays(self, contact_ids: Sequence[int], segment_ids: Iterable[int]) -> dict[int, list[Membership]]:
        """The stays of some contacts in some segments, also those that are over, oldest first, by contact."""
        among, named = self._sql.json.among("contact_id"), self._sql.json.among("segment_id")
        rows = self._sql.rows(
            f"""SELECT {STAY} FROM memberships WHERE workspace_id = ? AND {among} AND {named}
            ORDER BY contact_id, entered_at, id""",
            (self._workspace, json.encode_text(list(contact_ids)), json.encode_text(list(segment_ids))),
        )
        found: dict[int, list[Membership]] = {}
        for row in rows:
            stay = Membership(*row)
            found.setdefault(stay.contact_id, []).append(stay)
        return found

    def forget_before(self, dry_run_id: int) -> None:
        """Delete those that are over and older than one."""
        self._sql.run(
            "DELETE FROM dry_runs WHERE workspace_id = ? AND id < ? AND status <> 'RUNNING'",
            (self._workspace, dry_run_id),
        )
