"""DATE triggers of one contact: each campaign that has any is a timer of the contact, armed for the next occurrence.

So nothing looks at everybody: a contact is looked at when its date comes, and when what the date rests on changes.
"""

from collections.abc import Container

from ensue.base.clock import HOUR
from ensue.engine.campaigns.dates import Occurrence
from ensue.engine.subject import DATE, Subject

# The clocks of two places are never further apart.
_FURTHEST_ZONES = 26 * HOUR


def falling(subject: Subject, campaign_id: int, at: int) -> Occurrence | None:
    """The occurrence that falls at an instant and has taken nobody in yet.

    A timer may be early, or left over from a date that was changed since; then nothing falls there.
    """
    zone = subject.time_zone()
    for trigger in subject.room.definitions.dates.get(campaign_id, ()):
        occurrence = trigger.falls_at(subject, zone, at)
        if occurrence is not None and not _taken(subject, campaign_id, occurrence):
            return occurrence
    return None


def left_behind(subject: Subject, campaign_id: int, changed: Container[str], zone_before: str) -> Occurrence | None:
    """The occurrence that was still to come in the zone before, and is over in the one that the contact has now.

    Who moves east can leave a morning behind: it has come now, rather than not at all.
    """
    at, zone = subject.as_of, subject.time_zone()
    for trigger in subject.room.definitions.dates.get(campaign_id, ()):
        pending = trigger.next(subject, zone_before, at) if trigger.field.reads not in changed else None
        if pending is None or pending.at - at > _FURTHEST_ZONES:
            continue
        for occurrence in trigger.around(subject, zone, at):
            over = occurrence.at <= at and occurrence.occasion == pending.occasion
            if over and not _taken(subject, campaign_id, occurrence):
                return occurrence
    return None


def arm(subject: Subject, campaign_id: int, after: int) -> None:
    """Wake the contact at the first occurrence past an instant."""
    zone = subject.time_zone()
    triggers = subject.room.definitions.dates.get(campaign_id, ())
    coming = (trigger.next(subject, zone, after) for trigger in triggers)
    subject.arm(DATE, campaign_id, min((one.at for one in coming if one is not None), default=None))


def concerned(subject: Subject, changed: Container[str]) -> list[int]:
    """The campaigns whose dates rest on any of some fields, as rules name them."""
    return [
        campaign_id
        for campaign_id, triggers in subject.room.definitions.dates.items()
        if "timezone" in changed or any(trigger.field.reads in changed for trigger in triggers)
    ]


def _taken(subject: Subject, campaign_id: int, occurrence: Occurrence) -> bool:
    """Whether the contact was taken in for this day: who moves west sees the same morning twice."""
    occasion = occurrence.occasion
    here = any(e.campaign_id == campaign_id and e.occasion == occasion for e in subject.enrolments.values())
    return here or subject.room.tables.enrolments.taken_for(subject.id, campaign_id, occasion)
