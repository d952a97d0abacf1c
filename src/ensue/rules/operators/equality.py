"""eq, neq: strictly the same value."""

from ensue.rules.operator import Operator, Test
from ensue.rules.values import Kind, equals, scalar_fault

_KINDS = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})


def _unequal(operand: object) -> Test:
    same = equals(operand)
    return lambda value: not same(value)


OPERATORS = [
    Operator("eq", _KINDS, scalar_fault, equals, "is {}", "The same value of the same kind.", "exactly {}"),
    Operator(
        "neq", _KINDS, scalar_fault, _unequal, "is not {}",
        "Not that value; holds for a missing field and for another kind too.", "other than {}",
    ),
]  # fmt: skip
