"""What time alone does to a contact, each thing at its own instant, however late it is noticed."""

import heapq

from ensue.engine import waves
from ensue.engine.campaigns import advance as enrolments
from ensue.engine.reactions import react
from ensue.engine.segments.catch_up import catch_up
from ensue.engine.subject import ENROLMENT, Subject
from ensue.engine.working_set import WorkingSet


def advance(subject: Subject, upto: int) -> int:
    """Bring a contact to an instant: every timer due until then takes effect as of when it was due.

    Segments that are being backfilled take in what came before, so that what is about to happen is judged by itself.
    Returns how many timers came due.
    """
    came_due = run_due(subject, upto)
    while _caught_up(subject, upto):
        pass
    return came_due


def run_due(subject: Subject, upto: int) -> int:
    """Let every timer due until an instant take effect as of when it was due. Returns how many there were."""
    if subject.due_at is None or subject.due_at > upto:
        subject.as_of = max(subject.as_of, upto)
        return 0
    timers = subject.room.tables.timers
    taken, subject.taken = subject.taken, None
    due = timers.take(subject.id, upto) if taken is None else taken.due
    heapq.heapify(due)
    came_due = 0
    while True:
        _move_arms(subject, due, upto)
        if not due:
            break
        at = due[0][0]
        # A timer is something that happens, too: it must not enter for a backfill that shall start no campaign.
        if _caught_up(subject, at):
            continue
        together: set[tuple[int, int]] = set()
        while due and due[0][0] == at:
            _, kind, subject_id = heapq.heappop(due)
            together.add((kind, subject_id))
        came_due += len(together)
        _run(subject, together, at)
    subject.as_of = max(subject.as_of, upto)
    stored = timers.next_due(subject.id) if taken is None else taken.next_due
    subject.due_at = min((d for d in (stored, *subject.arms.values()) if d is not None), default=None)
    return came_due


def settle(room: WorkingSet) -> None:
    """Let what has become due by what just happened, such as the first nodes of an enrolment, happen with it."""
    for subject in room.held():
        if subject.due_at is not None and subject.due_at <= room.now:
            run_due(subject, room.now)


def _caught_up(subject: Subject, upto: int) -> bool:
    """Catch up with the next backfill that began until an instant; False when there is none."""
    for backfill in subject.room.definitions.backfilling:
        if backfill.id not in subject.caught_up and backfill.started_at <= upto:
            subject.caught_up.add(backfill.id)
            subject.as_of = max(subject.as_of, backfill.started_at)
            catch_up(subject, (backfill,))
            return True
    return False


def _move_arms(subject: Subject, due: list[tuple[int, int, int]], upto: int) -> None:
    for (kind, subject_id), at in [item for item in subject.arms.items() if item[1] <= upto]:
        del subject.arms[kind, subject_id]
        heapq.heappush(due, (at, kind, subject_id))


def _run(subject: Subject, together: set[tuple[int, int]], at: int) -> None:
    rules = {timer for timer in together if timer[0] != ENROLMENT}
    if rules:
        react.to_time(subject, rules, at)
    subject.as_of = max(subject.as_of, at)
    for _, enrolment_id in sorted(together - rules):
        enrolments.wake(subject, enrolment_id, subject.as_of)


def advance_due(room: WorkingSet, contact_ids: list[int]) -> int:
    """Advance contacts that are due to the transaction's instant; returns how many timers came due."""
    waves.hold(room, contact_ids)
    came_due = 0
    for contact_id in contact_ids:
        subject = room.subject(contact_id)
        if subject is not None:
            came_due += advance(subject, room.now)
    room.write()
    return came_due
