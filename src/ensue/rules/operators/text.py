"""contains, not_contains, starts_with, ends_with: text, ignoring case; `contains` also asks a list for an element."""

from typing import Any

from ensue.rules.faults import text_fault
from ensue.rules.operator import Operator, Test
from ensue.rules.values import Kind, equals, scalar_fault

_TEXT = frozenset({Kind.TEXT})
_TEXT_OR_LIST = frozenset({Kind.TEXT, Kind.LIST})


def _element_fault(value: object) -> str | None:
    return "must not be empty" if value == "" else scalar_fault(value)


def _contains(operand: Any) -> Test:
    element = equals(operand)
    part = operand.casefold() if isinstance(operand, str) else None

    def test(value: object) -> bool:
        if isinstance(value, str):
            return part is not None and part in value.casefold()
        return isinstance(value, list) and any(map(element, value))

    return test


def _lacks(operand: Any) -> Test:
    contains = _contains(operand)
    kinds = (str, list) if isinstance(operand, str) else (list,)
    return lambda value: isinstance(value, kinds) and not contains(value)


def _starts(operand: str) -> Test:
    part = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold().startswith(part)


def _ends(operand: str) -> Test:
    part = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold().endswith(part)


OPERATORS = [
    Operator(
        "contains", _TEXT_OR_LIST, _element_fault, _contains, "contains {}",
        "A text with that part, ignoring case; or a list with that very element.",
    ),
    Operator(
        "not_contains", _TEXT_OR_LIST, _element_fault, _lacks, "does not contain {}",
        "A text without that part, or a list without that element; not a missing field or another kind.",
    ),
    Operator("starts_with", _TEXT, text_fault, _starts, "starts with {}", "A text that begins so, ignoring case."),
    Operator("ends_with", _TEXT, text_fault, _ends, "ends with {}", "A text that ends so, ignoring case."),
]  # fmt: skip
