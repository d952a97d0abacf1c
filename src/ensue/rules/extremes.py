"""The largest (or smallest) value, for all time or in a sliding window. Behind min and max.

The compared numbers cut the line of numbers into a few steps: below, at and above each. All values of one step
get the same answer, so of each step only the newest is worth keeping, and only while no newer value is better.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any

from ensue.model.event import Event
from ensue.rules.facts import MISSING, Log
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.verdict import Verdict

Entry = list[Any]
"""`[timestamp, value]`, as JSON keeps it."""

Terms = Iterable[tuple[Event, float]]


class ExtremeEver:
    """State: the best value so far. `sign` 1 looks for the largest, -1 for the smallest."""

    def __init__(self, sign: int, comparison: Comparison) -> None:
        self._sign = sign
        self._test = comparison.test
        self.shape = ["extreme", sign]

    def fold(self, state: float | None, _event: Event, value: float, _now: int, _log: Log) -> float:
        """Keep the better one."""
        return value if state is None or (value - state) * self._sign > 0 else state

    def verdict(self, state: float | None, _now: int, _log: Log) -> Verdict:
        """Nothing leaves, so nothing flips."""
        return Verdict(self._test(MISSING if state is None else state), None)

    def rebuild(self, taken: Terms, _now: int) -> float | None:
        """The best of all."""
        return max((value for _, value in taken), key=lambda value: value * self._sign, default=None)


class ExtremeWithin:
    """State: `[[timestamp, value], …]`, ascending in time and each worth less than the one before."""

    def __init__(self, sign: int, source: Source, comparison: Comparison) -> None:
        self._sign = sign
        self._span = source.span
        self._test = comparison.test
        self._cuts = sorted(set(comparison.numbers))
        self.shape = ["extreme", sign, self._cuts]

    def fold(self, state: list[Entry] | None, event: Event, value: float, now: int, _log: Log) -> list[Entry] | None:
        """Keep the value unless a better one stays longer; let go of those that it outlives and outdoes."""
        timestamp = event.timestamp
        if timestamp <= now - self._span:
            return state
        rank = self._rank(value)
        kept: list[Entry] = []
        for entry in state or ():
            if entry[0] >= timestamp:
                if self._rank(entry[1]) >= rank:
                    return state
            elif self._rank(entry[1]) <= rank:
                continue
            kept.append(entry)
        kept = [entry for entry in kept if entry[0] != timestamp]
        kept.insert(bisect_right(kept, timestamp, key=_timestamp), [timestamp, value])
        return kept

    def verdict(self, state: list[Entry] | None, now: int, _log: Log) -> Verdict:
        """The best of what is in the window; it changes when the best ones have left."""
        entries = state or []
        start = bisect_right(entries, now - self._span, key=_timestamp)
        values = [entry[1] for entry in entries[start:]]
        holds = self._test(values[0] if values else MISSING)
        for index, entry in enumerate(entries[start:], 1):
            if self._test(values[index] if index < len(values) else MISSING) != holds:
                return Verdict(holds, entry[0] + self._span)
        return Verdict(holds, None)

    def rebuild(self, taken: Terms, now: int) -> list[Entry] | None:
        """From the newest back, what is better than everything newer."""
        edge = now - self._span
        kept: list[Entry] = []
        for event, value in taken:
            if event.timestamp <= edge:
                continue
            rank = self._rank(value)
            while kept and self._rank(kept[-1][1]) <= rank:
                kept.pop()
            if not kept or kept[-1][0] != event.timestamp:
                kept.append([event.timestamp, value])
        return kept or None

    def _rank(self, value: float) -> int:
        """Which step a value stands on; the same for all values that get the same answer, higher for better."""
        at = bisect_left(self._cuts, value)
        return (2 * at + (at < len(self._cuts) and self._cuts[at] == value)) * self._sign


def _timestamp(entry: Entry) -> int:
    timestamp: int = entry[0]
    return timestamp
