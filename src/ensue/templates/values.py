"""What values are in a template: plain JSON, or missing."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from liquid import Undefined
from liquid.exceptions import FilterArgumentError
from markupsafe import Markup

from ensue.base import json

_NUMBER = re.compile(r"\s*(-?\d{1,40}(\.\d{1,40})?)\s*", re.ASCII)

Number = int | Decimal


class Ledger(Protocol):
    """Where it is kept which values were missing."""

    def miss(self, path: str) -> str:
        """Keep that a path had no value where one was to be written; what is written in its place."""
        ...


class Missing(Undefined):
    """Stands for a value that is not there, and keeps the path under which it was looked for.

    It is nil to every condition and nothing to every loop; writing it, alone or inside a filter, is what is kept.
    """

    __slots__ = ("_ledger",)

    def __init__(self, path: str, ledger: Ledger) -> None:
        super().__init__(path, token=None)
        self._ledger = ledger

    def __str__(self) -> str:
        return self._ledger.miss(self.name)


class Verbatim(str):
    """A text that is already in the language of the part it goes into."""

    __slots__ = ()


def text(value: object) -> str:
    """How a value is written. Markup stays Markup; nothing is ever written as `None` or in Python's notation."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return text(plain_number(value))
        case list() | tuple():
            return "".join(str(text(item)) for item in value)
        case Undefined():
            return str(value)
        case dict():
            return json.encode_text(jsonable(value))
        case _:
            return str(value)


def jsonable(value: object) -> Any:
    """The value with what only templates know turned into plain JSON; what is missing is null."""
    match value:
        case Undefined():
            # Writing it is what keeps that it was missing.
            str(value)
            return None
        case Markup():
            return str(value)
        case dict():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [jsonable(item) for item in value]
        case Decimal():
            return plain_number(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def number(value: object) -> Number:
    """The number that a value is, or that a text says; 0 when it is missing.

    Raises:
        FilterArgumentError: it is neither.
    """
    match value:
        case None | Undefined():
            return 0
        case bool():
            pass
        case int() | Decimal():
            return value
        case float():
            return Decimal(repr(value))
        case str() if (found := _NUMBER.fullmatch(value)) is not None:
            return Decimal(found[1]) if found[2] else int(found[1])
        case _:
            pass
    raise FilterArgumentError(f"{_short(value)} is no number", token=None)


def whole(value: object) -> int:
    """As `number`, but whole.

    Raises:
        FilterArgumentError: it is no whole number.
    """
    found = number(value)
    if isinstance(found, Decimal):
        if found != found.to_integral_value():
            raise FilterArgumentError(f"{_short(value)} is no whole number", token=None)
        return int(found)
    return found


def plain_number(value: Number) -> int | float:
    """A number as JSON has it."""
    return value if isinstance(value, int) else float(value)


def items(value: object) -> list[Any]:
    """The items of a list; a single value is a list of one, and a missing one is an empty list."""
    match value:
        case None | Undefined():
            return []
        case list() | tuple():
            return list(value)
        case _:
            return [value]


def part(value: object, name: str) -> object:
    """A named part of an object, or None. Names lead into JSON objects alone, never into anything of Python's."""
    return value.get(name) if isinstance(value, dict) else None


def measure(value: object) -> int:
    """How much there is of a value: characters of texts, one for everything else, summed over lists."""
    match value:
        case str():
            return len(value)
        case int() if not isinstance(value, bool):
            return value.bit_length() // 3 + 1
        case list() | tuple():
            return len(value) + sum(len(item) for item in value if isinstance(item, str))
        case _:
            return 1


def holds(value: object) -> bool:
    """Whether a condition on the value alone would hold: everything does but false and nothing."""
    return value is not False and value is not None and not isinstance(value, Undefined)


def empty(value: object) -> bool:
    """Whether `default` puts its own value in place: false, nothing, or a text, list or object with nothing in it."""
    return not holds(value) or (isinstance(value, str | Sequence | Mapping) and not value)


def _short(value: object) -> str:
    shown = repr(str(text(value)))
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
