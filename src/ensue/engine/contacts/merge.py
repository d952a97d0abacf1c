"""Two contacts who are one person: the survivor takes over all that the other had, and answers to its id.

What both have done and been is put together once. Fields that the survivor lacks are filled; events, sessions, tags,
enrolments and the ledger change hands; the states of conditions, the contributions of scoring rules and the segments
are worked out over the union as if all of it had been the survivor's from the start.
"""

from typing import NamedTuple

import msgspec

from ensue.base.errors import Unprocessable
from ensue.engine.contacts import changes, identity
from ensue.engine.definitions import CompiledScoringRule
from ensue.engine.reactions import react, scoring
from ensue.engine.scoring.contribution import Match, Standing, next_decay
from ensue.engine.segments import history
from ensue.engine.subject import DECAY, Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.contact import Contact
from ensue.model.effects import Effects, ScoreEntry, SegmentChange

MOST_RESTRICTIVE = ("OPTED_OUT", "PENDING", "UNKNOWN", "OPTED_IN")
"""Of two consents that were stated the earlier in this list stands. One that was never stated takes nothing away:
otherwise recognising an anonymous visitor would withdraw what the known person agreed to."""


class _Other(NamedTuple):
    """What must be known of the other contact once it is gone."""

    contact: Contact
    score: int
    segments: frozenset[int]
    consents: dict[str, str]
    event_types: set[str]
    points: list[tuple[CompiledScoringRule, Standing | None, list[Match]]]
    begun_anew: frozenset[int]


def merge(room: WorkingSet, survivor_id: int, other_id: int) -> tuple[Subject, Effects]:
    """Merge the other contact into the survivor: (survivor, what followed). Nothing follows when that was done before.

    What the transaction has changed so far is written, and the subjects that were held are let go.

    Raises:
        NotFound: one of them does not exist. Unprocessable: both ids are the same.
        Invalid: together they have more attributes than a contact may hold.
    """
    if survivor_id == other_id:
        raise Unprocessable("A contact cannot be merged into itself.")
    # Locked in one order, whichever is the survivor.
    room.hold_all((survivor_id, other_id))
    survivor, other = identity.held(room, survivor_id), identity.held(room, other_id)
    if survivor is other:
        return survivor, Effects(survivor.score, survivor.score)
    room.write()
    survivor, other = identity.held(room, survivor.id), identity.held(room, other.id)
    known = _remember(room, other, survivor)
    _end_doubled(survivor, other)
    before = survivor.score
    entries = _take_points(survivor, known)
    room.write()
    room.tables.contacts.remove(known.contact.id)
    room.tables.belongings.hand_over(known.contact.id, survivor.id, room.now)
    survivor = _united(room, survivor.id)
    return survivor, _take_in(survivor, known, Effects(before, survivor.score, entries))


def _united(room: WorkingSet, survivor_id: int) -> Subject:
    """The survivor with all that both had, brought to the present before but not evaluated over the union yet."""
    survivor = room.subject(survivor_id)
    assert survivor is not None
    # The states are still the survivor's alone: a segment that is being backfilled waits for the others.
    survivor.caught_up.update(backfill.id for backfill in room.definitions.backfilling)
    return survivor


def _remember(room: WorkingSet, other: Subject, survivor: Subject) -> _Other:
    standings = ((compiled, other.standing(compiled)) for compiled in room.definitions.scoring.values())
    # In one ledger, a line that takes back the matches of one would take back earlier ones of the other.
    anew = frozenset(room.tables.ledger.begun_anew(other.id) + room.tables.ledger.begun_anew(survivor.id))
    return _Other(
        other.contact,
        other.score,
        frozenset(other.memberships),
        dict(other.consents),
        room.tables.belongings.event_types(other.id),
        [
            (compiled, standing, scoring.matches(other, compiled))
            for compiled, standing in standings
            if standing or compiled.rule.id in anew
        ],
        anew,
    )


def _end_doubled(survivor: Subject, other: Subject) -> None:
    """End the other's stays, and its runs through what the survivor is running through already."""
    at, by = other.as_of, Cause("MERGE", survivor.id).text()
    running = {(enrolment.campaign_id, enrolment.entry_key) for enrolment in survivor.active.values()}
    for enrolment in list(other.active.values()):
        if (enrolment.campaign_id, enrolment.entry_key) in running:
            ended = msgspec.structs.replace(enrolment, status="EXITED", wake_at=None, ended_at=at, end_reason="MERGED")
            other.put_enrolment(ended)
    for segment_id in list(other.memberships):
        other.exit(segment_id, at, by)


def _take_points(survivor: Subject, other: _Other) -> list[ScoreEntry]:
    """Add the other's score.

    A rule that both have matches of is counted again over all of them: caps, cooldowns and `once` hold for one person.
    """
    entries = []
    own_matches = {c.key: scoring.matches(survivor, c) for c, _, _ in other.points}
    survivor.score += other.score
    for compiled, theirs, matches in other.points:
        own = survivor.standing(compiled)
        base = own or theirs
        if base is None:
            continue
        shown, taken = (standing.shown if standing is not None else 0 for standing in (own, theirs))
        survivor.keep_standing(compiled, base._replace(shown=shown + taken))
        if own is not None or compiled.rule.id in other.begun_anew:
            # The ledger still has the survivor's lines alone; the other's come to lie before these.
            scoring.restate(survivor, compiled, [*own_matches[compiled.key], *matches], "MERGE", always=True)
        after = survivor.standing(compiled)
        if after is not None and after.shown != shown:
            entries.append(ScoreEntry(compiled.rule.id, after.shown - shown))
    return entries


def _take_in(survivor: Subject, other: _Other, effects: Effects) -> Effects:
    room, cause = survivor.room, Cause("MERGE", other.contact.id)
    changes.fill(survivor, other.contact, cause)
    _restrict_consents(survivor, other)
    for enrolment in list(survivor.active.values()):
        survivor.put_enrolment(enrolment)
    for compiled, _, _ in other.points:
        due = next_decay(compiled.versions, survivor.standing(compiled), survivor.as_of)
        survivor.arm(DECAY, compiled.rule.id, due)
    changed = [c for c in room.definitions.conditions.values() if c.event_types & other.event_types]
    for key, state in history.states(changed, survivor.log, survivor.as_of).items():
        survivor.keep_state(key, state)
    listed = []
    for segment_id in sorted(other.segments - survivor.memberships.keys()):
        compiled_segment = room.definitions.segments.get(segment_id)
        if compiled_segment is not None and compiled_segment.segment.type == "STATIC":
            segment = compiled_segment.segment
            survivor.enter(segment_id, segment.version, survivor.as_of, cause.text())
            listed.append(SegmentChange(segment_id, segment.name))
    effects.entered = listed
    return react.to_merge(survivor, effects, other.segments, max(effects.before or 0, other.score), cause)


def _restrict_consents(survivor: Subject, other: _Other) -> None:
    for channel, theirs in other.consents.items():
        own = survivor.consents.get(channel)
        strictest = theirs if own is None else min(own, theirs, key=MOST_RESTRICTIVE.index)
        if strictest != own:
            survivor.room.tables.contacts.set_consent(survivor.id, channel, strictest, "merge", survivor.as_of)
            survivor.consents[channel] = strictest
