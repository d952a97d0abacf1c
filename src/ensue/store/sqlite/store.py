"""The embedded store: one file, one writer, as many readers as there are threads that ask."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from ensue.store.sql.transaction import Tables
from ensue.store.sqlite.connection import SqliteConnection, errors, open_connection
from ensue.store.sqlite.migrate import migrate

T = TypeVar("T")

FILE = "ensue.db"


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
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._vfs = vfs
        self._writer = open_connection(str(self.path), vfs=vfs, synchronous=synchronous)
        self.schema = migrate(self._writer)
        self._tables = Tables(SqliteConnection(self._writer))
        self._readers: list[apsw.Connection] = []
        self._idle: list[tuple[apsw.Connection, Tables]] = []
        self._lock = threading.Lock()

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

    def check(self) -> list[str]:
        """What SQLite's own integrity check finds; empty when all is well."""
        return [text for text in self.read(lambda t: [row[0] for row in t.sql.rows("PRAGMA integrity_check")]) if text != "ok"]

    def backup(self, to: Path) -> None:
        """Copy the store to a new file while it is in use; everything committed before the start is in the copy."""
        with errors():
            target = apsw.Connection(str(to))
            try:
                with target.backup("main", self._writer, "main") as copy:
                    while not copy.done:
                        copy.step(1_024)
            finally:
                target.close()

    def close(self) -> None:
        """Close every connection; folds the log back into the file."""
        with self._lock:
            readers, self._readers, self._idle = self._readers, [], []
        for connection in readers:
            connection.close()
        with errors():
            self._writer.close()
