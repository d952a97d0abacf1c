"""Work in the background, and how far it has come."""

from collections.abc import Iterable

from ensue.model.backfill import Backfill
from ensue.store.sql.connection import Row, Sql

_COLUMNS = """id, kind, subject_id, version, status, triggers, cursor, upto, total, done, entered, exited, started_at,
  finished_at, error"""


def _backfill(row: Row) -> Backfill:
    return Backfill(row[0], row[1], row[2], row[3], row[4], bool(row[5]), *row[6:])


class Backfills:
    """The backfills of one workspace. What another kind of work keeps here is left alone by naming the kind."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def add(self, backfill: Backfill) -> None:
        """Begin one."""
        b = backfill
        self._sql.run(
            f"""INSERT INTO backfills (workspace_id, {_COLUMNS})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                self._workspace, b.id, b.kind, b.subject_id, b.version, b.status, int(b.triggers), b.cursor, b.upto,
                b.total, b.done, b.entered, b.exited, b.started_at, b.finished_at, b.error,
            ),
        )  # fmt: skip

    def get(self, backfill_id: int) -> Backfill | None:
        """One backfill."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM backfills WHERE workspace_id = ? AND id = ?", (self._workspace, backfill_id)
        )
        return _backfill(row) if row else None

    def running(self) -> list[Backfill]:
        """Those that are not finished, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM backfills WHERE workspace_id = ? AND status = 'RUNNING' ORDER BY id",
            (self._workspace,),
        )
        return [_backfill(row) for row in rows]

    def of_subject(self, subject_id: int, limit: int) -> list[Backfill]:
        """The backfills of one segment, newest first."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM backfills WHERE workspace_id = ? AND subject_id = ? ORDER BY id DESC LIMIT ?",
            (self._workspace, subject_id, limit),
        )
        return [_backfill(row) for row in rows]

    def newest(self, kind: str) -> Backfill | None:
        """The newest one of a kind."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM backfills WHERE workspace_id = ? AND kind = ? ORDER BY id DESC LIMIT 1",
            (self._workspace, kind),
        )
        return _backfill(row) if row else None

    def size(self, backfill_id: int, total: int) -> None:
        """Say how many contacts have to be looked at in all."""
        self._sql.run(
            "UPDATE backfills SET total = ? WHERE workspace_id = ? AND id = ?", (total, self._workspace, backfill_id)
        )

    def advance(self, backfill_id: int, cursor: int, done: int) -> None:
        """Say that contacts up to the cursor are done, so many more than before."""
        self._sql.run(
            "UPDATE backfills SET cursor = ?, done = done + ? WHERE workspace_id = ? AND id = ?",
            (cursor, done, self._workspace, backfill_id),
        )

    def count(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Add entries and exits: (entered, exited, backfill)."""
        self._sql.run_many(
            "UPDATE backfills SET entered = entered + ?, exited = exited + ? WHERE workspace_id = ? AND id = ?",
            [(entered, exited, self._workspace, backfill_id) for entered, exited, backfill_id in rows],
        )

    def finish(self, backfill_id: int, status: str, at: int, error: str | None = None) -> None:
        """End one."""
        self._sql.run(
            "UPDATE backfills SET status = ?, finished_at = ?, error = ? WHERE workspace_id = ? AND id = ?",
            (status, at, error, self._workspace, backfill_id),
        )

    def cancel(self, subject_id: int, at: int) -> None:
        """End what still runs for one segment."""
        self._sql.run(
            """UPDATE backfills SET status = 'CANCELLED', finished_at = ?
            WHERE workspace_id = ? AND subject_id = ? AND status = 'RUNNING'""",
            (at, self._workspace, subject_id),
        )
