"""`event`: an aggregate over the contact's events, compared with a number."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.aggregates import AGGREGATES
from ensue.rules.comparison import read_quantity
from ensue.rules.condition import Observation, Reads, State, content_key
from ensue.rules.facts import MISSING, Facts, Log
from ensue.rules.faults import Reader
from ensue.rules.fields import EVENT, EventField, event_field
from ensue.rules.operator import Comparison
from ensue.rules.source import Source, Value
from ensue.rules.verdict import Verdict
from ensue.rules.where import EventTest, Where, read_where
from ensue.rules.window import Window, read_window
from ensue.rules.wording import event_phrase

TYPE = "event"


@dataclass(frozen=True, slots=True, eq=False)
class EventCondition:
    """An aggregate over events of one type, compared with a number."""

    json: dict[str, Any]
    key: str
    event_types: frozenset[str]
    kind: AggregateKind
    source: Source
    comparison: Comparison
    read_from: str | None
    where: Where | None
    aggregate: Aggregate
    time_dependent: bool
    reads: Reads

    def take(self, event: Event) -> Value | None:
        """What the aggregate is about; see `EventBased`."""
        return self.source.read(event) if event.type == self.source.event_type else None

    def fold(self, state: State, event: Event, taken: Value, now: int, log: Log) -> State:
        """The state after one more event; see `EventBased`."""
        return self.aggregate.fold(state, event, taken, now, log)

    def verdict(self, state: State, now: int, log: Log) -> Verdict:
        """The answer from the state; see `EventBased`."""
        return self.aggregate.verdict(state, now, log)

    def rebuild(self, events: Iterable[Event], now: int) -> State:
        """The state from a history; see `EventBased`."""
        return self.aggregate.rebuild(self.source.values(events), now)

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether it holds at `now`, and until when that is certain."""
        return self.aggregate.verdict(facts.state(self.key), now, facts.log)

    def observe(self, facts: Facts, now: int) -> Observation:
        """The aggregate itself, and the newest events that it is made of."""
        window = self.source.window
        newest: deque[int] = deque(maxlen=bounds.EVIDENCE)

        def values() -> Iterable[Value]:
            for event, value in self.source.logged(facts.log, window.after(now), window.upto(now)):
                newest.append(event.id)
                yield value

        observed = self.kind.observe(values())
        evidence = list(reversed(newest))
        return Observation(None if observed is MISSING else observed, self.comparison.needed, evidence)

    def describe(self) -> str:
        """`purchase at least 3 times in the last 30 days where amount is over 50`."""
        return event_phrase(self.kind, self.read_from, self.comparison, self.source, self.where)


def parse(reader: Reader) -> EventCondition | None:
    """Read an event condition. Notes faults and returns None when it is faulty."""
    event_type = reader.text("eventType", bounds.EVENT_TYPE)
    where = read_where(reader)
    window = read_window(reader)
    name = reader.one_of("aggregate", list(AGGREGATES), default="count")
    kind = AGGREGATES[name] if name else None
    field = _read_property(reader, kind)
    comparison = read_quantity(reader, may_be_missing=kind.may_be_missing if kind else True)
    if kind and window and comparison and (kind.bounded or (kind.counts and window.span is not None)):
        _bound_thresholds(reader, comparison)
    reader.close()
    if not (reader.sound and event_type and window and kind and comparison):
        return None
    source = Source(event_type, window, _reading(where.test if where else None, window, kind, field))
    aggregate = kind.build(source, comparison)
    key = content_key(TYPE, event_type, where and reader.value["where"], window, field and field.name, aggregate.shape)
    return EventCondition(
        reader.value, key, frozenset((event_type,)), kind, source, comparison,
        field.name if field else None, where, aggregate, window.span is not None, Reads(),
    )  # fmt: skip


def _read_property(reader: Reader, kind: AggregateKind | None) -> EventField | None:
    value = reader.optional("property")
    if kind is None:
        return None
    if not kind.reads_property:
        if value is not MISSING:
            reader.fault("property", f"must be left out with {kind.name}")
        return None
    name = reader.text("property", bounds.FIELD)
    if name is None:
        return None
    bare = name not in EVENT and not name.startswith("metadata.")
    field = event_field(f"metadata.{name}" if bare else name)
    if field is None:
        reader.fault("property", f"must be metadata.<name>, <name> or one of {', '.join(EVENT)}")
    return field


def _bound_thresholds(reader: Reader, comparison: Comparison) -> None:
    if any(number > bounds.THRESHOLD for number in comparison.numbers):
        reader.fault("value", f"must not be over {bounds.THRESHOLD} for a count in a window or a distinct count")


def _reading(test: EventTest | None, window: Window, kind: AggregateKind, field: EventField | None) -> Any:
    """One closure from an event of the right type to its value, or None when it is left out."""
    take = kind.take
    get = field.get if field else None

    def value_of(event: Event) -> Value | None:
        return True if get is None else take(get(event))

    if test is None and not window.fixed:
        return value_of
    if not window.fixed:
        return lambda event: value_of(event) if test(event) else None  # type: ignore[misc]

    def read(event: Event) -> Value | None:
        if not window.admits(event.timestamp) or (test is not None and not test(event)):
            return None
        return value_of(event)

    return read
