"""The events that an event condition is about, and the value that it reads of each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ensue.model.event import Event
from ensue.rules.facts import Log
from ensue.rules.window import Window

Value = Any
"""What one aggregate takes of an event: anything that is not None; a number for the numeric ones."""

_FIRST_LOOK = 32


@dataclass(frozen=True, slots=True)
class Source:
    """Events of one type that match, each with a value.

    `read` gives the value that the aggregate takes of an event that passed type, `where` and fixed ends,
    or None when it leaves the event out.
    """

    event_type: str
    window: Window
    read: Callable[[Event], Value]

    @property
    def span(self) -> int:
        """The sliding window's length in milliseconds; only asked of one that slides."""
        if self.window.span is None:
            raise TypeError("this window does not slide")
        return self.window.span

    def values(self, events: Iterable[Event]) -> Iterator[tuple[Event, Value]]:
        """Those events that are taken, each with its value."""
        for event in events:
            if event.type == self.event_type:
                value = self.read(event)
                if value is not None:
                    yield event, value

    def logged(self, log: Log, after: int | None, upto: int) -> Iterator[tuple[Event, Value]]:
        """The taken events of the log with `after < timestamp <= upto`, oldest first."""
        return self.values(log.events(frozenset((self.event_type,)), after, upto))

    def look_ahead(self, log: Log, after: int, upto: int) -> Iterator[tuple[Event, Value]]:
        """The same, read in pieces that double, so that the first few are cheap whatever `log` loads at once."""
        piece = max((upto - after) // _FIRST_LOOK, 1)
        while after < upto:
            end = min(after + piece, upto)
            yield from self.logged(log, after, end)
            after, piece = end, piece * 2
