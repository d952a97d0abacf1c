"""Bring a database to this version's schema, one numbered migration at a time."""

from importlib.resources import files

import psycopg

from ensue.base.errors import Unavailable
from ensue.store.postgres.errors import translated

# "ensue" as a number: whoever migrates holds this lock of the database.
_LOCK = 0x656E737565
_LOCK_SECONDS = 10


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, ascending."""
    folder = files("ensue.store.postgres") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in names]


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
    row = connection.execute("SELECT COALESCE(MAX(number), 0) FROM ensue_schema").fetchone()
    assert row is not None
    present, newest = int(row[0]), known[-1][0]
    if present > newest:
        raise Unavailable(f"The data was written by a newer version (schema {present}, known {newest}). Upgrade first.")
    for number, statements in known:
        if number <= present:
            continue
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'".encode())
            connection.execute(statements.encode())
            connection.execute("INSERT INTO ensue_schema (number) VALUES (%s)", (number,))
