"""The steps of a sequence: which of them an event is, and the chain from a given start."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ensue.model.event import Event
from ensue.rules.facts import Log
from ensue.rules.where import EventTest, Where
from ensue.rules.window import Window


class Step(NamedTuple):
    """One step: a type of event, and what it must satisfy."""

    event_type: str
    where: Where | None


class Steps:
    """Steps that follow each other strictly in time, the last less than `within` ms after the first."""

    def __init__(self, steps: Sequence[Step], within: int, window: Window) -> None:
        self.steps = tuple(steps)
        self.within = within
        self.window = window
        self.event_types = frozenset(step.event_type for step in steps)
        self._by_type: dict[str, list[tuple[int, EventTest | None]]] = {}
        for index, step in enumerate(steps):
            test = step.where.test if step.where else None
            self._by_type.setdefault(step.event_type, []).append((index, test))

    @property
    def last(self) -> int:
        """The index of the last step."""
        return len(self.steps) - 1

    def matched(self, event: Event) -> list[int]:
        """The indexes of the steps that an event can be. The first step must lie between the window's fixed ends."""
        return [
            index
            for index, test in self._by_type.get(event.type, ())
            if (test is None or test(event)) and (index or self.window.admits(event.timestamp))
        ]

    def logged(self, log: Log, after: int | None, upto: int) -> Iterator[tuple[int, list[int]]]:
        """Timestamp and steps of the log's events with `after < timestamp <= upto`, oldest first."""
        return self.matching(log.events(self.event_types, after, upto))

    def matching(self, events: Iterable[Event]) -> Iterator[tuple[int, list[int]]]:
        """Timestamp and steps of those events that are any step."""
        for event in events:
            matched = self.matched(event)
            if matched:
                yield event.timestamp, matched

    def chain(self, log: Log, start: int, length: int) -> list[int]:
        """The ids of the earliest chain of the first `length` steps that begins at `start`."""
        ids: list[int] = []
        reached = start - 1
        for event in log.events(self.event_types, start - 1, start + self.within - 1):
            if len(ids) == length:
                break
            if event.timestamp > reached and len(ids) in self.matched(event):
                ids.append(event.id)
                reached = event.timestamp
        return ids
