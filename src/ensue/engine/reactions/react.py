"""What follows for one contact, in the one order: score, segments, campaigns.

The three stimuli — an event, a change of the contact, time — differ only in what they touch first.
"""

from collections.abc import Callable, Collection, Iterable

from ensue.engine.reactions import campaigns, scoring, segments
from ensue.engine.subject import DATE, DECAY, SEGMENT, Subject
from ensue.model.cause import Cause
from ensue.model.effects import Effects, SegmentChange, together
from ensue.model.event import IMPORT, Event
from ensue.model.segment import Segment


def to_event(subject: Subject, event: Event, cause: Cause) -> Effects:
    """What follows from an event that was just appended to the contact's log."""
    at = subject.as_of
    plan = subject.room.definitions.plan(event.type)
    before = subject.score
    entries = scoring.on_event(subject, event, plan, at) if plan.scoring else []
    touched = segments.fold(subject, event, plan, at)
    effects = Effects(before, before, entries)
    _finish(subject, touched, before, cause, event, effects)
    return effects


def to_attributed(subject: Subject, events: list[Event], admit: Callable[[Event], None]) -> list[Effects]:
    """What follows when events turn out to be the contact's, one for each: all count, then segments are decided once.

    `admit` puts an event into the contact's log. What the segments did is said of the last event that triggers.
    """
    at, before = subject.as_of, subject.score
    found: list[Effects] = []
    touched: set[int] = set()
    for event in events:
        admit(event)
        plan = subject.room.definitions.plan(event.type)
        start = subject.score
        entries = scoring.on_event(subject, event, plan, at) if plan.scoring else []
        touched |= segments.fold(subject, event, plan, at)
        found.append(Effects(start, subject.score, entries))
    if not events:
        return found
    # Before any of them triggers: a trigger that asks about a segment or the score sees what all have led to.
    causes = [Cause("EVENT", event.id, event.depth, triggers=event.source != IMPORT) for event in events]
    deciding = max((place for place, cause in enumerate(causes) if cause.triggers), default=len(events) - 1)
    changed = _decide(subject, touched, before, causes[deciding], found[deciding])
    found[deciding].after = subject.score if deciding == len(events) - 1 else found[deciding + 1].before
    for place, (event, cause, effects) in enumerate(zip(events, causes, found, strict=True)):
        entered, exited = changed if place == deciding else ([], [])
        crossed = before if place == deciding else subject.score
        campaigns.react(subject, campaigns.Stimulus(cause, at, event, entered, exited, crossed), effects)
    return found


def to_merge(subject: Subject, before: Effects, was_in: Collection[int], highest: int, cause: Cause) -> Effects:
    """What follows when a contact has taken another in: every segment is decided once, over both together.

    `before` is what the merge itself did. The other was in the segments `was_in`, and `highest` is the higher of the
    two scores: nobody is welcomed twice, so what either had reached starts no campaign.
    """
    effects = together([before])
    entered, exited = segments.evaluate(subject, subject.room.definitions.segments, subject.as_of, cause)
    effects.entered = effects.entered + [SegmentChange(s.id, s.name) for s in entered]
    effects.exited = [SegmentChange(s.id, s.name) for s in exited]
    fresh = [segment for segment in entered if segment.id not in was_in]
    campaigns.react(subject, campaigns.Stimulus(cause, subject.as_of, None, fresh, exited, highest), effects)
    return effects


def to_change(subject: Subject, touched: Iterable[int], cause: Cause) -> Effects:
    """What follows from a change of the contact itself that touches these segments."""
    effects = Effects(subject.score, subject.score)
    _finish(subject, set(touched), subject.score, cause, None, effects)
    return effects


def to_listing(subject: Subject, segment: Segment, member: bool, cause: Cause) -> Effects:
    """What follows when a contact is put on the list of a STATIC segment, or taken off."""
    before, at = subject.score, subject.as_of
    entered, exited = ([segment], []) if member else ([], [segment])
    if member:
        subject.enter(segment.id, segment.version, at, cause.text())
    else:
        subject.exit(segment.id, at, cause.text())
    effects = Effects(before, before)
    touched = set(subject.room.definitions.watching_segment(segment.id))
    _finish(subject, touched, before, cause, None, effects, (entered, exited))
    return effects


def to_rebuild(subject: Subject, before: int, cause: Cause) -> Effects:
    """What follows when the score was worked out again and had been `before`."""
    effects = Effects(before, subject.score)
    _finish(subject, set(), before, cause, None, effects)
    return effects


def to_time(subject: Subject, timers: Iterable[tuple[int, int]], at: int) -> Effects:
    """What follows when timers (kind, subject) of decays, segments and dates come due at an instant."""
    before = subject.score
    subject.as_of = max(subject.as_of, at)
    touched: set[int] = set()
    days: list[int] = []
    for kind, subject_id in sorted(timers):
        if kind == DECAY:
            scoring.on_time(subject, subject_id, subject.as_of)
        elif kind == SEGMENT:
            touched.add(subject_id)
        elif kind == DATE:
            days.append(subject_id)
    effects = Effects(before, subject.score)
    _finish(subject, touched, before, Cause("TIME"), None, effects)
    for campaign_id in days:
        campaigns.on_date(subject, campaign_id, at, effects)
    return effects


def _finish(
    subject: Subject,
    touched: set[int],
    before: int,
    cause: Cause,
    event: Event | None,
    effects: Effects,
    listed: tuple[list[Segment], list[Segment]] = ([], []),
) -> None:
    """Evaluate what is touched and trigger campaigns; `listed` are STATIC segments entered and exited already."""
    entered, exited = _decide(subject, touched, before, cause, effects, listed)
    campaigns.react(subject, campaigns.Stimulus(cause, subject.as_of, event, entered, exited, before), effects)


def _decide(
    subject: Subject,
    touched: set[int],
    before: int,
    cause: Cause,
    effects: Effects,
    listed: tuple[list[Segment], list[Segment]] = ([], []),
) -> tuple[list[Segment], list[Segment]]:
    """Evaluate what is touched, and by a changed score besides; note in the effects what was entered and exited."""
    if subject.score != before:
        touched |= subject.room.definitions.watching_field("score")
    entered, exited = segments.evaluate(subject, touched, subject.as_of, cause) if touched else ([], [])
    entered, exited = listed[0] + entered, listed[1] + exited
    effects.after = subject.score
    effects.entered = [SegmentChange(s.id, s.name) for s in entered]
    effects.exited = [SegmentChange(s.id, s.name) for s in exited]
    return entered, exited
