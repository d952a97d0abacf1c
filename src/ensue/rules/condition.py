"""What every condition can do, and what those over events can do besides."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ensue.base.json import canonical
from ensue.model.event import Event
from ensue.rules.facts import Facts, Log
from ensue.rules.verdict import Verdict

State = Any
"""What is kept of the events so far: a JSON-able value, None before the first event that matters."""

NOTHING: frozenset[Any] = frozenset()


class Reads(NamedTuple):
    """What of a contact an answer depends on, apart from its events. Attributes by their first two parts."""

    fields: frozenset[str] = NOTHING
    tags: frozenset[str] = NOTHING
    channels: frozenset[str] = NOTHING
    segments: frozenset[int] = NOTHING

    def merged(self, other: "Reads") -> "Reads":
        """Both together."""
        return Reads(
            self.fields | other.fields,
            self.tags | other.tags,
            self.channels | other.channels,
            self.segments | other.segments,
        )


class Observation(NamedTuple):
    """What a condition saw, for people: JSON-able values, and ids of events, newest first."""

    observed: object
    needed: object
    evidence: list[int]


class Condition(Protocol):
    """A leaf of a rule. Immutable."""

    @property
    def json(self) -> dict[str, Any]:
        """The condition as it was written."""
        ...

    @property
    def reads(self) -> Reads:
        """What it reads of the contact."""
        ...

    @property
    def time_dependent(self) -> bool:
        """Whether the answer can change with no new input."""
        ...

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether it holds at `now`, and until when that is certain."""
        ...

    def observe(self, facts: Facts, now: int) -> Observation:
        """What it saw and what it needs. May read the log at length."""
        ...

    def describe(self) -> str:
        """An English phrase."""
        ...


@runtime_checkable
class EventBased(Protocol):
    """A condition over events, answered from a small kept state.

    Events may be folded in any order of their timestamps. `now` never decreases from call to call, no event is
    later than `now`, and `log` holds exactly the events that were folded, the one in hand included.
    """

    @property
    def key(self) -> str:
        """Hash of what determines the state. Conditions of one key share one state, not one verdict."""
        ...

    @property
    def event_types(self) -> frozenset[str]:
        """The only types of event that can change the state."""
        ...

    def take(self, event: Event) -> Any:
        """What the condition takes of an event; None when the event cannot change the state."""
        ...

    def fold(self, state: State, event: Event, taken: Any, now: int, log: Log) -> State:
        """The state after one more event, of which something was taken; may be the same value, changed in place."""
        ...

    def verdict(self, state: State, now: int, log: Log) -> Verdict:
        """The answer at `now`. Leaves the state alone."""
        ...

    def rebuild(self, events: Iterable[Event], now: int) -> State:
        """The state after events ascending by (timestamp, id), none later than `now`."""
        ...


def content_key(*parts: object) -> str:
    """Hash of the canonical JSON of some values."""
    return blake2b(canonical(parts).encode(), digest_size=12).hexdigest()
