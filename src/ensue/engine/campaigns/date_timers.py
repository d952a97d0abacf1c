"""Arming the timers of DATE triggers for contacts who were there before the campaign went live.

It reads contacts on snapshots and writes only when each is due. A contact that changes meanwhile arms its own timers;
one of those that are written here may then be early, which is harmless.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ensue.base import bounds
from ensue.engine.campaigns.dates import DateTrigger
from ensue.engine.subject import DATE, Subject
from ensue.engine.view import View
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill

KIND = "DATES"
"""The kind of these among the backfills; see `Backfill`."""


class Piece(NamedTuple):
    """When contacts are due: (contact, instant). Contacts up to `cursor`, `looked` of them, are done with it."""

    due: list[tuple[int, int]]
    cursor: int
    looked: int
    last: bool


def begin(room: WorkingSet, campaign_id: int, version: int) -> Backfill:
    """Begin to arm everybody's timers for a campaign; what was under way for an older version ends."""
    room.tables.backfills.cancel(campaign_id, room.now)
    upto = room.ids.next()
    backfill = Backfill(
        id=upto, kind=KIND, subject_id=campaign_id, version=version, status="RUNNING", triggers=True, cursor=0,
        upto=upto, total=0, done=0, entered=0, exited=0, started_at=room.now,
    )  # fmt: skip
    room.tables.backfills.add(backfill)
    return backfill


def look(view: View, backfill: Backfill) -> Piece:
    """When the next few contacts are due."""
    ids = view.tables.populations.ids(above=backfill.cursor, limit=bounds.BULK_CONTACTS)
    some = [contact_id for contact_id in ids if contact_id < backfill.upto]
    triggers = view.definitions.dates.get(backfill.subject_id, ())
    due = []
    for contact in view.tables.populations.contacts(some) if triggers else ():
        at = _next(Subject(view, contact), triggers, view.now)
        if at is not None:
            due.append((contact.id, at))
    return Piece(sorted(due), some[-1] if some else backfill.upto, len(some), len(some) < bounds.BULK_CONTACTS)


def apply(room: WorkingSet, backfill_id: int, piece: Piece) -> None:
    """Arm them."""
    backfill = room.tables.backfills.get(backfill_id)
    if backfill is None or backfill.status != "RUNNING":
        return
    if backfill.total == 0:
        room.tables.backfills.size(backfill_id, room.tables.populations.count())
    present = set(room.tables.contacts.present([contact_id for contact_id, _ in piece.due]))
    due = [(contact_id, at) for contact_id, at in piece.due if contact_id in present]
    room.tables.timers.arm((contact_id, DATE, backfill.subject_id, at) for contact_id, at in due)
    room.tables.contacts.due_no_later(due)
    room.tables.backfills.advance(backfill_id, piece.cursor, piece.looked)
    room.tables.backfills.count([(len(due), 0, backfill_id)])
    if piece.last:
        room.tables.backfills.finish(backfill_id, "DONE", room.now)


def _next(subject: Subject, triggers: Sequence[DateTrigger], after: int) -> int | None:
    zone = subject.time_zone()
    coming = (trigger.next(subject, zone, after) for trigger in triggers)
    return min((one.at for one in coming if one is not None), default=None)
