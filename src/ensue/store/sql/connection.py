"""What a statement needs of a database: the one thing each store brings of its own."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ensue.store.sql.json_sql import JsonSql

Row = tuple[Any, ...]
Values = Sequence[object]


class Sql(Protocol):
    """A connection inside one transaction. Statements use `?` for bound values."""

    @property
    def json(self) -> JsonSql:
        """How this database reads JSON inside a statement."""
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

    def run_many(self, statement: str, values: Iterable[Values]) -> None:
        """Run one change for each row of values."""
        ...
