"""before, after: instants and dates."""

from ensue.rules.operator import Operator, Test
from ensue.rules.values import Kind, instant, moment_fault

_KINDS = frozenset({Kind.INSTANT, Kind.TEXT})


def _bound(operand: str) -> int:
    bound = instant(operand)
    if bound is None:
        raise ValueError(f"not a date: {operand!r}")
    return bound


def _before(operand: str) -> Test:
    bound = _bound(operand)

    def test(value: object) -> bool:
        found = instant(value)
        return found is not None and found < bound

    return test


def _after(operand: str) -> Test:
    bound = _bound(operand)

    def test(value: object) -> bool:
        found = instant(value)
        return found is not None and found > bound

    return test


OPERATORS = [
    Operator("before", _KINDS, moment_fault, _before, "is before {}", "An earlier instant; a date is midnight UTC."),
    Operator("after", _KINDS, moment_fault, _after, "is after {}", "A later instant; a date is midnight UTC."),
]
