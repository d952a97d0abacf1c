"""The server store: PostgreSQL, one writing connection for each process, as many reading ones as threads that ask.

Several processes write at once, each in transactions of READ COMMITTED. What keeps them apart: the contacts that a
transaction works on are locked, unique keys decide who was first, and definitions change while nobody else works in the
workspace.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from ensue.base.clock import Clock
from ensue.base.errors import Conflict, Contended, Unavailable, Unprocessable
from ensue.store.postgres import nodes
from ensue.store.postgres.connection import PostgresConnection
from ensue.store.postgres.errors import Clash, translated
from ensue.store.postgres.migrate import check, migrate, refuse_part
from ensue.store.sql.transaction import Tables

T = TypeVar("T")

OLDEST = 15_00_00
_TRIES = 5
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# A host that is gone without a word is noticed, and a process that stands still lets go of what it holds.
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000, "application_name": "ensue",
}  # fmt: skip
_SETTINGS = (
    "SET lock_timeout = '20s'",
    "SET statement_timeout = '120s'",
    "SET idle_in_transaction_session_timeout = '30s'",
    "SET timezone = 'UTC'",
    "SET extra_float_digits = 1",
)


class PostgresStore:
    """PostgreSQL 15 or newer.

    A statement waits for another process, so callers run none of them on the event loop.
    """

    statements_wait = True

    path = None

    def __init__(self, url: str, *, migrates: bool = True) -> None:
        """Open a database at this version's schema, bringing it there or (not `migrates`) refusing another.

        Raises:
            Unavailable: it cannot be reached, is too old, or has the schema of another version of Ensue.
            NotFound: it is not to be migrated, and there is nothing in it.
        """
        self.url = url
        self._writer = self._connect(writes=True)
        try:
            self.schema = (migrate if migrates else check)(self._writer.raw)
            refuse_part(self._writer.raw)
        except BaseException:
            self._writer.raw.close()
            raise
        self._tables = Tables(self._writer)
        self._idle: list[tuple[PostgresConnection, Tables]] = []
        self._lock = threading.Lock()
        self._clock: Clock | None = None
        self._lease: nodes.Lease | None = None
        self._closed = False

    def _connect(self, *, writes: bool) -> PostgresConnection:
        try:
            raw = psycopg.connect(self.url, autocommit=True, prepare_threshold=None, **_CONNECTING)
            if raw.info.server_version < OLDEST:
                raise Unavailable(f"PostgreSQL 15 or newer is needed; this is {raw.info.server_version // 10_000}.")
            connection = PostgresConnection(raw, writes=writes)
            connection.simply("; ".join(_SETTINGS))
        except psycopg.Error as error:
            raise translated(error) from error
        return connection

    # The writer: one transaction at a time, on whichever thread holds it.

    def begin(self) -> Tables:
        """Begin the write transaction; on a new connection when the old one is gone."""
        try:
            self._writer.simply("BEGIN")
        except Unavailable:
            if not self._writer.lost:
                raise
            self._reconnect()
            self._writer.simply("BEGIN")
        self._writer.begun()
        return self._tables

    def join(self, clock: Clock) -> int:
        """Take part in handing out ids: a node number of this process's own, held for as long as it writes."""
        self._clock = clock
        self._lease = self._write(lambda tables: nodes.take(tables.sql, clock.now()))
        self._writer.has_node = True
        return self._lease.node

    def _reconnect(self) -> None:
        fresh = self._connect(writes=True)
        fresh.has_node = self._writer.has_node
        with suppress(psycopg.Error):
            self._writer.raw.close()
        self._writer = fresh
        self._tables = Tables(fresh)

    def commit(self) -> None:
        """Make the transaction durable; rolls back and raises when that fails.

        Raises:
            Unavailable: also when the connection was lost on the way, and nobody can say whether it is durable; the
                sender's retry with the same key settles that.
            Lost: this process stood still for so long that another has taken its place.
        """
        try:
            if self._lease is not None and self._clock is not None:
                nodes.hold(self._writer, self._lease, self._writer.latest_id, self._clock.now())
            done = self._writer.simply("COMMIT")
        except BaseException:
            self.rollback()
            raise
        if done != "COMMIT":
            # The server turns the COMMIT of a spoiled transaction into a rollback, and calls that a success.
            raise Unavailable("The transaction was spoiled, and is undone.")

    def rollback(self) -> None:
        """Undo the transaction. A lost connection has done so by itself."""
        if not self._writer.lost and self._writer.inside:
            with suppress(Unavailable):
                self._writer.simply("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what is done inside when it raises."""
        writer = self._writer
        writer.simply("SAVEPOINT one")
        try:
            yield
        except BaseException as error:
            if not writer.lost and writer.inside:
                writer.simply("ROLLBACK TO one; RELEASE one")
                writer.undone()
                if isinstance(error, Clash):
                    raise Conflict(error.message) from error
            raise
        writer.simply("RELEASE one")

    def write(self, work: Callable[[Tables], T]) -> T:
        """Run work in a transaction of its own; for start-up, commands and tests.

        Raises:
            Conflict: a constraint. Unavailable: also when others were in the way again and again.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._write(work)
            except Clash as error:
                raise Conflict(error.message) from error
            except Contended:
                continue
        return self._write(work)

    def _write(self, work: Callable[[Tables], T]) -> T:
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
        connection, tables = self._snapshot()
        try:
            return work(tables)
        finally:
            self._put_back(connection, tables)

    def _snapshot(self) -> tuple[PostgresConnection, Tables]:
        with self._lock:
            found = self._idle.pop() if self._idle else None
        if found is not None:
            with suppress(Unavailable):
                found[0].simply(_SNAPSHOT)
                return found
            # It died while nobody used it, and so did its companions.
            self._drop_idle()
        connection = self._connect(writes=False)
        connection.simply(_SNAPSHOT)
        return connection, Tables(connection)

    def _put_back(self, connection: PostgresConnection, tables: Tables) -> None:
        with suppress(Unavailable):
            if not connection.lost:
                connection.simply("ROLLBACK")
        with self._lock:
            if not (connection.lost or self._closed):
                self._idle.append((connection, tables))
                return
        connection.raw.close()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.raw.close()

    @property
    def server(self) -> str:
        """Which database it is."""
        version = self._writer.raw.info.server_version
        return f"PostgreSQL {version // 10_000}.{version % 10_000}"

    def check(self) -> list[str]:
        """What is wrong with the database itself; its indexes and pages are watched over by PostgreSQL's own tools."""
        return []

    def backup(self, to: Path) -> None:
        """Refused: PostgreSQL is copied by its own tools.

        Raises:
            Unprocessable: always, saying which tools.
        """
        raise Unprocessable(f"{to} is not written: back up PostgreSQL with pg_dump, or with a base backup and its log.")

    def close(self) -> None:
        """Close every connection, and leave the node number to the next process."""
        if self._closed:
            return
        self._closed = True
        self._drop_idle()
        if self._lease is not None:
            with suppress(Unavailable):
                nodes.give_back(self._writer, self._lease)
        self._writer.raw.close()
