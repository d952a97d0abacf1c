"""gt, gte, lt, lte, between: numbers with numbers, texts with texts by code point."""

from operator import ge, gt, le, lt
from typing import Any

from ensue.rules.operator import Operator, Test
from ensue.rules.values import NUMBERS, Kind, ordered_fault, pair_fault

_KINDS = frozenset({Kind.TEXT, Kind.NUMBER})


def _greater(operand: Any) -> Test:
    return _ordered(operand, gt)


def _at_least(operand: Any) -> Test:
    return _ordered(operand, ge)


def _less(operand: Any) -> Test:
    return _ordered(operand, lt)


def _at_most(operand: Any) -> Test:
    return _ordered(operand, le)


def _ordered(operand: Any, compare: Any) -> Test:
    if isinstance(operand, str):
        return lambda value: type(value) is str and compare(value, operand)
    return lambda value: type(value) in NUMBERS and compare(value, operand)


def _between(pair: list[Any]) -> Test:
    low, high = pair
    if isinstance(low, str):
        return lambda value: type(value) is str and low <= value <= high
    return lambda value: type(value) in NUMBERS and low <= value <= high


OPERATORS = [
    Operator("gt", _KINDS, ordered_fault, _greater, "is over {}", "Greater.", "more than {}"),
    Operator("gte", _KINDS, ordered_fault, _at_least, "is at least {}", "Greater or the same.", "at least {}"),
    Operator("lt", _KINDS, ordered_fault, _less, "is under {}", "Less.", "fewer than {}"),
    Operator("lte", _KINDS, ordered_fault, _at_most, "is at most {}", "Less or the same.", "at most {}"),
    Operator(
        "between", _KINDS, pair_fault, _between, "is between {}", "Between two values, both included.", "between {}"
    ),
]
