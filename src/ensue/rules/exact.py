"""Sums that do not depend on the order of their terms.

Every double is a whole number divided by a power of two, so a sum of doubles is one too: kept as
`[mantissa, shift]`, worth `mantissa / 2**shift`. Adding and taking away again leaves nothing behind, and
read back as a double it is what `math.fsum` of the terms gives.
"""

from math import inf

from ensue.rules import bounds

Exact = list[int]


def add(total: Exact, term: float, sign: int = 1) -> None:
    """Add a finite number to a sum in place, or take it away with `sign` -1."""
    numerator, denominator = term.as_integer_ratio()
    numerator *= sign
    shift = denominator.bit_length() - 1
    mantissa, old = total
    if shift < old:
        numerator <<= old - shift
    elif shift > old:
        mantissa <<= shift - old
        old = shift
    mantissa += numerator
    if old:
        # Without this the sum would stay as fine as its finest term ever was.
        spare = min(old, (mantissa & -mantissa).bit_length() - 1) if mantissa else old
        mantissa >>= spare
        old -= spare
    total[0], total[1] = mantissa, old


def value(total: Exact, count: int = 1) -> float:
    """The sum (divided by `count`) as the nearest number; infinite beyond what a double holds."""
    mantissa, shift = total
    if shift == 0 and count == 1 and -bounds.WHOLE <= mantissa <= bounds.WHOLE:
        return mantissa
    try:
        return mantissa / (count << shift)
    except OverflowError:
        return inf if mantissa > 0 else -inf
