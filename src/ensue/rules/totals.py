"""Totals: the number of terms and their exact sum, for all time or in a sliding window. Behind sum and avg."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from ensue.model.event import Event
from ensue.rules import exact
from ensue.rules.facts import Log
from ensue.rules.operator import Test
from ensue.rules.source import Source
from ensue.rules.verdict import Verdict

Terms = Iterable[tuple[Event, float]]
Reading = Callable[[int, exact.Exact], object]
"""From the number of terms and their sum to what is compared."""


class TotalEver:
    """State: `[count, mantissa, shift]`."""

    shape = "total"

    def __init__(self, reading: Reading, test: Test) -> None:
        self._reading = reading
        self._test = test

    def fold(self, state: list[int] | None, _event: Event, value: float, _now: int, _log: Log) -> list[int]:
        """Add one term."""
        count, *total = state or [0, 0, 0]
        exact.add(total, value)
        return [count + 1, *total]

    def verdict(self, state: list[int] | None, _now: int, _log: Log) -> Verdict:
        """Nothing leaves, so nothing flips."""
        count, *total = state or [0, 0, 0]
        return Verdict(self._test(self._reading(count, total)), None)

    def rebuild(self, taken: Terms, _now: int) -> list[int] | None:
        """Add them up."""
        count, total = _summed(taken)
        return [count, *total] if count else None


class TotalWithin:
    """State: `[count, mantissa, shift, left, oldest]`.

    It is the total of all terms with a timestamp after `left`, the first of them at `oldest` (None when there are
    none). What has left the window since is read from the log, once, by the next fold; until then by each verdict.
    """

    shape = "total"

    def __init__(self, source: Source, reading: Reading, test: Test) -> None:
        self._source = source
        self._span = source.span
        self._reading = reading
        self._test = test

    def fold(self, state: list[Any] | None, event: Event, value: float, now: int, log: Log) -> list[Any] | None:
        """Add the term, then let go of what has left the window."""
        edge = now - self._span
        count, *total, left, oldest = state or [0, 0, 0, edge, None]
        # A term that is out of the window but after `left` is added all the same: the reading below takes it away.
        if event.timestamp > left:
            exact.add(total, value)
            count += 1
            oldest = event.timestamp if oldest is None else min(oldest, event.timestamp)
        if oldest is not None and oldest <= edge:
            gone = self._take_away(total, self._source.logged(log, oldest - 1, edge))
            count -= gone
            following = next(self._source.look_ahead(log, edge, now), None)
            oldest = following[0].timestamp if following else None
        return [count, *total, edge, oldest] if count else None

    def verdict(self, state: list[Any] | None, now: int, log: Log) -> Verdict:
        """Compare what is still in the window. Without expired terms the horizon is the first expiry."""
        count, *total, _left, oldest = state or [0, 0, 0, 0, None]
        edge = now - self._span
        if oldest is None or oldest > edge:
            flips_at = None if oldest is None else oldest + self._span
            return Verdict(self._test(self._reading(count, total)), flips_at)
        gone = self._take_away(total, self._source.logged(log, oldest - 1, edge))
        return self._ahead(count - gone, total, gone, now, log)

    def rebuild(self, taken: Terms, now: int) -> list[Any] | None:
        """Add up what is in the window."""
        edge = now - self._span
        within = [(event, value) for event, value in taken if event.timestamp > edge]
        count, total = _summed(within)
        return [count, *total, edge, within[0][0].timestamp] if count else None

    def _ahead(self, count: int, total: exact.Exact, look: int, now: int, log: Log) -> Verdict:
        """The answer for a total, and the first expiry that changes it, looking at `look` terms or a few more.

        As many as had to be read to get here: so a contact that falls silent costs twice its terms in all,
        and a timer for each doubling, not for each term.
        """
        holds = self._test(self._reading(count, total))
        terms = self._source.look_ahead(log, now - self._span, now)
        for instant, leaving in groupby(terms, key=lambda taken: taken[0].timestamp):
            if look <= 0:
                return Verdict(holds, instant + self._span)
            gone = self._take_away(total, leaving)
            look -= gone
            count -= gone
            if self._test(self._reading(count, total)) != holds:
                return Verdict(holds, instant + self._span)
        return Verdict(holds, None)

    @staticmethod
    def _take_away(total: exact.Exact, terms: Terms) -> int:
        gone = 0
        for _, value in terms:
            exact.add(total, value, -1)
            gone += 1
        return gone


def _summed(terms: Terms) -> tuple[int, exact.Exact]:
    count, total = 0, [0, 0]
    for _, value in terms:
        exact.add(total, value)
        count += 1
    return count, total
