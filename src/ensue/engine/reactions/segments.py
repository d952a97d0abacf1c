"""Segments: which conditions an event changes, and which segments the contact enters or exits because of it."""

import heapq
from collections.abc import Iterable, Sequence

from ensue.engine.definitions import SEQUENCES, TypePlan, Watched
from ensue.engine.subject import SEGMENT, Subject
from ensue.model.cause import Cause
from ensue.model.event import Event
from ensue.model.segment import Segment
from ensue.rules.verdict import Verdict


def fold(subject: Subject, event: Event, plan: TypePlan, at: int) -> set[int]:
    """Fold an event into the states of the conditions it touches, and return the segments that must be looked at."""
    touched: set[int] = set()
    if plan.single:
        _fold_into(subject, subject.room.type_id(event.type), plan.single, event, at, touched)
    if plan.sequences:
        _fold_into(subject, SEQUENCES, plan.sequences, event, at, touched)
    return touched


def _fold_into(
    subject: Subject, slot: int, conditions: Sequence[Watched], event: Event, at: int, touched: set[int]
) -> None:
    tally, log = subject.tally(slot), subject.log
    states = tally.conditions
    # A contact that is older than a condition: its state is built from the log, which has this event already.
    built = subject.build_states(slot, conditions)
    for watched in conditions:
        condition = watched.condition
        if built and condition.key in built:
            touched |= watched.segments
            continue
        taken = condition.take(event)
        if taken is None:
            continue
        state = states.get(watched.name)
        before = [reader.verdict(state, at, log) for reader in watched.readers]
        states[watched.name] = state = condition.fold(state, event, taken, at, log)
        tally.changed = True
        for reader, verdict in zip(watched.readers, before, strict=True):
            if _differs(verdict, reader.verdict(state, at, log)):
                touched |= watched.segments
                break


def _differs(before: Verdict, after: Verdict) -> bool:
    if after.holds is not before.holds:
        return True
    # A timer that is early is harmless, so only an earlier horizon needs another look.
    return after.flips_at is not None and (before.flips_at is None or after.flips_at < before.flips_at)


def evaluate(subject: Subject, touched: Iterable[int], at: int, cause: Cause) -> tuple[list[Segment], list[Segment]]:
    """Evaluate segments after the ones they depend on; enter and exit at the instant. Returns (entered, exited)."""
    definitions = subject.room.definitions
    entered: list[Segment] = []
    exited: list[Segment] = []
    waiting = [(definitions.segments[i].rank, i) for i in touched if i in definitions.segments]
    heapq.heapify(waiting)
    last = None
    while waiting:
        _, segment_id = heapq.heappop(waiting)
        if segment_id == last:
            continue
        last = segment_id
        compiled = definitions.segments[segment_id]
        if compiled.rule is None:
            continue
        verdict = compiled.rule.evaluate(subject, at)
        subject.arm(SEGMENT, segment_id, verdict.flips_at)
        if verdict.holds == (segment_id in subject.memberships):
            continue
        if verdict.holds:
            subject.enter(segment_id, compiled.segment.version, at, cause.text())
            entered.append(compiled.segment)
        else:
            subject.exit(segment_id, at, cause.text())
            exited.append(compiled.segment)
        for outer in definitions.watching_segment(segment_id):
            heapq.heappush(waiting, (definitions.segments[outer].rank, outer))
    return entered, exited
