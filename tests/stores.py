"""The stores that tests run against. A new one is one more line in `STORES`.

`ENSUE_TEST_STORES` leaves some out while one works on something else: `ENSUE_TEST_STORES=sqlite pytest tests/engine`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ensue.store.postgres.store import PostgresStore
from ensue.store.sqlite.store import SqliteStore
from tests.postgres.server import databases

AnyStore = SqliteStore | PostgresStore
Place = Callable[[Path], AbstractContextManager[Callable[[], AnyStore]]]
"""Makes room for a store, beginning in an empty folder; what it gives opens that store, each time the same one."""


@contextmanager
def sqlite(folder: Path) -> Iterator[Callable[[], SqliteStore]]:
    """The embedded store, as it is in production but for the waiting on the disk."""
    yield lambda: SqliteStore(folder, synchronous="OFF")


@contextmanager
def postgres(_folder: Path) -> Iterator[Callable[[], PostgresStore]]:
    """The server store, in a database of its own."""
    with databases().one() as url:
        yield lambda: PostgresStore(url)


_ALL: list[Place] = [sqlite, postgres]
_WANTED = os.environ.get("ENSUE_TEST_STORES", "sqlite,postgres").split(",")

STORES = [place for place in _ALL if place.__name__ in _WANTED]
