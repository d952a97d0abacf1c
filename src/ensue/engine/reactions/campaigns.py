"""Campaign triggers: who is taken in, who is not, and why."""

from typing import NamedTuple

from ensue.engine.subject import Subject
from ensue.model.campaign import Campaign, Enrolment
from ensue.model.cause import Cause
from ensue.model.effects import Effects, Enrolled, Skipped
from ensue.model.event import Event
from ensue.model.segment import Segment


class Stimulus(NamedTuple):
    """What just happened to a contact."""

    cause: Cause
    at: int
    event: Event | None
    entered: list[Segment]
    exited: list[Segment]
    score_before: int


def react(subject: Subject, stimulus: Stimulus, effects: Effects) -> None:
    """Start the campaigns that the stimulus triggers."""
    if not stimulus.cause.triggers:
        return
    for campaign in _triggered(subject, stimulus):
        _enrol(subject, campaign, stimulus, effects)


def _triggered(subject: Subject, stimulus: Stimulus) -> list[Campaign]:
    definitions = subject.room.definitions
    found: dict[int, Campaign] = {}
    event = stimulus.event
    if event is not None and stimulus.at - event.timestamp <= definitions.workspace.trigger_horizon:
        for trigger in definitions.plan(event.type).triggers:
            if trigger.match is None or trigger.match.holds(event, subject):
                found[trigger.campaign.id] = trigger.campaign
    for segment in stimulus.entered:
        found.update({c.id: c for c in definitions.entered_triggers.get(segment.id, ())})
    for segment in stimulus.exited:
        found.update({c.id: c for c in definitions.exited_triggers.get(segment.id, ())})
    if subject.score > stimulus.score_before:
        for threshold, campaign in definitions.threshold_triggers:
            if stimulus.score_before < threshold <= subject.score:
                found[campaign.id] = campaign
    return list(found.values())


def _enrol(subject: Subject, campaign: Campaign, stimulus: Stimulus, effects: Effects) -> None:
    event_id = stimulus.event.id if stimulus.event is not None else None
    if any(e.campaign_id == campaign.id for e in subject.active.values()):
        effects.skipped = [*effects.skipped, Skipped(campaign.id, campaign.name, "ALREADY_ACTIVE")]
        subject.room.skip(campaign.id, subject.id, event_id, "ALREADY_ACTIVE", stimulus.at)
        return
    enrolment = Enrolment(
        id=subject.room.ids.next(),
        campaign_id=campaign.id,
        version=campaign.version,
        contact_id=subject.id,
        entry_key="",
        status="ACTIVE",
        node_id="",
        node_entered_at=stimulus.at,
        wake_at=stimulus.at,
        trigger="EVENT",
        event_id=event_id,
        depth=stimulus.cause.depth,
        step=0,
        entered_at=stimulus.at,
    )
    subject.put_enrolment(enrolment)
    effects.enrolled = [*effects.enrolled, Enrolled(campaign.id, campaign.name, enrolment.id)]
