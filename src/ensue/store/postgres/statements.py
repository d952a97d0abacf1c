"""Statements as PostgreSQL takes them: written once with `?`, turned over once and kept."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

# A mark inside a text is no mark.
_MARKS = re.compile(r"'(?:[^']|'')*'|\?")
_INSERT = re.compile(
    r"\s*INSERT INTO (?P<table>\w+) \((?P<columns>[^)]*)\)\s*VALUES \([?,\s]*\)\s*(?P<rest>ON CONFLICT.*)?$", re.DOTALL
)
_UPDATE = re.compile(r"\s*UPDATE (?P<table>\w+) SET (?P<changes>.*?)\sWHERE (?P<where>.*)$", re.DOTALL)
_BETWEEN = re.compile(r",(?![^(]*\))|\sAND\s")
_FIRST = re.compile(r"\s*(\w+)\s*(?:=|<|<=|>|>=|<>)\s")

Kind = str
"""The name of a column's type, such as bigint."""


@lru_cache(2_048)
def numbered(statement: str) -> str:
    """A statement with `$1`, `$2` … for its marks."""
    number = 0

    def place(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] != "?":
            return found[0]
        number += 1
        return f"${number}"

    return _MARKS.sub(place, statement)


class Bulk(NamedTuple):
    """One statement that does for many rows what another does for one.

    Attributes:
        statement: takes one array for each column.
        kinds: the type of each array's elements.
        key: which values of a row say what it is that changes; None when it is new.
    """

    statement: str
    kinds: tuple[Kind, ...]
    key: Callable[[tuple[object, ...]], object] | None


def bulk(statement: str, kinds: Mapping[tuple[str, str], Kind]) -> Bulk | None:
    """The bulk form of a plain INSERT or UPDATE; None when it has none.

    `kinds` has the type of each (table, column).
    """
    if inserted := _INSERT.fullmatch(statement):
        return _insert(inserted, kinds)
    if updated := _UPDATE.fullmatch(statement):
        return _update(updated, kinds)
    return None


def _insert(found: re.Match[str], kinds: Mapping[tuple[str, str], Kind]) -> Bulk | None:
    table = found["table"]
    columns = [name.strip() for name in found["columns"].split(",")]
    rest = found["rest"] or ""
    types = [kinds.get((table, column)) for column in columns]
    if "?" in rest or not all(types):
        return None
    known = tuple(kind for kind in types if kind is not None)
    arrays = ", ".join(f"CAST(${n} AS {kind}[])" for n, kind in enumerate(known, 1))
    return Bulk(f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) {rest}", known, None)


def _update(found: re.Match[str], kinds: Mapping[tuple[str, str], Kind]) -> Bulk | None:
    table, changes, where = found["table"], found["changes"], found["where"]
    columns: list[str] = []
    for part in _BETWEEN.split(f"{changes},{where}"):
        named = _FIRST.match(part)
        if "(" in part or (named is None and "?" in part):
            return None
        columns += [named[1]] * part.count("?") if named else []
    types = [kinds.get((table, column)) for column in columns]
    if not all(types):
        return None
    first = changes.count("?")
    known = tuple(kind for kind in types if kind is not None)
    number = 0

    def place(_mark: re.Match[str]) -> str:
        nonlocal number
        number += 1
        return f"given.v{number}"

    changes, where = re.sub(r"\?", place, changes), re.sub(r"\?", place, where)
    arrays = ", ".join(f"CAST(${n} AS {kind}[])" for n, kind in enumerate(known, 1))
    names = ", ".join(f"v{n}" for n in range(1, len(known) + 1))
    text = f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS given ({names}) WHERE {where}"
    return Bulk(text, known, lambda row: row[first:])
