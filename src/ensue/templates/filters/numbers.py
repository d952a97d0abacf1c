"""Filters on numbers. Sums are exact: a tenth and two tenths are three tenths. A missing number is 0."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from liquid.exceptions import FilterArgumentError, ResourceLimitError

from ensue.templates.values import Number, number, plain_number, whole

# A number that neither money nor counting needs is a mistake, or an attempt to fill the memory.
_DIGITS = 40
_LARGEST = 10**_DIGITS
_PLACES = 20
_EXACT = Context(prec=2 * _DIGITS)


def absolute(value: object) -> int | float:
    """Without its sign."""
    found = number(value)
    return _shown(-found if found < 0 else found)


def plus(value: object, other: object) -> int | float:
    """The sum."""
    return _reckoned(value, other, lambda a, b: a + b, _EXACT.add)


def minus(value: object, other: object) -> int | float:
    """The difference."""
    return _reckoned(value, other, lambda a, b: a - b, _EXACT.subtract)


def times(value: object, other: object) -> int | float:
    """The product."""
    return _reckoned(value, other, lambda a, b: a * b, _EXACT.multiply)


def divided_by(value: object, other: object) -> int | float:
    """The quotient; of two whole numbers it is whole, rounded down."""
    _refuse_zero(other)
    return _reckoned(value, other, lambda a, b: a // b, _EXACT.divide)


def modulo(value: object, other: object) -> int | float:
    """What is left after a division."""
    _refuse_zero(other)
    a, b = _small(number(value)), _small(number(other))
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    quotient = _EXACT.divide(Decimal(a), Decimal(b)).to_integral_value(ROUND_FLOOR, _EXACT)
    return _shown(_EXACT.subtract(Decimal(a), _EXACT.multiply(quotient, Decimal(b))))


def at_least(value: object, least: object) -> int | float:
    """The number, or the other one when that is more."""
    return _shown(max(number(value), number(least)))


def at_most(value: object, most: object) -> int | float:
    """The number, or the other one when that is less."""
    return _shown(min(number(value), number(most)))


def ceil(value: object) -> int:
    """Rounded up to a whole number."""
    return int(Decimal(_small(number(value))).to_integral_value(ROUND_CEILING, _EXACT))


def floor(value: object) -> int:
    """Rounded down to a whole number."""
    return int(Decimal(_small(number(value))).to_integral_value(ROUND_FLOOR, _EXACT))


def rounded(value: object, places: object = 0) -> int | float:
    """Rounded to so many decimal places, a half upwards."""
    found = _rounded(value, places)
    return int(found) if whole(places) <= 0 else _shown(found)


def fixed(value: object, places: object = 2) -> str:
    """With exactly so many decimal places, as a price is written."""
    return f"{_rounded(value, places):f}"


def _rounded(value: object, places: object) -> Decimal:
    count = whole(places)
    if not 0 <= count <= _PLACES:
        raise FilterArgumentError(f"the decimal places must be 0 to {_PLACES}", token=None)
    return Decimal(_small(number(value))).quantize(Decimal(1).scaleb(-count), ROUND_HALF_UP, _EXACT)


def _reckoned(
    value: object,
    other: object,
    exact: Callable[[int, int], int],
    decimal: Callable[[Decimal, Decimal], Decimal],
) -> int | float:
    a, b = _small(number(value)), _small(number(other))
    if isinstance(a, int) and isinstance(b, int):
        return _shown(exact(a, b))
    try:
        return _shown(decimal(Decimal(a), Decimal(b)))
    except InvalidOperation:
        raise FilterArgumentError("the numbers are too large to reckon with", token=None) from None


def _refuse_zero(value: object) -> None:
    if number(value) == 0:
        raise FilterArgumentError("a division by zero", token=None)


def _small(value: Number) -> Number:
    if abs(value) >= _LARGEST:
        raise ResourceLimitError(f"a number on the way has more than {_DIGITS} digits", token=None)
    return value


def _shown(value: Number) -> int | float:
    return plain_number(_small(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "at_least": at_least,
    "at_most": at_most,
    "ceil": ceil,
    "divided_by": divided_by,
    "fixed": fixed,
    "floor": floor,
    "minus": minus,
    "modulo": modulo,
    "plus": plus,
    "round": rounded,
    "times": times,
}
