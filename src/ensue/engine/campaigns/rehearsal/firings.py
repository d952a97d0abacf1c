"""When the triggers of a campaign would have fired for a contact, and which of those firings would have taken it in."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ensue.base.ids import read as read_id
from ensue.engine.campaigns.dates import compile_dates
from ensue.engine.campaigns.rehearsal.past import Past
from ensue.engine.campaigns.schedule import Schedule
from ensue.engine.campaigns.version import Audience
from ensue.model.event import IMPORT, Event
from ensue.rules.match import Match, parse_match

# Nothing that happened: what a backfill found, what two contacts were together.
_SILENT = ("BACKFILL", "MERGE", "REBUILD")
_LAST = (3, 0)


class Firing(NamedTuple):
    """A trigger fired. Firings are in the order in which they would have happened."""

    at: int
    order: tuple[int, int]
    trigger: str
    event: Event | None = None


class Triggers:
    """The triggers of a campaign's body, over a span of time `since < t <= until`."""

    def __init__(
        self,
        triggers: list[dict[str, Any]],
        instants: Mapping[int, tuple[Schedule, list[int]]],
        audience: Audience | None,
        since: int,
        until: int,
    ) -> None:
        """`instants` are when the SCHEDULE triggers fire; `audience` is that of a BROADCAST, which fires at the end."""
        self._since, self._until = since, until
        self._instants = instants
        self._audience = audience
        self._dates = compile_dates(triggers)
        self._matches: list[tuple[str, Match | None]] = []
        self._entered: set[int] = set()
        self._exited: set[int] = set()
        self._thresholds: list[int] = []
        for trigger in triggers:
            match trigger["type"]:
                case "EVENT":
                    written = trigger.get("conditions")
                    self._matches.append(
                        (trigger["eventType"], parse_match(written, "conditions") if written else None)
                    )
                case "SEGMENT_ENTERED":
                    self._entered.add(read_id("seg", trigger["segmentId"]) or 0)
                case "SEGMENT_EXITED":
                    self._exited.add(read_id("seg", trigger["segmentId"]) or 0)
                case "SCORE_CROSSED":
                    self._thresholds.append(trigger["threshold"])
                case _:
                    pass

    @property
    def segments(self) -> frozenset[int]:
        """The segments whose stays must be known."""
        named = {schedule.segment_id for schedule, _ in self._instants.values()}
        named |= {self._audience.segment_id} if self._audience is not None else set()
        return frozenset(self._entered | self._exited | {one for one in named if one is not None})

    def of(self, past: Past) -> list[Firing]:
        """All firings for a contact, in order. Of several triggers at one instant the first counts, an event first."""
        found: list[Firing] = []
        for firing in sorted(self._fire(past), key=lambda firing: (firing.at, firing.order)):
            if not found or found[-1].at != firing.at or firing.event is not None:
                found.append(firing)
        return found

    def _fire(self, past: Past) -> Iterator[Firing]:
        yield from self._of_events(past)
        for stay in past.known.stays:
            if stay.segment_id in self._entered and self._counts(stay.entered_at, stay.entered_by):
                yield Firing(stay.entered_at, (1, stay.id), "SEGMENT_ENTERED")
            if stay.exited_at is None or stay.exited_by is None or stay.segment_id not in self._exited:
                continue
            if self._counts(stay.exited_at, stay.exited_by):
                yield Firing(stay.exited_at, (1, stay.id), "SEGMENT_EXITED")
        for line in past.known.lines:
            crossed = any(line.before < threshold <= line.after for threshold in self._thresholds)
            if crossed and self._counts(line.at, line.cause):
                yield Firing(line.at, (2, line.id), "SCORE_CROSSED")
        yield from self._of_time(past)

    def _of_events(self, past: Past) -> Iterator[Firing]:
        for event in past.known.events:
            if not self._since < event.timestamp <= self._until:
                continue
            past.at = event.timestamp
            if any(t == event.type and (match is None or match.holds(event, past)) for t, match in self._matches):
                yield Firing(event.timestamp, (0, event.id), "EVENT", event)

    def _of_time(self, past: Past) -> Iterator[Firing]:
        for date in self._dates:
            after = self._since
            while (occurrence := date.next(past, past.time_zone(), after)) is not None and occurrence.at <= self._until:
                after = occurrence.at
                yield Firing(after, _LAST, "DATE")
        launches = [
            ("SCHEDULE", schedule.segment_id, at) for schedule, all_at in self._instants.values() for at in all_at
        ]
        if self._audience is not None:
            launches.append(("BROADCAST", self._audience.segment_id, self._until))
        for trigger, segment_id, at in launches:
            past.at = at
            there = past.contact.created_at <= at if segment_id is None else past.in_segment(segment_id)
            if there:
                yield Firing(at, _LAST, trigger)

    def _counts(self, at: int, cause: str) -> bool:
        return self._since < at <= self._until and not cause.startswith(_SILENT)


def too_old(firing: Firing, horizon: int) -> bool:
    """Whether an event came too late to trigger. What was imported is taken as if it had been there at its time."""
    event = firing.event
    return event is not None and event.source != IMPORT and event.received_at - event.timestamp > horizon
