"""distinct: how many different values of a property. Values are told apart strictly by kind."""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b

from ensue.base.json import encode_text
from ensue.model.event import Event
from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.facts import Log
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.stairs import Stairs
from ensue.rules.verdict import Verdict

_LONGEST_NAME = 40


class DistinctEver:
    """State: the names of the values seen, up to where more make no difference."""

    def __init__(self, _source: Source, comparison: Comparison) -> None:
        self._stairs = Stairs(comparison, None)
        self._top = self._stairs.top
        self.shape = ["distinct", self._top]

    def fold(self, state: dict[str, int] | None, _event: Event, name: str, _now: int, _log: Log) -> dict[str, int]:
        """Note the value."""
        seen = {} if state is None else state
        if len(seen) < self._top:
            seen[name] = 1
        return seen

    def verdict(self, state: dict[str, int] | None, _now: int, _log: Log) -> Verdict:
        """Nothing leaves, so nothing flips."""
        return self._stairs.ever(len(state or ()))

    def rebuild(self, taken: Iterable[tuple[Event, str]], _now: int) -> dict[str, int] | None:
        """Note the first values."""
        seen: dict[str, int] = {}
        for _, name in taken:
            if len(seen) < self._top:
                seen[name] = 1
        return seen or None


class DistinctWithin:
    """State: name of a value to its newest timestamp, for as many of the newest as can decide."""

    def __init__(self, source: Source, comparison: Comparison) -> None:
        self._span = source.span
        self._stairs = Stairs(comparison, self._span)
        self._top = self._stairs.top
        self.shape = ["distinct", self._top]

    def fold(self, state: dict[str, int] | None, event: Event, name: str, now: int, _log: Log) -> dict[str, int] | None:
        """Note when the value was last seen; drop the value that has not been seen for longest."""
        timestamp = event.timestamp
        if timestamp <= now - self._span:
            return state
        newest = {} if state is None else state
        if timestamp > newest.get(name, timestamp - 1):
            newest[name] = timestamp
        if len(newest) > self._top:
            del newest[min(newest, key=newest.__getitem__)]
        return newest

    def verdict(self, state: dict[str, int] | None, now: int, _log: Log) -> Verdict:
        """Count the values that are still in the window."""
        instants = sorted((state or {}).values())
        return self._stairs.expiring(instants, bisect_right(instants, now - self._span))

    def rebuild(self, taken: Iterable[tuple[Event, str]], now: int) -> dict[str, int] | None:
        """The newest timestamp of each value in the window, and of these the newest."""
        edge = now - self._span
        newest = {name: event.timestamp for event, name in taken if event.timestamp > edge}
        ranked = sorted(newest.items(), key=lambda item: item[1])
        return dict(ranked[-self._top :]) or None


def _name(value: object) -> str | None:
    """A text for a scalar, the same for the same value only; None for what is no scalar."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int | float):
        return None
    name = encode_text(value)
    return name if len(name) <= _LONGEST_NAME else blake2b(name.encode(), digest_size=16).hexdigest()


def _build(source: Source, comparison: Comparison) -> Aggregate:
    if source.window.span is None:
        return DistinctEver(source, comparison)
    return DistinctWithin(source, comparison)


def _observe(names: Iterable[str]) -> int:
    return len(set(names))


AGGREGATE = AggregateKind(
    name="distinct",
    reads_property=True,
    take=_name,
    may_be_missing=False,
    build=_build,
    observe=_observe,
    phrase="the number of different {property} over {events}",
    doc='How many different values the property has; `1` and `1.0` are one, `1`, `true` and `"1"` are three.',
    counts=True,
    bounded=True,
)
