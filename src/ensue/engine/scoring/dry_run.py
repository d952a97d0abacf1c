"""A scoring rule run over stored history without doing anything: who, how many, by how much, on which day."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ensue.base import bounds
from ensue.base.clock import to_iso
from ensue.engine.definitions import CompiledScoringRule
from ensue.engine.scoring.contribution import Match, Versions, count, points_at
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.score import ScoringRule
from ensue.rules.match import parse_match

_PAGE = 1_000


class Day(NamedTuple):
    """One day (UTC, `2026-01-15`): its matches, by how many contacts, and the points that they gave."""

    date: str
    matches: int
    contacts: int
    points: int


class Gain(NamedTuple):
    """One contact: its matches, and the rule's contribution to its score as it is and as it would be now."""

    contact_id: int
    email: str | None
    matches: int
    before: int
    after: int


class DryRun(NamedTuple):
    """What a rule would have done. `since` is the timestamp of the oldest event that was read.

    `complete` says whether that was the oldest one of its type; contributions are then exact.
    """

    events: int
    since: int | None
    complete: bool
    matches: int
    contacts: int
    points: int
    changed: int
    difference: int
    days: list[Day]
    sample: list[Gain]


def dry_run(room: WorkingSet, rule: ScoringRule) -> DryRun:
    """Run a rule, stored or not, over the newest events of its type; for a snapshot.

    Contributions of a stored rule are compared with what it has given so far.
    """
    # The history is counted by this rule alone, at a version that no stored one has.
    trial = msgspec.structs.replace(rule, version=0)
    known = room.definitions.scoring.get(rule.id)
    found, events, since, complete = _matches(room, trial)
    days = _Days()
    gains = []
    contacts = {c.id: c for ids in _slices(list(found)) for c in room.tables.populations.contacts(ids)}
    for contact_id, matches in found.items():
        contact = contacts.get(contact_id)
        if contact is not None:
            gains.append(_gain(room, contact, known, {0: trial}, matches, days))
    changed = [gain for gain in gains if gain.after != gain.before]
    matched = [gain for gain in gains if gain.matches]
    sample = sorted(matched + [g for g in changed if not g.matches], key=lambda g: -abs(g.after - g.before))
    return DryRun(
        events=events,
        since=since,
        complete=complete,
        matches=sum(gain.matches for gain in matched),
        contacts=len(matched),
        points=sum(gain.after for gain in matched),
        changed=len(changed),
        difference=sum(gain.after - gain.before for gain in changed),
        days=days.listed(),
        sample=sample[: bounds.SAMPLE],
    )


class _Days:
    def __init__(self) -> None:
        self._matches: defaultdict[str, int] = defaultdict(int)
        self._points: defaultdict[str, int] = defaultdict(int)
        self._contacts: defaultdict[str, int] = defaultdict(int)

    def add(self, contact_days: dict[str, tuple[int, int]]) -> None:
        """The days of one contact: matches and points."""
        for date, (matches, points) in contact_days.items():
            self._matches[date] += matches
            self._points[date] += points
            self._contacts[date] += 1

    def listed(self) -> list[Day]:
        return [Day(d, self._matches[d], self._contacts[d], self._points[d]) for d in sorted(self._matches)]


def _gain(
    room: WorkingSet,
    contact: Contact,
    known: CompiledScoringRule | None,
    versions: Versions,
    matches: list[Match],
    days: _Days,
) -> Gain:
    standing = None
    own_days: dict[str, tuple[int, int]] = {}
    for match in sorted(matches):
        had = points_at(versions, standing, match.at) if standing is not None else 0
        standing = count(versions, standing, match)
        date = to_iso(match.at)[:10]
        so_far, points = own_days.get(date, (0, 0))
        own_days[date] = (so_far + 1, points + standing.points - had)
    days.add(own_days)
    kept = Subject(room, contact).standing(known) if known is not None else None
    after = points_at(versions, standing, max(contact.as_of, standing.matched_at)) if standing is not None else 0
    return Gain(contact.id, contact.email, len(matches), kept.shown if kept is not None else 0, after)


def _matches(room: WorkingSet, rule: ScoringRule) -> tuple[dict[int, list[Match]], int, int | None, bool]:
    """(matches by contact, also of those who have none; events read; the oldest timestamp; whether that was all)."""
    match = parse_match(rule.condition, "condition") if rule.condition is not None else None
    found: dict[int, list[Match]] = {}
    subjects: dict[int, Subject | None] = {}
    events = 0
    since = None
    for event in _newest(room, rule.event_type):
        if events == bounds.DRY_RUN_EVENTS:
            return found, events, since, False
        events, since = events + 1, event.timestamp
        assert event.contact_id is not None
        own = found.setdefault(event.contact_id, [])
        if match is not None and event.contact_id not in subjects:
            contact = room.tables.populations.contacts([event.contact_id])
            subjects[event.contact_id] = Subject(room, contact[0]) if contact else None
        subject = subjects.get(event.contact_id)
        if match is None or (subject is not None and match.holds(event, subject)):
            own.append(Match(event.timestamp, event.id, rule.version))
    return found, events, since, True


def _newest(room: WorkingSet, event_type: str) -> Iterator[Event]:
    below: tuple[int, int] | None = None
    while page := room.tables.events.of_type(event_type, below, _PAGE):
        yield from page
        below = (page[-1].timestamp, page[-1].id)


def _slices(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), bounds.BULK_CONTACTS):
        yield ids[start : start + bounds.BULK_CONTACTS]
