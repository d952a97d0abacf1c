"""How many of something are left, as they expire one by one: the truth of a count, and when it changes."""

from bisect import bisect_right
from collections.abc import Sequence
from math import floor

from ensue.rules.operator import Comparison
from ensue.rules.verdict import Verdict


class Stairs:
    """A comparison of a count, decided from at most `top` of the newest instants.

    Counts of `top` and more all get the same answer, which is why more need not be kept.
    """

    def __init__(self, comparison: Comparison, span: int | None) -> None:
        test = comparison.test
        top = max(0, *(floor(number) + 1 for number in comparison.numbers))
        while top > 0 and test(top - 1) == test(top):
            top -= 1
        self.top: int = max(top, 1)
        self._test = test
        self._span = span
        # For a sliding window `top` is small by the grammar; for all time it can be 2^53, and nothing expires.
        self._holds = [test(count) for count in range(self.top + 1)] if span is not None else []
        self._other = _next_other(self._holds)

    def ever(self, count: int) -> Verdict:
        """The answer for a count that nothing leaves."""
        return Verdict(self._test(count), None)

    def expiring(self, instants: Sequence[int], start: int) -> Verdict:
        """The answer for the ascending instants from index `start` on, each of which leaves at instant + span."""
        count = len(instants) - start
        holds = self._holds[count]
        other = self._other[count]
        while other >= 0:
            leaving = instants[-other - 1]
            # Those of one instant leave together, so the count may never be `other`.
            left = len(instants) - bisect_right(instants, leaving)
            if self._holds[left] != holds:
                return Verdict(holds, leaving + (self._span or 0))
            other = self._other[left]
        return Verdict(holds, None)


def _next_other(holds: list[bool]) -> list[int]:
    """For each count the next smaller one with the opposite answer, or -1."""
    other: list[int] = []
    for count, answer in enumerate(holds):
        if count == 0:
            other.append(-1)
        else:
            other.append(count - 1 if holds[count - 1] != answer else other[count - 1])
    return other
