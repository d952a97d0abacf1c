"""in, not_in: strictly the same as one of a list."""

from typing import Any

from ensue.rules.operator import Operator, Test
from ensue.rules.values import Kind, among, list_fault

_KINDS = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})


def _outside(operands: list[Any]) -> Test:
    inside = among(operands)
    return lambda value: not inside(value)


OPERATORS = [
    Operator("in", _KINDS, list_fault, among, "is one of {}", "The same as one value of the list.", "one of {}"),
    Operator(
        "not_in", _KINDS, list_fault, _outside, "is none of {}",
        "None of the list; holds for a missing field and for another kind too.", "none of {}",
    ),
]  # fmt: skip
