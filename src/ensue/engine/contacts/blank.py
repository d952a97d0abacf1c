"""A contact of whom nothing is known yet, to learn in advance which segments a new contact must be looked at for."""

from collections.abc import Iterable
from typing import Any

from ensue.model.event import Event
from ensue.rules.facts import MISSING


class _NoLog:
    def events(self, types: frozenset[str], after: int | None, upto: int) -> Iterable[Event]:
        """Nothing has happened."""
        _ = (types, after, upto)
        return ()


class BlankContact:
    """Nothing set, nothing done, no tag, no consent. Implements `rules.facts.Facts`.

    `segments` is filled by whoever evaluates, in dependency order. When it was made is asked of each new contact
    itself: a rule that reads `createdAt` or `updatedAt` is never answered from here.
    """

    def __init__(self, time_zone: str) -> None:
        self.log = _NoLog()
        self.segments: set[int] = set()
        self._time_zone = time_zone

    def field(self, name: str) -> object:
        """Missing, but for the score and the attributes."""
        return {"score": 0, "attributes": {}}.get(name, MISSING)

    def time_zone(self) -> str:
        """The workspace's."""
        return self._time_zone

    def has_tag(self, tag: str) -> bool:
        """None yet."""
        _ = tag
        return False

    def consent(self, channel: str) -> str:
        """Not asked yet."""
        _ = channel
        return "UNKNOWN"

    def in_segment(self, segment_id: int) -> bool:
        """Whether a blank contact is a member."""
        return segment_id in self.segments

    def score_changes_at(self) -> int | None:
        """There is nothing to decay."""
        return None

    def state(self, key: str) -> Any:
        """No condition has seen an event."""
        _ = key
        return None
