"""The stores that the contract holds for. A new one is one more line in `STORES`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ensue.store.postgres.store import PostgresStore
from ensue.store.sqlite.store import SqliteStore
from tests.postgres.server import databases

AnyStore = SqliteStore | PostgresStore


@contextmanager
def sqlite(folder: Path) -> Iterator[Callable[[], SqliteStore]]:
    """The embedded store, as it is in production but for the waiting on the disk."""
    yield lambda: SqliteStore(folder, synchronous="OFF")


@contextmanager
def postgres(folder: Path) -> Iterator[Callable[[], PostgresStore]]:
    """The server store, in a database of its own."""
    with databases().one() as url:
        yield lambda: PostgresStore(url)


STORES = [sqlite, postgres]
