"""Bring a database to this version's schema, one numbered migration at a time."""

from importlib.resources import files

import psycopg

from ensue.base.errors import NotFound, Unavailable
from ensue.store.postgres.errors import translated

# "ensue" as a number: whoever migrates holds this lock of the database.
_LOCK = 0x656E737565
_LOCK_SECONDS = 10.0


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, ascending."""
    folder = files("ensue.store.postgres") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in names]


def check(connection: psycopg.Connection) -> int:
    """The number of the schema, when it is this version's.

    Raises:
        NotFound: nothing is there yet. Unavailable: it is that of another version.
    """
    newest = migrations()[-1][0]
    found = connection.execute("SELECT to_regclass('ensue_schema') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        raise NotFound("There is nothing in the database yet; `serve` or `migrate` makes it.")
    present = _present(connection)
    _refuse_newer(present, newest)
    if present < newest:
        raise Unavailable(f"The database has schema {present}; `ensue migrate` brings it to {newest}.")
    return present


def refuse_part(connection: psycopg.Connection) -> None:
    """Nobody serves from a database that `ensue copy` has filled only in part.

    Raises:
        Unavailable: it is one.
    """
    found = connection.execute("SELECT to_regclass('ensue_copy') IS NOT NULL").fetchone()
    if found is not None and found[0]:
        raise Unavailable("The copy into this database was cut off; run the same `ensue copy` again to finish it.")


def migrate(connection: psycopg.Connection) -> int:
    """Apply what is missing, each in a transaction of its own, and return the schema's number.

    One that was interrupted left nothing behind; the next start goes on with it. A table that is in use for longer than
    ten seconds is not waited for: everybody else would wait behind the migration.

    Raises:
        Unavailable: a newer version has been here, or another transaction is in the way.
    """
    known = migrations()
    newest = known[-1][0]
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            _apply_missing(connection, known)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    except psycopg.Error as error:
        raise translated(error) from error
    return newest


def _apply_missing(connection: psycopg.Connection, known: list[tuple[int, str]]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS ensue_schema (number bigint PRIMARY KEY)")
    present = _present(connection)
    _refuse_newer(present, known[-1][0])
    for number, statements in known:
        if number <= present:
            continue
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{round(_LOCK_SECONDS * 1000)}ms'".encode())
            connection.execute(statements.encode())
            connection.execute("INSERT INTO ensue_schema (number) VALUES (%s)", (number,))


def _present(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT COALESCE(MAX(number), 0) FROM ensue_schema").fetchone()
    assert row is not None
    return int(row[0])


def _refuse_newer(present: int, newest: int) -> None:
    if present > newest:
        raise Unavailable(f"The data was written by a newer version (schema {present}, known {newest}). Upgrade first.")
