"""Comparisons lowered to SQL: the same strict table as `rules.operators`, for the operators where SQL can keep to it.

Left to the evaluator, because databases differ from it: text that ignores case, elements of lists, dates in texts.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ensue.rules.operator import Comparison
from ensue.rules.values import instant
from ensue.store.sql.clause import ALL, Clause
from ensue.store.sql.json_sql import JsonSql

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
"""Names in a JSON path that need no quoting in any dialect."""

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NULL = Clause("NULL")


class Operand(NamedTuple):
    """A field of a row by kind, null where it is not of that kind. `instant` is in milliseconds."""

    present: Clause
    text: Clause = _NULL
    number: Clause = _NULL
    truth: Clause = _NULL
    instant: Clause = _NULL


def in_json(json: JsonSql, column: str, keys: Sequence[str]) -> Operand | None:
    """The value at a path, or None when a name in it is not plain."""
    if not all(PLAIN.fullmatch(key) for key in keys):
        return None
    return Operand(
        json.present(column, keys), json.text(column, keys), json.number(column, keys), json.truth(column, keys)
    )


def text_column(expression: str, *values: object) -> Operand:
    """A column of text."""
    return Operand(Clause(f"({expression} IS NOT NULL)", values), text=Clause(expression, values))


def compare(operand: Operand, comparison: Comparison) -> Clause | None:
    """Whether a field compares; None when SQL would not say the same as the evaluator."""
    lower = _LOWERINGS.get(comparison.operator.name)
    return lower(operand, comparison.value) if lower else None


def compare_number(expression: Clause, comparison: Comparison) -> Clause | None:
    """Whether an aggregate, which is a number and there, compares."""
    return compare(Operand(ALL, number=expression), comparison)


def _known(left: Clause, sign: str, values: Sequence[object]) -> Clause:
    """A comparison that null fails."""
    return Clause(f"COALESCE({left.sql} {sign}, 1 = 0)", (*left.values, *values))


def _side(operand: Operand, value: object) -> Clause:
    return operand.text if isinstance(value, str) else operand.number


def _eq(operand: Operand, value: object) -> Clause:
    if isinstance(value, bool):
        return _known(operand.truth, "= ?", (int(value),))
    return _known(_side(operand, value), "= ?", (value,))


def _among(operand: Operand, values: list[Any]) -> Clause:
    texts = [value for value in values if isinstance(value, str)]
    truths = [int(value) for value in values if isinstance(value, bool)]
    numbers = [value for value in values if not isinstance(value, str | bool)]
    sides = ((operand.text, texts), (operand.truth, truths), (operand.number, numbers))
    clauses = [_known(side, f"IN ({', '.join('?' * len(of_kind))})", of_kind) for side, of_kind in sides if of_kind]
    found = clauses[0]
    for clause in clauses[1:]:
        found |= clause
    return found


def _ordered(sign: str) -> Callable[[Operand, Any], Clause | None]:
    return lambda operand, value: _known(_side(operand, value), f"{sign} ?", (value,))


def _between(operand: Operand, pair: list[Any]) -> Clause:
    return _known(_side(operand, pair[0]), "BETWEEN ? AND ?", pair)


def _dated(sign: str) -> Callable[[Operand, Any], Clause | None]:
    def lower(operand: Operand, value: str) -> Clause | None:
        # A date in a text is left to the evaluator, which knows all the ways to write one.
        if operand.instant is _NULL:
            return None
        return _known(operand.instant, f"{sign} ?", (instant(value),))

    return lower


_LOWERINGS: dict[str, Callable[[Operand, Any], Clause | None]] = {
    "eq": _eq,
    "neq": lambda operand, value: ~_eq(operand, value),
    "in": _among,
    "not_in": lambda operand, values: ~_among(operand, values),
    "between": _between,
    "exists": lambda operand, _: operand.present,
    "not_exists": lambda operand, _: ~operand.present,
    "before": _dated("<"),
    "after": _dated(">"),
} | {name: _ordered(sign) for name, sign in _SIGNS.items()}
