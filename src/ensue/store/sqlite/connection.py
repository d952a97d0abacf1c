"""apsw behind `Sql`: statements run here, and a driver's exception never leaves."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import apsw

from ensue.base.errors import Conflict, Unavailable
from ensue.store.sql.connection import Column, Row, Values
from ensue.store.sqlite.json_sql import SqliteJson

# 3.7.0 to 3.51.2 can corrupt the file when the log is reset under a reader.
OLDEST_SAFE = (3, 51, 3)


class StorageFailed(Exception):
    """The disk did not do what it was told. What is durable is unknown, so the process must stop."""

    stops_the_process = True


def translated(error: apsw.Error) -> Exception:
    """Our own exception for one of apsw's.

    Conflict: a unique key or another constraint. Unavailable: locked, full or read-only; the same may succeed later.
    StorageFailed: an I/O error or a corrupt file. Anything else is a defect and stays what it is.
    """
    match error:
        case apsw.ConstraintError():
            return Conflict("It contradicts what is stored.")
        case apsw.BusyError() | apsw.LockedError():
            return Unavailable("The store is busy.")
        case apsw.FullError() | apsw.ReadOnlyError():
            return Unavailable("The disk is full or read-only; nothing was stored.", retry_after=5)
        case apsw.IOError() | apsw.CorruptError() | apsw.NotADBError() | apsw.CantOpenError():
            return StorageFailed(f"The store failed: {error}")
        case _:
            return error


@contextmanager
def errors() -> Iterator[None]:
    """Turn apsw's exceptions into our own; see `translated`."""
    try:
        yield
    except apsw.Error as error:
        raise translated(error) from error


class SqliteConnection:
    """One connection of the embedded store."""

    own_id = "id"
    ids_follow_commits = True
    for_update = ""
    skip_locked = ""

    def __init__(self, connection: apsw.Connection) -> None:
        self.raw = connection
        self.json = SqliteJson()
        self._execute = connection.execute

    def by(self, index: str) -> str:
        """Read by this index; it is an error when that cannot be."""
        return f" INDEXED BY {index}"

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        try:
            return self._execute(statement, tuple(values)).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row of a query, or None."""
        try:
            return self._execute(statement, tuple(values)).fetchone()
        except apsw.Error as error:
            raise translated(error) from error

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a change and return how many rows it changed."""
        try:
            self._execute(statement, tuple(values))
        except apsw.Error as error:
            raise translated(error) from error
        return self.raw.changes()

    def returned(self, statement: str, values: Iterable[Values]) -> list[Row]:
        """Run one change for each row of values; what they return."""
        try:
            return self.raw.executemany(statement, values).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def run_many(self, statement: str, values: Iterable[Values]) -> None:
        """Run one change for each row of values."""
        try:
            self.raw.executemany(statement, values)
        except apsw.Error as error:
            raise translated(error) from error

    def columns(self) -> list[Column]:
        """The columns of every table."""
        rows = self.rows(
            """SELECT t.name, c.name, c.pk FROM pragma_table_list t JOIN pragma_table_info(t.name) c
            WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
            ORDER BY t.name, c.pk, c.cid"""
        )
        return [Column(*row) for row in rows]

    def beside_others(self, workspace_id: int) -> int:
        """There are no others: one transaction writes at a time, and one process hands out ids."""
        return 0

    def keep_latest_id(self, workspace_id: int, latest: int) -> None:
        """Keep it with the workspace, whose row is read anyway."""
        self.run("UPDATE workspaces SET latest_id = ? WHERE id = ? AND latest_id < ?", (latest, workspace_id, latest))

    def alone(self, workspace_id: int) -> None:
        """It is always alone."""


def open_connection(
    path: str, *, vfs: str | None = None, read_only: bool = False, synchronous: str = "FULL"
) -> apsw.Connection:
    """Open the file with the settings that the promises rest on.

    Raises:
        StorageFailed: the linked SQLite is one that can corrupt, or the file cannot be opened.
    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SAFE:
        raise StorageFailed(f"SQLite {apsw.sqlite_lib_version()} can corrupt its log; 3.51.3 or newer is needed.")
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with errors():
        connection = apsw.Connection(path, flags=flags, vfs=vfs, statementcachesize=400)
        connection.set_busy_timeout(5_000)
        # A plan never looks at bound values; without this, SQLite prepares a join anew for each that it is given.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.pragma("journal_mode", "wal") if not read_only else None
        connection.pragma("synchronous", synchronous)
        connection.pragma("foreign_keys", True)
        connection.pragma("wal_autocheckpoint", 16_384)
        connection.pragma("journal_size_limit", 128 * 1024 * 1024)
        connection.pragma("cache_size", -32_768 if not read_only else -8_192)
        connection.pragma("temp_store", "memory")
        connection.pragma("mmap_size", 0)
    return connection
