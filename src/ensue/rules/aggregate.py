"""What an aggregate is: how values over events become one number, from a small kept state."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ensue.model.event import Event
from ensue.rules.condition import State
from ensue.rules.facts import Log
from ensue.rules.operator import Comparison
from ensue.rules.source import Source, Value
from ensue.rules.verdict import Verdict


class Aggregate(Protocol):
    """One aggregate over one source, compared with one value. Events arrive here already matched."""

    @property
    def shape(self) -> object:
        """What, besides the source, determines the state; JSON-able."""
        ...

    def fold(self, state: State, event: Event, value: Any, now: int, log: Log) -> State:
        """The state after one more event."""
        ...

    def verdict(self, state: State, now: int, log: Log) -> Verdict:
        """The answer at `now`."""
        ...

    def rebuild(self, taken: Iterable[tuple[Event, Any]], now: int) -> State:
        """The state after events ascending by (timestamp, id)."""
        ...


@dataclass(frozen=True, slots=True)
class AggregateKind:
    """An aggregate as the grammar knows it.

    Attributes:
        name: as it stands in a rule.
        reads_property: whether it needs a `property`.
        take: the property's value to what is aggregated, or None to leave the event out.
        may_be_missing: whether there is no answer over no events.
        bounded: whether the compared numbers are bounded by `bounds.THRESHOLD` for all time too, not only in a window.
        build: the aggregate of a source and a comparison.
        observe: the answer over all values at once, MISSING when there is none.
        phrase: in a sentence: `the sum of {property} over {events}`.
        doc: one line of the reference.
    """

    name: str
    reads_property: bool
    take: Callable[[object], Value | None]
    may_be_missing: bool
    build: Callable[[Source, Comparison], Aggregate]
    observe: Callable[[Iterable[Any]], object]
    phrase: str
    doc: str
    counts: bool = False
    bounded: bool = False
