"""Filters on lists. A single value is a list of one, and a missing one is an empty list."""

from collections.abc import Callable
from typing import Any

from ensue.base import json
from ensue.templates.filters.numbers import plus
from ensue.templates.values import holds, items, jsonable, number, part, text


def first(value: object) -> object:
    """The first item."""
    return next(iter(items(value)), None)


def last(value: object) -> object:
    """The last item."""
    found = items(value)
    return found[-1] if found else None


def size(value: object) -> int:
    """How many items a list or an object has, or characters a text; of everything else, 0."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def concat(value: object, more: object) -> list[Any]:
    """The items of two lists."""
    return items(value) + items(more)


def reverse(value: object) -> list[Any]:
    """The items from the last to the first."""
    return items(value)[::-1]


def compact(value: object) -> list[Any]:
    """Without items that are null."""
    return [item for item in items(value) if item is not None]


def uniq(value: object) -> list[Any]:
    """Each item once, where it first stands."""
    seen: dict[str, Any] = {}
    for item in items(value):
        seen.setdefault(_key(item), item)
    return list(seen.values())


def parts(value: object, name: object) -> list[Any]:
    """A named part of each item."""
    return [part(item, text(name)) for item in items(value)]


def where(value: object, name: object, equals: object = True) -> list[Any]:
    """The items whose named part is a value, or, without one, is not null or false."""
    return [item for item in items(value) if _matches(item, name, equals)]


def reject(value: object, name: object, equals: object = True) -> list[Any]:
    """The items that `where` leaves out."""
    return [item for item in items(value) if not _matches(item, name, equals)]


def find(value: object, name: object, equals: object = True) -> object:
    """The first of the items that `where` finds."""
    return next((item for item in items(value) if _matches(item, name, equals)), None)


def sort(value: object, name: object = None) -> list[Any]:
    """In order, by the items themselves or by a named part: numbers, then texts by their characters, then the rest."""
    return sorted(items(value), key=lambda item: _rank(_sorted_by(item, name)))


def sort_natural(value: object, name: object = None) -> list[Any]:
    """As `sort`, but the case of letters does not count."""
    return sorted(items(value), key=lambda item: _rank(_sorted_by(item, name), fold=True))


def total(value: object, name: object = None) -> int | float:
    """The sum of the items, or of a named part of each; what is missing adds nothing."""
    found: int | float = 0
    for item in items(value):
        found = plus(found, _sorted_by(item, name))
    return found


def _matches(item: object, name: object, equals: object) -> bool:
    found = part(item, text(name))
    return holds(found) if equals is True else _key(found) == _key(equals)


def _sorted_by(item: object, name: object) -> object:
    return item if name is None else part(item, text(name))


def _key(value: object) -> str:
    return json.canonical(jsonable(value))


def _rank(value: object, *, fold: bool = False) -> tuple[int, Any]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, number(value)
    if isinstance(value, str):
        return 1, str(value).casefold() if fold else str(value)
    return (2, _key(value)) if holds(value) else (3, "")


FILTERS: dict[str, Callable[..., Any]] = {
    "compact": compact,
    "concat": concat,
    "find": find,
    "first": first,
    "last": last,
    "map": parts,
    "reject": reject,
    "reverse": reverse,
    "size": size,
    "sort": sort,
    "sort_natural": sort_natural,
    "sum": total,
    "uniq": uniq,
    "where": where,
}
