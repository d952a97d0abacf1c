"""The embedded store: one file, one writer, as many readers as there are threads that ask."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from ensue.base.clock import Clock
from ensue.base.errors import Conflict, Unavailable
from ensue.store.sql.transaction import Tables
from ensue.store.sqlite.connection import SqliteConnection, StorageFailed, errors, open_connection
from ensue.store.sqlite.migrate import migrate

T = TypeVar("T")

FILE = "ensue.db"


def holds_store(folder: Path) -> bool:
    """Whether a store has been made in a folder."""
    return (folder / FILE).exists()


class SqliteStore:
    """SQLite in WAL mode with `synchronous=FULL`.

    Statements of the embedded store take microseconds, so callers may run them on the event loop; only `commit`
    waits for the disk.
    """

    statements_wait = False

    def __init__(self, folder: Path, *, vfs: str | None = None, synchronous: str = "FULL") -> None:
        """Open or create the file in a folder, at this version's schema.

        Raises:
            Unavailable: a newer version wrote it. StorageFailed: it cannot be used.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / FILE
        self._vfs = vfs
        self._writer = open_connection(str(self.path), vfs=vfs, synchronous=synchronous)
        self.schema = migrate(self._writer)
        self._tables = Tables(SqliteConnection(self._writer))
        self._readers: list[apsw.Connection] = []
        self._idle: list[tuple[apsw.Connection, Tables]] = []
        self._lock = threading.Lock()

    def join(self, _clock: Clock) -> int:
        """The node number of the one process that there is."""
        return 0

    # The writer: one transaction at a time, on whichever thread holds it.

    def begin(self) -> Tables:
        """Begin the write transaction."""
        with errors():
            self._writer.execute("BEGIN IMMEDIATE")
        return self._tables

    def commit(self) -> None:
        """Make the transaction durable; rolls back and raises when that fails."""
        try:
            with errors():
                self._writer.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Undo the transaction. SQLite may have done so by itself already (a full disk does that)."""
        if self._writer.in_transaction:
            with errors():
                self._writer.execute("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what is done inside when it raises."""
        with errors():
            self._writer.execute("SAVEPOINT one")
        try:
            yield
        except BaseException:
            if self._writer.in_transaction:
                with errors():
                    self._writer.execute("ROLLBACK TO one")
                    self._writer.execute("RELEASE one")
            raise
        with errors():
            self._writer.execute("RELEASE one")

    def write(self, work: Callable[[Tables], T]) -> T:
        """Run work in a transaction of its own; for start-up, commands and tests."""
        tables = self.begin()
        try:
            result = work(tables)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return result

    # Readers: each sees one snapshot.

    def read(self, work: Callable[[Tables], T]) -> T:
        """Run queries on one snapshot. Safe from any thread."""
        connection, tables = self._reader()
        try:
            with errors():
                connection.execute("BEGIN")
            try:
                return work(tables)
            finally:
                with errors():
                    connection.execute("COMMIT")
        finally:
            with self._lock:
                self._idle.append((connection, tables))

    def _reader(self) -> tuple[apsw.Connection, Tables]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = open_connection(str(self.path), vfs=self._vfs, read_only=True)
        with self._lock:
            self._readers.append(connection)
        return connection, Tables(SqliteConnection(connection))

    def settled(self) -> str:
        """Fold the log into the file, and return a text that is another one after anything was written.

        Raises:
            Unavailable: somebody is reading.
        """
        with errors():
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        found = self.path.stat()
        return f"{found.st_size} bytes of {found.st_mtime_ns}"

    @property
    def server(self) -> str:
        """Which database it is."""
        return f"SQLite {apsw.sqlite_lib_version()}"

    def check(self) -> list[str]:
        """What SQLite's own integrity check finds; empty when all is well."""
        return [
            text
            for text in self.read(lambda t: [row[0] for row in t.sql.rows("PRAGMA integrity_check")])
            if text != "ok"
        ]

    def backup(self, to: Path) -> None:
        """Copy the store to a new file while it is in use; everything committed before the start is in the copy.

        The copy is checked and durable before it has its name, so a file of that name is a whole backup.

        Raises:
            Conflict: there is something of that name. Unavailable: the copy cannot be written, or is not sound.
        """
        if to.exists():
            raise Conflict(f"{to} is there already; a backup never overwrites anything.")
        partial = to.with_name(to.name + ".partial")
        try:
            partial.unlink(missing_ok=True)
            # Everything is in it: for this user alone, wherever it is put.
            partial.touch(mode=0o600, exist_ok=False)
            self._copy(partial)
            _make_durable(partial)
            partial.rename(to)
            _make_durable(to.parent)
        except (OSError, StorageFailed) as error:
            raise Unavailable(f"The backup cannot be written to {to}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def _copy(self, to: Path) -> None:
        # The snapshot of a reader of its own stands still, however much is written, so the copy never starts over.
        source = open_connection(str(self.path), vfs=self._vfs, read_only=True)
        try:
            with errors():
                target = apsw.Connection(str(to))
            try:
                with errors():
                    source.execute("BEGIN")
                    source.execute("SELECT 1 FROM sqlite_schema").fetchall()
                    with target.backup("main", source, "main") as copy:
                        while not copy.done:
                            copy.step(1_024)
                    # One file, with no log beside it.
                    target.pragma("journal_mode", "delete")
                    found = [row[0] for row in target.execute("PRAGMA integrity_check")]
            finally:
                target.close()
        finally:
            source.close()
        if found != ["ok"]:
            raise Unavailable(f"The copy is not sound: {'; '.join(map(str, found[:3]))}")

    def close(self) -> None:
        """Close every connection; folds the log back into the file."""
        with self._lock:
            readers, self._readers, self._idle = self._readers, [], []
        failed: Exception | None = None
        # One that cannot be closed must not keep the others open.
        for connection in (*readers, self._writer):
            try:
                with errors():
                    connection.close()
            except Exception as error:  # noqa: BLE001 - it is raised when all are closed
                failed = failed or error
        if failed is not None:
            raise failed


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
