"""A condition over one row, with the values it binds; combined without ever pasting a value into a statement."""

from typing import NamedTuple


class Clause(NamedTuple):
    """SQL that is true or false, never null, and its bound values in order."""

    sql: str
    values: tuple[object, ...] = ()

    def __and__(self, other: "Clause") -> "Clause":
        return Clause(f"({self.sql} AND {other.sql})", self.values + other.values)

    def __or__(self, other: "Clause") -> "Clause":
        return Clause(f"({self.sql} OR {other.sql})", self.values + other.values)

    def __invert__(self) -> "Clause":
        return Clause(f"(NOT {self.sql})", self.values)


ALL = Clause("(1 = 1)")
