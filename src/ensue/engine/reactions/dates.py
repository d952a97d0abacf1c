"""DATE triggers of one contact: each campaign that has any is a timer of the contact, armed for the next occurrence.

So nothing looks at everybody: a contact is looked at when its date comes, and when what the date rests on changes.
"""

from collections.abc import Container, Iterable

from ensue.base.clock import HOUR
from ensue.engine.campaigns.dates import DateTrigger, Occurrence
from ensue.engine.reactions import campaigns
from ensue.engine.subject import DATE, Subject
from ensue.model.cause import Cause
from ensue.model.effects import Effects

# The clocks of two places are never further apart.
_FURTHEST_ZONES = 26 * HOUR


def come(subject: Subject, campaign_id: int, at: int, effects: Effects) -> None:
    """Take a contact in if an occurrence falls at this instant, and arm the timer for the one after it.

    A timer may be early, or left over from a date that was changed since; then nothing falls here.
    """
    definitions = subject.room.definitions
    triggers = definitions.dates.get(campaign_id)
    if triggers is None:
        return
    zone = subject.time_zone()
    for trigger in triggers:
        occurrence = trigger.falls_at(subject, zone, at)
        if occurrence is not None:
            _take_in(subject, campaign_id, occurrence, Cause("TIME"), effects)
            break
    _arm(subject, campaign_id, triggers, at)


def follow(subject: Subject, changed: Container[str], zone_before: str, cause: Cause, effects: Effects) -> None:
    """See to the timers of a contact whose fields (as rules name them) have changed."""
    definitions = subject.room.definitions
    moved = "timezone" in changed
    for campaign_id, triggers in definitions.dates.items():
        concerned = [trigger for trigger in triggers if trigger.field.reads in changed]
        if moved and cause.triggers:
            _catch(subject, campaign_id, [t for t in triggers if t not in concerned], zone_before, cause, effects)
        if moved or concerned:
            _arm(subject, campaign_id, triggers, subject.as_of)


def _catch(
    subject: Subject,
    campaign_id: int,
    triggers: Iterable[DateTrigger],
    zone_before: str,
    cause: Cause,
    effects: Effects,
) -> None:
    """Who moves east can leave the morning behind that was still to come: it has come now, rather than not at all."""
    at, zone = subject.as_of, subject.time_zone()
    for trigger in triggers:
        pending = trigger.next(subject, zone_before, at)
        if pending is None or pending.at - at > _FURTHEST_ZONES:
            continue
        for occurrence in trigger.around(subject, zone, at):
            if occurrence.at <= at and occurrence.occasion == pending.occasion:
                _take_in(subject, campaign_id, occurrence, cause, effects)
                return


def _take_in(subject: Subject, campaign_id: int, occurrence: Occurrence, cause: Cause, effects: Effects) -> None:
    """Once for an occasion: who moves west sees the same morning twice."""
    occasion = occurrence.occasion
    here = any(e.campaign_id == campaign_id and e.occasion == occasion for e in subject.enrolments.values())
    if here or subject.room.tables.enrolments.taken_for(subject.id, campaign_id, occasion):
        return
    campaign = subject.room.definitions.campaigns[campaign_id]
    campaigns.start(subject, campaign, "DATE", cause, None, effects, occasion)


def _arm(subject: Subject, campaign_id: int, triggers: Iterable[DateTrigger], after: int) -> None:
    zone = subject.time_zone()
    coming = (trigger.next(subject, zone, after) for trigger in triggers)
    subject.arm(DATE, campaign_id, min((one.at for one in coming if one is not None), default=None))
