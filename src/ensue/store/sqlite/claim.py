"""One server for a folder: a second would hand out the same ids, and hear of the first one's changes too late."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ensue.base.errors import Conflict
from ensue.store.sqlite.connection import errors

FILE = "ensue.lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder for as long as the block; it is free again when the process ends, however it ends.

    Raises:
        Conflict: another process holds it. OSError, StorageFailed: the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with errors():
        # The lock of an empty database: SQLite knows how to lock a file on every system.
        connection = apsw.Connection(str(folder / FILE))
    try:
        _lock(connection, folder)
        yield
    finally:
        connection.close()


def _lock(connection: apsw.Connection, folder: Path) -> None:
    with errors():
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError:
            sentence = f"Another server is using {folder}; stop it first, or choose another folder."
            raise Conflict(sentence, code="folder_in_use") from None
