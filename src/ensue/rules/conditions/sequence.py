"""`sequence`: steps that follow each other, or a last one that does not come."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ensue.base.clock import to_iso
from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.condition import Observation, Reads, State, content_key
from ensue.rules.facts import Facts, Log
from ensue.rules.faults import Reader
from ensue.rules.sequences.absent import Absent
from ensue.rules.sequences.happened import Happened
from ensue.rules.sequences.steps import Step, Steps
from ensue.rules.verdict import Verdict
from ensue.rules.where import read_where
from ensue.rules.window import read_window
from ensue.rules.wording import duration_text, where_text, window_text

TYPE = "sequence"


@dataclass(frozen=True, slots=True, eq=False)
class SequenceCondition:
    """Steps in time, ending in a last one that happened or that did not."""

    json: dict[str, Any]
    key: str
    event_types: frozenset[str]
    steps: Steps
    ending: Happened | Absent
    time_dependent: bool
    reads: Reads

    def take(self, event: Event) -> list[int] | None:
        """Which steps the event can be; see `EventBased`."""
        return self.steps.matched(event) or None

    def fold(self, state: State, event: Event, taken: list[int], now: int, log: Log) -> State:
        """The state after one more event; see `EventBased`."""
        return self.ending.fold(state, event, taken, now, log)

    def verdict(self, state: State, now: int, log: Log) -> Verdict:
        """The answer from the state; see `EventBased`."""
        return self.ending.verdict(state, now, log)

    def rebuild(self, events: Iterable[Event], now: int) -> State:
        """The state from a history; see `EventBased`."""
        return self.ending.rebuild(events, now)

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether it holds at `now`, and until when that is certain."""
        return self.ending.verdict(facts.state(self.key), now, facts.log)

    def observe(self, facts: Facts, now: int) -> Observation:
        """When the newest sequence that counts began, and its events."""
        start = self.ending.start(facts.state(self.key), now, facts.log)
        absent = isinstance(self.ending, Absent)
        needed = {"steps": len(self.steps.steps), "lastStep": "absent" if absent else "happened"}
        if start is None:
            return Observation(None, needed, [])
        chain = self.steps.chain(facts.log, start, self.steps.last + (0 if absent else 1))
        return Observation({"startedAt": to_iso(start)}, needed, chain[::-1])

    def describe(self) -> str:
        """`cart, then not purchase within 2 hours`."""
        parts = [" ".join(filter(None, (step.event_type, where_text(step.where)))) for step in self.steps.steps]
        if isinstance(self.ending, Absent):
            parts[-1] = f"not {parts[-1]}"
        text = f"{', then '.join(parts)} within {duration_text(self.steps.within)}"
        return " ".join(filter(None, (text, window_text(self.steps.window))))


def parse(reader: Reader) -> SequenceCondition | None:
    """Read a sequence condition. Notes faults and returns None when it is faulty."""
    steps = _read_steps(reader)
    within = reader.duration("within")
    last = reader.one_of("lastStep", ["happened", "absent"], default="happened")
    window = read_window(reader)
    if last == "absent" and within and window and window.span is not None and window.span <= within:
        reader.fault("timeWindow", "must be longer than within: an absence counts only once within is over")
    reader.close()
    if not (reader.sound and steps and within and window and last):
        return None
    chain = Steps(steps, within, window)
    ending = Absent(chain) if last == "absent" else Happened(chain)
    key = content_key(TYPE, reader.value["steps"], within, window, last)
    time_dependent = last == "absent" or window.span is not None
    return SequenceCondition(reader.value, key, chain.event_types, chain, ending, time_dependent, Reads())


def _read_steps(reader: Reader) -> list[Step] | None:
    value = reader.required("steps")
    if not isinstance(value, list) or not 2 <= len(value) <= bounds.STEPS:
        if "steps" in reader.value:
            reader.fault("steps", f"must be a list of 2 to {bounds.STEPS} steps")
        return None
    steps = [_read_step(item, f"{reader.at('steps')}[{index}]", reader) for index, item in enumerate(value)]
    return [step for step in steps if step]


def _read_step(value: object, path: str, parent: Reader) -> Step | None:
    if not isinstance(value, dict):
        parent.faults.add(path, "must be an object with eventType and perhaps where")
        return None
    reader = Reader(value, path, parent.faults)
    event_type = reader.text("eventType", bounds.EVENT_TYPE)
    where = read_where(reader)
    reader.close()
    return Step(event_type, where) if event_type else None
