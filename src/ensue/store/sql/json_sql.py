"""What a statement asks of JSON kept as text. Differs by necessity: each database reads JSON with its own functions."""

from collections.abc import Sequence
from typing import Protocol

from ensue.store.sql.clause import Clause


class JsonSql(Protocol):
    """The value at a path of keys in a column, by kind; null when it is of another kind or not there.

    `keys` are plain names (see `lowering.PLAIN`); every method may be called with any column expression.
    """

    def text(self, column: str, keys: Sequence[str]) -> Clause:
        """A text, compared by code point."""
        ...

    def number(self, column: str, keys: Sequence[str]) -> Clause:
        """A number, compared exactly."""
        ...

    def truth(self, column: str, keys: Sequence[str]) -> Clause:
        """1 or 0 of a boolean."""
        ...

    def present(self, column: str, keys: Sequence[str]) -> Clause:
        """Whether there is a value that is not null; itself never null."""
        ...

    def exact(self, whole: str) -> str:
        """A whole number of a column or an aggregate, ready to be compared with any number."""
        ...

    def among(self, column: str) -> str:
        """Whether a whole number is in a list, which is bound as a JSON array."""
        ...

    def among_texts(self, column: str) -> str:
        """Whether a text is in a list, which is bound as a JSON array."""
        ...
