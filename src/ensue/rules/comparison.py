"""Reading `operator` and `value` of a condition into a comparison."""

from collections.abc import Callable

from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader
from ensue.rules.operator import Comparison, Operator
from ensue.rules.operators import OPERATORS
from ensue.rules.values import Kind, kind_of, number_fault

_QUANTITIES = [name for name, operator in OPERATORS.items() if operator.quantity and operator.fault]
_PRESENCE = [name for name, operator in OPERATORS.items() if not operator.fault]


def read_comparison(reader: Reader, kind: Kind | None) -> Comparison | None:
    """The comparison of a condition on a field of a known kind, or of any kind when None."""
    allowed = [name for name, operator in OPERATORS.items() if kind is None or kind in operator.kinds]
    return _read(reader, allowed, lambda operator, value: _fault(operator, value, kind))


def read_quantity(reader: Reader, *, may_be_missing: bool) -> Comparison | None:
    """The comparison of an aggregate: with numbers only; presence only of one that can be missing."""
    allowed = _QUANTITIES + (_PRESENCE if may_be_missing else [])
    return _read(reader, allowed, lambda operator, value: _fault(operator, value, Kind.NUMBER))


def _read(reader: Reader, allowed: list[str], fault_of: Callable[[Operator, object], str | None]) -> Comparison | None:
    name = reader.one_of("operator", allowed)
    value = reader.optional("value")
    if name is None:
        return None
    operator = OPERATORS[name]
    if operator.fault is None:
        if value is not MISSING:
            reader.fault("value", f"must be left out with {name}")
            return None
        return Comparison(operator, MISSING, operator.compile(None))
    if value is MISSING:
        reader.fault("value", "is required; use exists or not_exists to ask whether there is a value")
        return None
    fault = fault_of(operator, value)
    if fault:
        reader.fault("value", fault)
        return None
    return Comparison(operator, value, operator.compile(value))


def _fault(operator: Operator, value: object, kind: Kind | None) -> str | None:
    fault = operator.fault(value) if operator.fault else None
    if fault or kind not in (Kind.NUMBER, Kind.TEXT):
        return fault
    for item in value if isinstance(value, list) else [value]:
        if kind is Kind.NUMBER and number_fault(item):
            return "must be a number" if not isinstance(value, list) else "must be numbers"
        if kind is Kind.TEXT and kind_of(item) is not Kind.TEXT:
            return "must be a text, because the field is one"
    return None
