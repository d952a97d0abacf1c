"""What a statement needs of a database: the one thing each store brings of its own."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ensue.store.sql.json_sql import JsonSql

Row = tuple[Any, ...]
Values = Sequence[object]


class Column(NamedTuple):
    """A column of a table, and its place in the primary key from 1 on; 0 when it is not in it."""

    table: str
    name: str
    place: int


class Sql(Protocol):
    """A connection inside one transaction. Statements use `?` for bound values."""

    @property
    def json(self) -> JsonSql:
        """How this database reads JSON inside a statement."""
        ...

    @property
    def own_id(self) -> str:
        """The columns of the primary key of a table with an `id` of its own, for ON CONFLICT.

        Differs by necessity: an INTEGER PRIMARY KEY is the row's place in a SQLite file; where tables are distributed
        by workspace, every key begins with it.
        """
        ...

    def by(self, index: str) -> str:
        """What follows a table's name to have it read by one index.

        Differs by necessity: SQLite knows no counts, and of two indexes that begin alike takes the one over all rows
        where a partial one has the few that are asked for; PostgreSQL counts for itself, and has no such words.
        """
        ...

    @property
    def for_update(self) -> str:
        """What a query ends with whose rows no other transaction may change before the end of this one.

        Differs by necessity: SQLite has one writer, and no such clause.
        """
        ...

    @property
    def skip_locked(self) -> str:
        """As `for_update`, leaving out rows that another transaction holds."""
        ...

    @property
    def ids_follow_commits(self) -> bool:
        """Whether what has a larger id was committed later."""
        ...

    def columns(self) -> list[Column]:
        """The columns of every table, ordered by table and place: asked of the schema, so that none is forgotten."""
        ...

    def beside_others(self, workspace_id: int) -> int:
        """Keep the definitions of a workspace as they are until the end of this transaction.

        Where this transaction is alone, returns an id that every id from now on must be above: what was there before a
        change of definitions is told apart by it from what came after. Otherwise 0.
        """
        ...

    def keep_latest_id(self, workspace_id: int, latest: int) -> None:
        """Keep that ids up to this one are handed out."""
        ...

    def alone(self, workspace_id: int) -> None:
        """Make sure that no other transaction works in a workspace while its definitions change.

        Raises:
            Contended: begin the transaction again; it will be alone then.
        """
        ...

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        ...

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row of a query, or None."""
        ...

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a change and return how many rows it changed."""
        ...

    def returned(self, statement: str, values: Iterable[Values]) -> list[Row]:
        """Run one change for each row of values; what all of them return, in no order."""
        ...

    def run_many(self, statement: str, values: Iterable[Values]) -> None:
        """Run one change for each row of values."""
        ...
