"""exists, not_exists: whether there is a value at all. Null counts as missing."""

from ensue.rules.facts import MISSING
from ensue.rules.operator import Operator, Test
from ensue.rules.values import ANY


def _exists(_operand: object) -> Test:
    return lambda value: value is not None and value is not MISSING


def _absent(_operand: object) -> Test:
    return lambda value: value is None or value is MISSING


OPERATORS = [
    Operator("exists", ANY, None, _exists, "is set", "There is a value that is not null.", "any"),
    Operator("not_exists", ANY, None, _absent, "is not set", "There is no value, or null.", "no"),
]
