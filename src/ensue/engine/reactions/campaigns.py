"""Campaign triggers: who is taken in, who is not, and why; then what the stimulus is to those who are in already.

Reasons of a skip, each kept with its event: PAUSED, NOT_STARTED and ENDED (outside startAt to endAt), TOO_OLD (the
event or the date, for the workspace's horizon), ALREADY_ACTIVE, ALREADY_ENTERED (re-entry NEVER), TOO_SOON
(minInterval), NO_ENTRY_KEY (the event lacks the field), DEPTH_LIMIT (too many campaign actions led to it).
"""

from collections.abc import Container
from typing import NamedTuple

from ensue.base import bounds
from ensue.engine.campaigns import dated, enrolments, waiting
from ensue.engine.campaigns.version import CampaignVersion, Settings
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
    """Start the campaigns that the stimulus triggers, and tell the running ones."""
    if (notices := subject.room.notices) is not None:
        notices.transitions(subject, stimulus.cause, stimulus.entered, stimulus.exited, stimulus.score_before)
    fresh: frozenset[int] = frozenset()
    if stimulus.cause.triggers:
        for campaign, trigger in _triggered(subject, stimulus):
            enrolment = start(subject, campaign, trigger, stimulus.cause, stimulus.event, effects)
            if enrolment is not None:
                fresh |= {enrolment.id}
    listening = subject.room.definitions.listening
    event = stimulus.event
    if event is not None and event.type in listening.event_types:
        waiting.on_event(subject, event, stimulus.cause, fresh)
    if (
        stimulus.cause.kind == "MERGE"
        or (listening.contact and event is None and stimulus.cause.kind != "TIME")
        or (listening.score and subject.score != stimulus.score_before)
        or (listening.segments and any(s.id in listening.segments for s in (*stimulus.entered, *stimulus.exited)))
    ):
        own = event.cause_id if event is not None else None
        cause = Cause("CAMPAIGN", own, stimulus.cause.depth) if own is not None else stimulus.cause
        waiting.on_change(subject, cause, fresh)


def on_date(subject: Subject, campaign_id: int, at: int, effects: Effects) -> None:
    """Take a contact in when a date of its falls at this instant, and arm the timer for the one after it."""
    occurrence = dated.falling(subject, campaign_id, at)
    if occurrence is not None:
        campaign = subject.room.definitions.campaigns[campaign_id]
        start(subject, campaign, "DATE", Cause("TIME"), None, effects, occurrence.occasion)
    dated.arm(subject, campaign_id, at)


def on_fields(subject: Subject, changed: Container[str], zone_before: str, cause: Cause, effects: Effects) -> None:
    """See to the dates of a contact whose fields (as rules name them) have changed."""
    for campaign_id in dated.concerned(subject, changed):
        if "timezone" in changed and cause.triggers:
            occurrence = dated.left_behind(subject, campaign_id, changed, zone_before)
            if occurrence is not None:
                campaign = subject.room.definitions.campaigns[campaign_id]
                start(subject, campaign, "DATE", cause, None, effects, occurrence.occasion)
        dated.arm(subject, campaign_id, subject.as_of)


def start(
    subject: Subject,
    campaign: Campaign,
    trigger: str,
    cause: Cause,
    event: Event | None,
    effects: Effects,
    occasion: str | None = None,
) -> Enrolment | None:
    """Take a contact into a campaign as of now, or keep why not; either is noted in the effects."""
    room = subject.room
    version = room.definitions.listening.versions[campaign.id, campaign.version]
    key, reason = entry_key(version.settings, trigger, event)
    reason = reason or _refusal(subject, campaign, cause, trigger, event) or _again(subject, campaign, version, key)
    event_id = event.id if event is not None else None
    if reason is not None:
        effects.skipped = [*effects.skipped, Skipped(campaign.id, campaign.name, reason)]
        room.skip(campaign.id, subject.id, event_id, reason, subject.as_of)
        return None
    enrolment = enrolments.begin(subject, campaign, version, trigger, event_id, key, cause.depth, occasion)
    effects.enrolled = [*effects.enrolled, Enrolled(campaign.id, campaign.name, enrolment.id)]
    return enrolment


def _triggered(subject: Subject, stimulus: Stimulus) -> list[tuple[Campaign, str]]:
    """The campaigns that listen to the stimulus, each once, with the first trigger that it fires."""
    definitions = subject.room.definitions
    found: dict[int, tuple[Campaign, str]] = {}
    event = stimulus.event
    if event is not None:
        for trigger in definitions.plan(event.type).triggers:
            if trigger.match is None or trigger.match.holds(event, subject):
                found.setdefault(trigger.campaign.id, (trigger.campaign, "EVENT"))
    for segment in stimulus.entered:
        for campaign in definitions.entered_triggers.get(segment.id, ()):
            found.setdefault(campaign.id, (campaign, "SEGMENT_ENTERED"))
    for segment in stimulus.exited:
        for campaign in definitions.exited_triggers.get(segment.id, ()):
            found.setdefault(campaign.id, (campaign, "SEGMENT_EXITED"))
    if subject.score > stimulus.score_before:
        for threshold, campaign in definitions.threshold_triggers:
            if stimulus.score_before < threshold <= subject.score:
                found.setdefault(campaign.id, (campaign, "SCORE_CROSSED"))
    return list(found.values())


def entry_key(settings: Settings, trigger: str, event: Event | None) -> tuple[str, str | None]:
    """(key, reason to skip). Only the events that trigger a campaign tell its runs apart."""
    if settings.entry_key is None or trigger != "EVENT" or event is None:
        return "", None
    value = settings.entry_key.get(event)
    text = value if isinstance(value, str) else str(value) if type(value) in (int, float) else ""
    return (text, None) if 0 < len(text) <= bounds.ENTRY_KEY else ("", "NO_ENTRY_KEY")


def _refusal(subject: Subject, campaign: Campaign, cause: Cause, trigger: str, event: Event | None) -> str | None:
    at = subject.as_of
    if campaign.status == "PAUSED":
        return "PAUSED"
    if campaign.start_at is not None and at < campaign.start_at:
        return "NOT_STARTED"
    if campaign.end_at is not None and at >= campaign.end_at:
        return "ENDED"
    horizon = subject.room.definitions.workspace.trigger_horizon
    # A transition that a late event causes is a transition like any other; the event itself is not.
    if trigger == "EVENT" and event is not None and at - event.timestamp > horizon:
        return "TOO_OLD"
    if trigger == "DATE" and subject.room.now - at > horizon:
        return "TOO_OLD"
    return "DEPTH_LIMIT" if cause.depth >= bounds.CAUSE_DEPTH else None


def _again(subject: Subject, campaign: Campaign, version: CampaignVersion, key: str) -> str | None:
    if any(e.campaign_id == campaign.id and e.entry_key == key for e in subject.active.values()):
        return "ALREADY_ACTIVE"
    settings = version.settings
    if settings.reentry != "NEVER" and settings.min_interval is None:
        return None
    earlier = _latest(subject, campaign.id, key)
    if earlier is None:
        return None
    return settings.bars(earlier.entered_at, earlier.ended_at, subject.as_of)


def _latest(subject: Subject, campaign_id: int, key: str) -> Enrolment | None:
    here = [e for e in subject.enrolments.values() if e.campaign_id == campaign_id and e.entry_key == key]
    if here:
        return max(here, key=lambda e: e.id)
    return subject.room.tables.enrolments.latest(subject.id, campaign_id, key)
