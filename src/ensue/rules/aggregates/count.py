"""count: how many events. For all time a capped number; in a window the newest timestamps that decide."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import Any

from ensue.model.event import Event
from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.facts import Log
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.stairs import Stairs
from ensue.rules.verdict import Verdict


class CountEver:
    """State: the number of events, up to where more make no difference."""

    def __init__(self, _source: Source, comparison: Comparison) -> None:
        self._stairs = Stairs(comparison, None)
        self._top = self._stairs.top
        self.shape = ["count", self._top]

    def fold(self, state: int | None, _event: Event, _value: object, _now: int, _log: Log) -> int:
        """One more."""
        return min((state or 0) + 1, self._top)

    def verdict(self, state: int | None, _now: int, _log: Log) -> Verdict:
        """Nothing leaves, so nothing flips."""
        return self._stairs.ever(state or 0)

    def rebuild(self, taken: Iterable[tuple[Event, object]], _now: int) -> int | None:
        """Count them."""
        count = sum(1 for _ in taken)
        return min(count, self._top) if count else None


class CountWithin:
    """State: the newest timestamps, ascending; as many as can decide."""

    def __init__(self, source: Source, comparison: Comparison) -> None:
        self._span = source.span
        self._stairs = Stairs(comparison, self._span)
        self._top = self._stairs.top
        self.shape = ["count", self._top]

    def fold(self, state: list[int] | None, event: Event, _value: object, now: int, _log: Log) -> list[int] | None:
        """Keep its timestamp, and drop the oldest when there are more than enough."""
        timestamp = event.timestamp
        if timestamp <= now - self._span:
            return state
        if not state:
            return [timestamp]
        if timestamp >= state[-1]:
            state.append(timestamp)
        else:
            insort(state, timestamp)
        if len(state) > self._top:
            del state[0]
        return state

    def verdict(self, state: list[int] | None, now: int, _log: Log) -> Verdict:
        """Count what is still in the window."""
        instants = state or []
        return self._stairs.expiring(instants, bisect_right(instants, now - self._span))

    def rebuild(self, taken: Iterable[tuple[Event, object]], now: int) -> list[int] | None:
        """The newest timestamps in the window."""
        edge = now - self._span
        state = [event.timestamp for event, _ in taken if event.timestamp > edge]
        return state[-self._top :] or None


def _build(source: Source, comparison: Comparison) -> Aggregate:
    return CountEver(source, comparison) if source.window.span is None else CountWithin(source, comparison)


def _take(_value: Any) -> bool:
    return True


def _observe(values: Iterable[object]) -> int:
    return sum(1 for _ in values)


AGGREGATE = AggregateKind(
    name="count",
    reads_property=False,
    take=_take,
    may_be_missing=False,
    build=_build,
    observe=_observe,
    phrase="{events}",
    doc="How many events match.",
    counts=True,
)
