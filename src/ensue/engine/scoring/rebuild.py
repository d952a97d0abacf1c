"""Scores worked out again from the log, as if the rules as they are now had always been there.

Conditions on the event are asked of each event as it is stored, conditions on the contact of the contact as it is now.
Rules that are inactive or deleted match nothing. First a diff is read on a snapshot; the rebuild itself takes a bounded
number of contacts into each transaction and starts no campaign.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ensue.base import bounds
from ensue.base.errors import Conflict
from ensue.engine import timers
from ensue.engine.definitions import CompiledScoringRule
from ensue.engine.reactions import react, scoring
from ensue.engine.scoring.contribution import Match, points_at, replay
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.model.cause import Cause
from ensue.model.event import Event

KIND = "SCORES"
"""The kind of a rebuild among the backfills. Its `entered` and `exited` count contacts whose score rose and fell."""

_SLICE = 20


class Change(NamedTuple):
    """The score of one contact, as it is and as a rebuild would make it."""

    contact_id: int
    email: str | None
    before: int
    after: int


class Diff(NamedTuple):
    """What a rebuild would change among the contacts that were looked at; `complete` says whether that was all."""

    contacts: int
    raised: int
    lowered: int
    difference: int
    sample: list[Change]
    complete: bool


def diff(room: WorkingSet) -> Diff:
    """What a rebuild would change. Reads at most about `bounds.DRY_RUN_EVENTS` events; for a snapshot."""
    types = _event_types(room)
    contacts = read = above = 0
    changes: list[Change] = []
    raised = lowered = difference = 0
    while read < bounds.DRY_RUN_EVENTS and (ids := room.tables.populations.ids(above=above, limit=_SLICE)):
        above = ids[-1]
        histories = dict(room.tables.events.of_contacts(ids, types, None, room.now))
        for contact in room.tables.populations.contacts(ids):
            subject = Subject(room, contact)
            events = histories.get(contact.id, [])
            after = contact.score + _difference(subject, events)
            contacts += 1
            read += 1 + len(events)
            if after != contact.score:
                changes.append(Change(contact.id, contact.email, contact.score, after))
                raised += after > contact.score
                lowered += after < contact.score
                difference += after - contact.score
        changes = sorted(changes, key=lambda change: -abs(change.after - change.before))[: bounds.SAMPLE]
    complete = not room.tables.populations.ids(above=above, limit=1)
    return Diff(contacts, raised, lowered, difference, changes, complete)


def begin(room: WorkingSet) -> Backfill:
    """Begin a rebuild; `advance` does the work.

    Raises:
        Conflict: one is running already.
    """
    if any(backfill.kind == KIND for backfill in room.tables.backfills.running()):
        raise Conflict("The scores are being rebuilt already.", code="rebuild_running")
    backfill_id = room.ids.next()
    total = room.tables.populations.count()
    backfill = Backfill(
        backfill_id, KIND, 0, room.definitions.version, "RUNNING", False, 0, backfill_id, total, 0, 0, 0, room.now
    )
    room.tables.backfills.add(backfill)
    return backfill


def advance(room: WorkingSet, backfill_id: int) -> bool:
    """Rebuild the next contacts, as many as fit one transaction; False when there is nothing more to do."""
    backfill = room.tables.backfills.get(backfill_id)
    if backfill is None or backfill.status != "RUNNING":
        return False
    ids = [i for i in room.tables.contacts.after(backfill.cursor, bounds.REBUILD_CONTACTS) if i <= backfill.upto]
    types = _event_types(room)
    done = read = raised = lowered = 0
    for contact_id in ids:
        subject = room.subject(contact_id)
        assert subject is not None
        timers.advance(subject, room.now)
        events = list(subject.log.events(types, None, subject.as_of))
        before = subject.score
        rebuild(subject, events, Cause("REBUILD", backfill.id, triggers=False))
        raised += subject.score > before
        lowered += subject.score < before
        done, read = done + 1, read + len(events)
        if read >= bounds.REBUILD_EVENTS:
            break
    if done:
        room.tables.backfills.advance(backfill.id, ids[done - 1], done)
        room.tables.backfills.count([(raised, lowered, backfill.id)])
    if done < bounds.REBUILD_CONTACTS and done == len(ids):
        room.tables.backfills.finish(backfill.id, "DONE", room.now)
        return False
    return True


def rebuild(subject: Subject, events: Sequence[Event], cause: Cause) -> bool:
    """Work out the score of one contact again from all its events of the types that rules ask for."""
    before = subject.score
    changed = False
    for compiled in subject.room.definitions.scoring.values():
        changed |= scoring.restate(subject, compiled, derived(subject, compiled, events), "REBUILD")
    if subject.score != before:
        react.to_rebuild(subject, before, cause)
    return changed


def derived(subject: Subject, compiled: CompiledScoringRule, events: Iterable[Event]) -> list[Match]:
    """The matches of a rule, as it is now, among events of a contact."""
    rule, match = compiled.rule, compiled.match
    if not rule.active:
        return []
    return [
        Match(event.timestamp, event.id, rule.version)
        for event in events
        if event.type == rule.event_type and (match is None or match.holds(event, subject))
    ]


def _difference(subject: Subject, events: Sequence[Event]) -> int:
    difference = 0
    for compiled in subject.room.definitions.scoring.values():
        standing = subject.standing(compiled)
        fresh = replay(compiled.versions, derived(subject, compiled, events))
        after = points_at(compiled.versions, fresh, subject.as_of) if fresh is not None else 0
        difference += after - (standing.shown if standing is not None else 0)
    return difference


def _event_types(room: WorkingSet) -> frozenset[str]:
    return frozenset(compiled.rule.event_type for compiled in room.definitions.scoring.values() if compiled.rule.active)
