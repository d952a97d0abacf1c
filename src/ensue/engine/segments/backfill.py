"""Bringing a segment's members in line with its rules, for contacts who were there before.

A backfill reads on snapshots and writes in small transactions. First `plan` narrows down, mostly in SQL, whom the rules
may concern; whoever is left out has the verdict of a blank contact, and is where that verdict wants them. Then `look`
evaluates a few of those without writing, and `apply` lets the ones that change enter or exit, or arms their timers.

Contacts to whom something happens meanwhile catch up by themselves (`engine.catch_up`), so a snapshot may be as old as
it likes: `apply` decides by what is true then. All it takes over are the states of conditions that the contact has none
of yet, and the first event that such a condition is about gives it one.
"""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ensue.base import bounds
from ensue.engine import timers
from ensue.engine.contacts import changes
from ensue.engine.segments import history
from ensue.engine.segments.bulk import Crowd, Sighting
from ensue.engine.segments.catch_up import catch_up
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.model.cause import Cause
from ensue.rules.grammar import parse_rule
from ensue.rules.rule import Rule
from ensue.store.ports import ALL, Clause, WorkspaceTables

KINDS = ("SEGMENT", "FILL", "CLOSE")
"""The kinds of work that are done here; see `Backfill`."""


class Piece(NamedTuple):
    """What is to be written in one transaction: contacts to change, ascending, with the states of their conditions.

    Contacts up to `cursor`, `looked` of them, are done with it.
    """

    found: list[tuple[int, dict[str, Any]]]
    cursor: int
    looked: int


def rule_of(tables: WorkspaceTables, backfill: Backfill) -> Rule | None:
    """The rules that a backfill goes by, at its own version; None when it only ends stays."""
    if backfill.kind == "CLOSE":
        return None
    versions = {version: rules for version, rules, _ in tables.definitions.segment_versions(backfill.subject_id)}
    return parse_rule(versions[backfill.version])


def plan(tables: WorkspaceTables, backfill: Backfill, now: int) -> Sequence[int]:
    """The contacts, ascending by id, that must be looked at one by one."""
    members = tables.populations.members(backfill.subject_id)
    rule = rule_of(tables, backfill)
    sets = [members]
    if rule is not None:
        # At first nobody is in a segment, and then there is nobody to look for.
        anybody = tables.memberships.members(backfill.subject_id, backfill.cursor, 1)
        sets = _concerned(tables, Crowd(tables, rule, now), members if anybody else None, now)
    return array("q", tables.populations.ids_of_any(sets, backfill.cursor, backfill.upto))


def look(tables: WorkspaceTables, backfill: Backfill, some: Sequence[int], now: int) -> list[Piece]:
    """Evaluate some contacts. Every piece fits one transaction."""
    rule = rule_of(tables, backfill)
    if rule is None:
        return _pieces([(contact_id, {}) for contact_id in some], some)
    inside = tables.populations.memberships(some)
    # The horizon of the score is only known inside the write.
    unsure = "score" in rule.fields
    crowd = Crowd(tables, rule, now)
    found = [
        (sighting.contact.id, sighting.states)
        for sighting in crowd.look(some)
        if unsure or _changes(backfill, sighting, backfill.subject_id in inside.get(sighting.contact.id, ()))
    ]
    return _pieces(found, some)


def apply(room: WorkingSet, backfill_id: int, piece: Piece) -> bool:
    """Write one piece. False when the backfill is not running any more, and nothing was written."""
    backfill = _running(room, backfill_id)
    if backfill is None:
        return False
    room.hold_all(contact_id for contact_id, _ in piece.found)
    for contact_id, states in piece.found:
        subject = room.subject(contact_id)
        if subject is None or subject.id != contact_id:
            # Gone, or merged into another, who is looked at by itself.
            continue
        # What is due first is judged as of its own instant; the states are of the present.
        timers.run_due(subject, room.now)
        subject.seed_states(states)
        _take_in(subject, backfill)
    room.tables.backfills.advance(backfill_id, piece.cursor, piece.looked)
    return True


def begin(room: WorkingSet, backfill_id: int, remaining: int) -> bool:
    """Note how many contacts must be looked at. Returns as `apply` does."""
    backfill = _running(room, backfill_id)
    if backfill is not None:
        room.tables.backfills.size(backfill_id, backfill.done + remaining)
    return backfill is not None


def finish(room: WorkingSet, backfill_id: int) -> None:
    """Every contact is where it belongs: the segment is ready."""
    backfill = _running(room, backfill_id)
    if backfill is None:
        return
    room.tables.backfills.finish(backfill_id, "DONE", room.now)
    segment = room.tables.definitions.segment(backfill.subject_id)
    # A change of the time zone begins another one beside it.
    others = any(other.subject_id == backfill.subject_id for other in room.tables.backfills.running())
    if segment is not None and segment.version == backfill.version and not others:
        room.tables.definitions.put_segment(msgspec.structs.replace(segment, status="READY"))
    room.tables.definitions.bump(room.now)


def give_up(room: WorkingSet, backfill_id: int, error: str) -> None:
    """End a backfill that fails again and again. Its segment is not READY: who is in it is not known of everybody."""
    if _running(room, backfill_id) is not None:
        room.tables.backfills.finish(backfill_id, "FAILED", room.now, error)
        room.tables.definitions.bump(room.now)


def _running(room: WorkingSet, backfill_id: int) -> Backfill | None:
    backfill = room.tables.backfills.get(backfill_id)
    return backfill if backfill is not None and backfill.status == "RUNNING" else None


def _concerned(tables: WorkspaceTables, crowd: Crowd, members: Clause | None, now: int) -> list[Clause]:
    """Those to whom something may have to be done: who is not where the rules want them, or may soon not be.

    And those with so long a history that nobody should have to read it while an event waits.
    """
    rule = crowd.rule
    if crowd.exact is not None and not rule.time_dependent:
        sets = [crowd.exact] if members is None else [crowd.exact & ~members, members & ~crowd.exact]
    elif crowd.blank.flips_at is not None or (crowd.blank.holds and members is None):
        # Wherever nothing is known, there is something to do.
        return [ALL]
    elif crowd.blank.holds and members is not None:
        sets = [crowd.differing, ~members]
    else:
        sets = [crowd.differing] if members is None else [crowd.differing, members]
    if rule.event_conditions:
        types = frozenset[str]().union(*(condition.event_types for condition in rule.event_conditions))
        after = history.after(rule.event_conditions, now)
        sets.append(tables.populations.busy(types, after, now, bounds.BUSY_EVENTS))
    return sets


def _changes(backfill: Backfill, sighting: Sighting, member: bool) -> bool:
    if backfill.kind == "FILL":
        return sighting.verdict.holds and not member
    return (
        sighting.verdict.holds is not member
        or sighting.verdict.flips_at is not None
        or sighting.events >= bounds.BUSY_EVENTS
    )


def _pieces(found: list[tuple[int, dict[str, Any]]], some: Sequence[int]) -> list[Piece]:
    size = bounds.BACKFILL_CONTACTS
    slices = [found[start : start + size] for start in range(0, len(found), size)] or [[]]
    pieces = []
    looked = 0
    for index, part in enumerate(slices):
        last = index == len(slices) - 1
        cursor = some[-1] if last else part[-1][0]
        upto = len(some) if last else looked + len(part)
        pieces.append(Piece(part, cursor, upto - looked))
        looked = upto
    return pieces


def _take_in(subject: Subject, backfill: Backfill) -> None:
    cause = Cause("BACKFILL", backfill.id, triggers=backfill.triggers)
    room, segment_id = subject.room, backfill.subject_id
    match backfill.kind:
        case "SEGMENT":
            catch_up(subject, (backfill,))
        case "FILL" if not subject.in_segment(segment_id):
            changes.set_static(subject, segment_id, member=True, cause=cause)
            room.count_backfilled(backfill.id, 1, 0)
        case "CLOSE" if subject.in_segment(segment_id):
            subject.exit(segment_id, subject.as_of, cause.text())
            room.count_backfilled(backfill.id, 0, 1)
        case _:
            pass
