"""What the engine, the loops and the API need of a store.

The nouns (events, contacts, memberships …) are classes over `store/sql`, written once: every store runs the same
statements. What a store brings of its own is small: a connection (`Sql`) and the transactions of `Store`. The contract
suite holds every store to both.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from ensue.store.sql.connection import Row, Sql
from ensue.store.sql.contacts import Contacts
from ensue.store.sql.definitions import DefinitionTables
from ensue.store.sql.engagement import Reached
from ensue.store.sql.populations import ALL, Clause
from ensue.store.sql.push_keys import PushKey
from ensue.store.sql.transaction import Tables, WorkspaceTables

T = TypeVar("T")


class Readable(Protocol):
    """A store that answers questions."""

    @property
    def statements_wait(self) -> bool:
        """Whether a statement waits for something other than this process's own processor: not on an event loop."""
        ...

    def read(self, work: Callable[[Tables], T]) -> T:
        """Run queries on one snapshot; safe from any thread.

        Raises:
            Unavailable: not now.
        """
        ...


class Writable(Protocol):
    """A store with one write transaction at a time. Everything raises Unavailable when it cannot be done now.

    Contended is raised when another process was in the way: the whole transaction may be begun again at once.
    """

    @property
    def statements_wait(self) -> bool:
        """As for a Readable."""
        ...

    def begin(self) -> Tables:
        """Begin the transaction."""
        ...

    def commit(self) -> None:
        """Return once the transaction is durable; on an error nothing of it is stored."""
        ...

    def rollback(self) -> None:
        """Undo the transaction; nothing happens when there is none."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo only what is done inside when it raises."""
        ...

    def write(self, work: Callable[[Tables], T]) -> T:
        """Run work in a transaction of its own."""
        ...


class Store(Readable, Writable, Protocol):
    """Both."""


__all__ = [
    "ALL",
    "Clause",
    "Contacts",
    "DefinitionTables",
    "PushKey",
    "Reached",
    "Readable",
    "Row",
    "Sql",
    "Store",
    "Tables",
    "WorkspaceTables",
    "Writable",
]
