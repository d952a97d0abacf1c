"""Segments: which conditions an event changes, and which segments the contact enters or exits because of it."""

import heapq
from collections.abc import Iterable

from ensue.engine.definitions import SEQUENCES, TypePlan
from ensue.engine.subject import SEGMENT, Subject
from ensue.model.cause import Cause
from ensue.model.event import Event
from ensue.model.segment import Segment
from ensue.rules.verdict import Verdict


def fold(subject: Subject, event: Event, plan: TypePlan, at: int) -> set[int]:
    """Fold an event into the states of the conditions it touches, and return the segments that must be looked at."""
    touched: set[int] = set()
    definitions = subject.room.definitions
    names = definitions.state_names
    log = subject.log
    for slot, conditions in ((subject.room.type_id(event.type), plan.single), (SEQUENCES, plan.sequences)):
        if not conditions:
            continue
        tally = subject.tally(slot)
        states = tally.conditions
        tally.changed = True
        # A contact that is older than a condition: its state is built from the log, which has this event already.
        built = subject.build_states(slot, conditions)
        for condition in conditions:
            key = condition.key
            if key in built:
                touched |= definitions.watching_condition(key)
                continue
            name = names[key]
            state = states.get(name)
            readers = definitions.readers[key]
            before = [reader.verdict(state, at, log) for reader in readers]
            states[name] = state = condition.fold(state, event, at, log)
            if any(map(_differs, before, (reader.verdict(state, at, log) for reader in readers))):
                touched |= definitions.watching_condition(key)
    return touched


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
