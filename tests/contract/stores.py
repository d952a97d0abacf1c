"""The stores that the contract holds for. A new one is one more line in `STORES`."""

from collections.abc import Callable
from pathlib import Path

from ensue.store.sqlite.store import SqliteStore


def sqlite(folder: Path) -> SqliteStore:
    """The embedded store, as it is in production but for the waiting on the disk."""
    return SqliteStore(folder, synchronous="OFF")


STORES: list[Callable[[Path], SqliteStore]] = [
    sqlite,
]
