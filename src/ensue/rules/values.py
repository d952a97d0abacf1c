"""Kinds of value, and the one strict way in which two values are the same.

Null counts as missing. Nothing is coerced: `"100"` is not `100` and `true` is not `1`; `1` and `1.0` are one number.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from ensue.base.clock import from_iso
from ensue.rules import bounds
from ensue.rules.facts import MISSING
from ensue.rules.faults import text_fault

NUMBERS = (int, float)
"""The exact types of a number; a bool is an int to Python, so compare `type(value)` with these."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WALL = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?", re.ASCII)


class Instant(int):
    """An instant (ms) as a field's value: a type of its own, so that it is never taken for a number."""


class Kind(Enum):
    """What a field's value can be."""

    MISSING = "missing"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"
    INSTANT = "instant"


ANY = frozenset(Kind)

_KINDS: dict[type, Kind] = {
    type(None): Kind.MISSING,
    type(MISSING): Kind.MISSING,
    str: Kind.TEXT,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
    list: Kind.LIST,
    dict: Kind.OBJECT,
    Instant: Kind.INSTANT,
}


def kind_of(value: object) -> Kind:
    """The kind of a value as JSON (or `field()`) gives it."""
    return _KINDS[type(value)]


def equals(operand: object) -> Callable[[object], bool]:
    """A test for being strictly the same value as a scalar."""
    if isinstance(operand, bool):
        return lambda value: value is operand
    if isinstance(operand, str):
        return lambda value: type(value) is str and value == operand
    return lambda value: type(value) in NUMBERS and value == operand


def among(operands: list[Any]) -> Callable[[object], bool]:
    """A test for being strictly the same as one of several scalars."""
    texts = frozenset(item for item in operands if isinstance(item, str))
    flags = frozenset(item for item in operands if isinstance(item, bool))
    numbers = frozenset(item for item in operands if type(item) in NUMBERS)

    def test(value: object) -> bool:
        kind = type(value)
        if kind is str:
            return value in texts
        if kind is bool:
            return value in flags
        return kind in NUMBERS and value in numbers

    return test


def number(value: object) -> int | float | None:
    """The number that an aggregate reads, or None. A whole number over 2^53 is read as the nearest double."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is not int:
        return None
    if -bounds.WHOLE <= value <= bounds.WHOLE:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def moment(value: object) -> int | datetime | None:
    """The instant (ms) of a value, or the wall time of a text that names no offset, or None.

    `2026-01-15` is midnight of that day.
    """
    if isinstance(value, Instant):
        return int(value)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.replace(",", ".")) if _WALL.fullmatch(value) else from_iso(value)
    except ValueError:
        return None


def instant(value: object) -> int | None:
    """The instant (ms) of a value, wall times taken as UTC; None when it is no date."""
    found = moment(value)
    return since_epoch(found.replace(tzinfo=UTC)) if isinstance(found, datetime) else found


def since_epoch(moment: datetime) -> int:
    """The instant (ms) of a datetime that knows its offset."""
    return (moment - _EPOCH) // _MILLISECOND


# What a rule's value must be; each says what is wrong, or None.


def number_fault(value: object) -> str | None:
    """A number that is exact."""
    if type(value) not in NUMBERS:
        return "must be a number"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int) and abs(value) > bounds.WHOLE:
        return "must not be beyond 2^53, up to which whole numbers are exact"
    return None


def scalar_fault(value: object) -> str | None:
    """A text, a number or a boolean."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if value == "" else text_fault(value)
    if type(value) in NUMBERS:
        return number_fault(value)
    return "must be a text, a number or a boolean"


def ordered_fault(value: object) -> str | None:
    """A text or a number."""
    if isinstance(value, bool) or scalar_fault(value):
        return scalar_fault(value) or "must be a text or a number"
    return None


def list_fault(value: object) -> str | None:
    """A list of scalars."""
    if not isinstance(value, list) or not 0 < len(value) <= bounds.LIST:
        return f"must be a list of 1 to {bounds.LIST} values"
    for index, item in enumerate(value):
        fault = scalar_fault(item)
        if fault:
            return f"[{index}] {fault}"
    return None


def pair_fault(value: object) -> str | None:
    """Two numbers or two texts, the smaller first."""
    if not isinstance(value, list) or len(value) != 2:
        return "must be a list of two values, the smaller first"
    fault = ordered_fault(value[0]) or ordered_fault(value[1])
    if fault:
        return f"must be a list of two values, the smaller first; each {fault}"
    if isinstance(value[0], str) != isinstance(value[1], str):
        return "must be two numbers or two texts"
    return None if value[0] <= value[1] else "must have the smaller value first"


def moment_fault(value: object) -> str | None:
    """An ISO-8601 date or date-time."""
    if not isinstance(value, str) or moment(value) is None:
        return "must be an ISO-8601 date or date-time such as 2026-01-15 or 2026-01-15T10:00:00Z"
    return None
