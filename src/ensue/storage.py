"""Which store there is: opened to serve from it, or only to look."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ensue import logs
from ensue.base.clock import SystemClock
from ensue.base.errors import NotFound, Unavailable
from ensue.config import Config
from ensue.store.sqlite.claim import claimed
from ensue.store.sqlite.connection import StorageFailed
from ensue.store.sqlite.store import SqliteStore, holds_store

if TYPE_CHECKING:
    from ensue.store.postgres.neighbours import PostgresNeighbours
    from ensue.store.postgres.store import PostgresStore
    from ensue.store.postgres.target import PostgresTarget

    AnyStore = SqliteStore | PostgresStore


def open_store(config: Config) -> "AnyStore":
    """The store that the configuration names, made or brought to this version's schema where it has to be.

    Raises:
        Unavailable: its folder cannot be used, or its database not be reached.
    """
    if config.database_url is not None:
        return _postgres(config.database_url)
    with usable(config.data):
        return SqliteStore(config.data)


@contextmanager
def alone(config: Config) -> "Iterator[AnyStore]":
    """The store to serve from: a file for one process alone, a database for as many as there are."""
    with ExitStack() as held:
        if config.database_url is None:
            with usable(config.data):
                held.enter_context(claimed(config.data))
        store = open_store(config)
        held.callback(store.close)
        if config.database_url is None:
            # Whoever was handing messages over is gone; nobody needs to wait for their leases to run out.
            store.write(lambda tables: tables.end_leases(SystemClock().now()))
        yield store


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Say in a sentence why a folder cannot be used."""
    try:
        yield
    except (OSError, StorageFailed) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unavailable(f"{folder} cannot be used: {reason}.") from error


@contextmanager
def opened(config: Config) -> "Iterator[AnyStore]":
    """The store of a folder or a database that has been served from.

    Raises:
        NotFound: nothing is there yet, and a command that only looks must not make it.
    """
    logs.configure(config.log_level, config.log_format)
    store: AnyStore
    if config.database_url is not None:
        store = _postgres(config.database_url, migrates=False)
    elif holds_store(config.data):
        store = open_store(config)
    else:
        raise NotFound(f"There is nothing in {config.data} yet; `serve` makes it.")
    try:
        yield store
    finally:
        store.close()


# The driver of PostgreSQL takes 10 MiB, which a server over a file does not need: it is imported when it is asked for.


def neighbours(url: str, heard: Callable[[], None]) -> "PostgresNeighbours":
    """The other processes over a database; `heard` is called when one of them has committed."""
    from ensue.store.postgres.neighbours import PostgresNeighbours  # noqa: PLC0415

    return PostgresNeighbours(url, heard)


def target(url: str, now: int) -> "PostgresTarget":
    """A database that is copied to."""
    from ensue.store.postgres.target import PostgresTarget  # noqa: PLC0415

    return PostgresTarget(url, now)


def _postgres(url: str, *, migrates: bool = True) -> "PostgresStore":
    from ensue.store.postgres.store import PostgresStore  # noqa: PLC0415

    return PostgresStore(url, migrates=migrates)
