"""A database that the rows of another store are copied into: in bulk, and so that a copy that was cut off goes on.

How far each table has come stands in `ensue_copy`, written in the transaction of the rows themselves. The table is
there for as long as the copy is not whole, and nobody serves from a database that has it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter

import psycopg
from psycopg import sql

from ensue.base import json
from ensue.base.errors import Conflict, Invalid, Unavailable
from ensue.store.postgres.errors import translated
from ensue.store.postgres.migrate import migrate
from ensue.store.postgres.store import OLDEST
from ensue.store.sql.connection import Row

# "copy" as a number: whoever copies into a database holds this lock of it.
_LOCK = 0x636F7079
# Of the target's own processes, never copied.
_OWN = "nodes"


class PostgresTarget:
    """One connection, held for the whole copy."""

    def __init__(self, url: str, now: int) -> None:
        """Open a database, brought to this version's schema.

        Raises:
            Unavailable: it cannot be reached, is too old, or has a newer schema. Conflict: it is being served, or
                another copy into it runs.
        """
        with _errors():
            self._connection = psycopg.connect(
                url, autocommit=True, connect_timeout=5, application_name="ensue copy", prepare_threshold=None
            )
        try:
            self._refuse_old()
            self.schema = migrate(self._connection)
            self._claim(now)
        except BaseException:
            self._connection.close()
            raise

    def _refuse_old(self) -> None:
        if self._connection.info.server_version < OLDEST:
            raise Unavailable("PostgreSQL 15 or newer is needed.")

    def _claim(self, now: int) -> None:
        if not self._first("SELECT pg_try_advisory_lock(%s)", _LOCK):
            raise Conflict("Another copy into this database is running.")
        if self._first("SELECT COUNT(*) FROM nodes WHERE expires_at > %s", now):
            raise Conflict("The database is being served; stop every process that uses it first.")
        # A crash of the server loses rows together with how far they had come; `finish` waits for all of it.
        with _errors():
            self._connection.execute("SET synchronous_commit = off")

    def columns(self) -> dict[str, set[str]]:
        """The names of the columns of every table."""
        with _errors():
            rows = self._connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
            ).fetchall()
        found: dict[str, set[str]] = {}
        for table, column in rows:
            found.setdefault(table, set()).add(column)
        return found

    def in_order(self, tables: Sequence[str]) -> list[str]:
        """These tables, each after those that it refers to, without those that are not copied."""
        with _errors():
            rows = self._connection.execute(
                """SELECT a.relname, b.relname FROM pg_constraint k
                JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid
                WHERE k.contype = 'f' AND a.relnamespace = current_schema()::regnamespace AND a.oid <> b.oid"""
            ).fetchall()
        graph: dict[str, set[str]] = {table: set() for table in sorted(tables) if table != _OWN}
        for table, other in rows:
            if table in graph and other in graph:
                graph[table].add(other)
        return list(TopologicalSorter(graph).static_order())

    def begin(self, source: str, tables: Sequence[str]) -> bool:
        """Begin to copy a source, or go on; True when going on.

        Raises:
            Conflict: something is in the database already, or what it has is of another source.
        """
        with _errors(), self._connection.transaction():
            if self._first("SELECT to_regclass('ensue_copy') IS NOT NULL"):
                self._refuse_other(source)
                return True
            self._refuse_filled(tables)
            self._connection.execute(
                "CREATE TABLE ensue_copy (table_name text PRIMARY KEY, source text NOT NULL, last_key text)"
            )
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO ensue_copy (table_name, source) VALUES (%s, %s)", [(table, source) for table in tables]
                )
        return False

    def _refuse_other(self, source: str) -> None:
        if self._first("SELECT COUNT(*) FROM ensue_copy WHERE source <> %s", source):
            raise Conflict(
                "The database holds part of another source, or of this one as it was before it was served again. "
                "Make the database anew, and copy from the beginning."
            )

    def _refuse_filled(self, tables: Sequence[str]) -> None:
        for table in tables:
            if self._count("SELECT EXISTS (SELECT 1 FROM {})", table):
                raise Conflict(f"The database is not empty: there are rows in {table}. Copy into a new one.")

    def last_key(self, table: str) -> list[object] | None:
        """The key of the row that a table has come to; None at its beginning."""
        found = self._first("SELECT last_key FROM ensue_copy WHERE table_name = %s", table)
        return None if found is None else [_unpacked(part) for part in json.decode(str(found))]

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], last_key: Sequence[object]) -> None:
        """Add rows to a table and note how far it has come, in one transaction.

        Raises:
            Invalid: a value that PostgreSQL cannot keep.
        """
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        try:
            with _errors(), self._connection.transaction(), self._connection.cursor() as cursor:
                with cursor.copy(into) as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(
                    "UPDATE ensue_copy SET last_key = %s WHERE table_name = %s",
                    (json.encode_text([_packed(part) for part in last_key]), table),
                )
        except psycopg.DataError as error:
            raise Invalid(f"A row of {table} up to {list(last_key)} cannot be stored: {error}") from error

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self._count("SELECT COUNT(*) FROM {}", table)

    def finish(self, tables: Sequence[str]) -> None:
        """Have the planner know what has come, and the copy be whole and durable."""
        with _errors():
            for table in tables:
                self._connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
            with self._connection.transaction():
                self._connection.execute("SET LOCAL synchronous_commit = on")
                self._connection.execute("DROP TABLE ensue_copy")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _first(self, statement: str, *values: object) -> object:
        with _errors():
            row = self._connection.execute(statement.encode(), values).fetchone()
        return None if row is None else row[0]

    def _count(self, statement: str, table: str) -> int:
        with _errors():
            row = self._connection.execute(sql.SQL(statement).format(sql.Identifier(table))).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.DataError:
        raise
    except psycopg.Error as error:
        raise translated(error) from error


def _packed(part: object) -> object:
    return {"hex": part.hex()} if isinstance(part, bytes) else part


def _unpacked(part: object) -> object:
    return bytes.fromhex(part["hex"]) if isinstance(part, dict) else part
