"""Bring a file to this version's schema, one numbered migration at a time."""

from importlib.resources import files

import apsw

from ensue.base.errors import Unavailable
from ensue.store.sqlite.connection import errors


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, ascending."""
    folder = files("ensue.store.sqlite") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in names]


def migrate(connection: apsw.Connection) -> int:
    """Apply what is missing, each in a transaction of its own, and return the schema's number.

    Raises:
        Unavailable: the file was written by a newer version.
    """
    known = migrations()
    newest = known[-1][0]
    with errors():
        present = int(str(connection.pragma("user_version")))
        if present > newest:
            raise Unavailable(
                f"The data was written by a newer version (schema {present}, known {newest}). Upgrade first."
            )
        for number, statements in known:
            # Read again inside the lock: another process may have been first.
            connection.execute("BEGIN IMMEDIATE")
            try:
                if int(str(connection.pragma("user_version"))) < number:
                    connection.execute(statements)
                    connection.pragma("user_version", number)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    return newest
