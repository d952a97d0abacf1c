"""Exact sums are `math.fsum` whatever the order, and taking terms away leaves nothing behind."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ensue.rules import exact

terms = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda term: abs(term) < 1e300)
whole = st.integers(-(2**53), 2**53)


@given(st.lists(terms | whole, max_size=30), st.randoms())
def test_is_fsum_in_any_order(numbers, random):
    total = [0, 0]
    random.shuffle(numbers)
    for number in numbers:
        exact.add(total, number)
    assert exact.value(total) == math.fsum(numbers)


@given(st.lists(terms | whole, max_size=20), st.lists(terms | whole, max_size=20), st.randoms())
def test_what_is_taken_away_is_gone(kept, gone, random):
    signed = [(number, 1) for number in kept + gone]
    random.shuffle(signed)
    total = [0, 0]
    for number, sign in signed + [(number, -1) for number in gone]:
        exact.add(total, number, sign)
    again = [0, 0]
    for number in kept:
        exact.add(again, number)
    assert total == again


def test_a_sum_beyond_a_double_is_infinite_and_comes_back():
    total = [0, 0]
    for _ in range(3):
        exact.add(total, 1.7e308)
    assert exact.value(total) == math.inf
    exact.add(total, 1.7e308, -1)
    exact.add(total, 1.7e308, -1)
    assert exact.value(total) == 1.7e308
