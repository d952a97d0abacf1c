"""Contacts that are due together, read together: a wave costs a few statements, however many are in it."""

from collections.abc import Sequence
from typing import NamedTuple

from ensue.engine.working_set import WorkingSet


class Taken(NamedTuple):
    """The timers of a contact that are due: (due, kind, subject), and when the earliest of the others is."""

    due: list[tuple[int, int, int]]
    next_due: int | None


def hold(room: WorkingSet, contact_ids: Sequence[int]) -> None:
    """Load contacts that are due with their running enrolments, and take their timers that are due until now."""
    room.hold_all(contact_ids)
    found = (subject for subject in map(room.subject, contact_ids) if subject is not None)
    # One that was merged into another, or put off, may not be due itself; its timers must stay.
    subjects = {s.id: s for s in found if s.due_at is not None and s.due_at <= room.now}
    if len(subjects) < 2:
        return
    due, coming = room.tables.timers.take_all(list(subjects), room.now)
    running = room.tables.enrolments.active_of_all(list(subjects))
    for contact_id, subject in subjects.items():
        subject.taken = Taken(due.get(contact_id, []), coming.get(contact_id))
        subject.run_with(running.get(contact_id, []))
