"""What happens to a contact, as its running enrolments see it: it may end them, or let them pass or jump.

Events are decided here, where they happen. What rules say is asked when the enrolment is run, so for rules it is enough
to see to it that it is run at this instant.
"""

import msgspec

from ensue.base import bounds
from ensue.engine.campaigns import enrolments
from ensue.engine.campaigns.node import MET, Passed
from ensue.engine.campaigns.version import CampaignVersion
from ensue.engine.campaigns.workflow import Place
from ensue.engine.subject import ENROLMENT, Subject
from ensue.model.campaign import Enrolment
from ensue.model.cause import Cause
from ensue.model.event import Event


def on_event(subject: Subject, event: Event, cause: Cause, fresh: frozenset[int]) -> None:
    """Tell running enrolments of an event, except the `fresh` ones, which it has just begun."""
    heard = cause.triggers and subject.as_of - event.timestamp <= subject.room.definitions.workspace.trigger_horizon
    for enrolment in _running(subject, fresh):
        version = enrolments.version_of(subject.room, enrolment)
        own = event.cause_id == enrolment.id
        if heard and event.type in version.hears and hear(subject, enrolment, version, event, own=own):
            continue
        if event.type in version.counts:
            _look_again(subject, enrolment, cause, own=own)


def on_change(subject: Subject, cause: Cause, fresh: frozenset[int]) -> None:
    """See to it that running enrolments whose rules may read what has changed are run again at this instant."""
    for enrolment in _running(subject, fresh):
        if enrolments.version_of(subject.room, enrolment).watches:
            _look_again(subject, enrolment, cause, own=cause.kind == "CAMPAIGN" and cause.subject_id == enrolment.id)


def hear(subject: Subject, enrolment: Enrolment, version: CampaignVersion, event: Event, *, own: bool) -> bool:
    """Let an event end an enrolment or let it jump or pass; returns whether it did. `own` is one that it emitted."""
    settings = version.settings
    if settings.goal is not None and settings.goal.heard(event, subject):
        enrolments.end(subject, enrolment, None, enrolments.COMPLETED, "REACHED", "GOAL")
        return True
    if any(criterion.heard(event, subject) for criterion in settings.exits):
        enrolments.end(subject, enrolment, None, enrolments.EXITED, "EXITED", "EXIT_CONDITION")
        return True
    if own:
        # It is in the middle of running: no node of it waits, and none is jumped over.
        return False
    goal = _goal(subject, enrolment, version, event)
    place = goal or _awaiting(subject, enrolment, version, event)
    if place is None:
        return False
    led = led_on(subject, enrolment, place, event.depth)
    if led is not None:
        enrolments.go_on(subject, led, place, Passed("REACHED" if goal is not None else MET))
    return True


def led_on(subject: Subject, enrolment: Enrolment, place: Place, depth: int) -> Enrolment | None:
    """An enrolment that something lets pass a node, to which so many campaign actions led, ready to go on from there.

    None, and a line in the log, when they are too many: campaigns that wait for each other would never come to rest.
    """
    if depth >= bounds.CAUSE_DEPTH:
        enrolments.note(subject, enrolment, place.id, place.type, "DEPTH_LIMIT")
        return None
    return msgspec.structs.replace(enrolment, depth=depth)


def may_jump(subject: Subject, enrolment: Enrolment, version: CampaignVersion, goal: Place) -> bool:
    """Whether an enrolment is before a goal that it has not reached yet."""
    if goal.id != enrolment.node_id and goal.id not in version.beyond(enrolment.node_id):
        return False
    here = any(
        s.enrolment_id == enrolment.id and s.node_id == goal.id and s.outcome == "REACHED" for s in subject.steps
    )
    return not here and not subject.room.tables.enrolments.reached(enrolment.id, goal.id)


def _goal(subject: Subject, enrolment: Enrolment, version: CampaignVersion, event: Event) -> Place | None:
    for goal in version.goals:
        target = goal.node.target
        if target is not None and target.heard(event, subject) and may_jump(subject, enrolment, version, goal):
            return goal
    return None


def _awaiting(subject: Subject, enrolment: Enrolment, version: CampaignVersion, event: Event) -> Place | None:
    place = version.workflow.places.get(enrolment.node_id)
    awaits = place.node.awaits if place is not None else None
    return place if awaits is not None and awaits.heard(event, subject) else None


def _look_again(subject: Subject, enrolment: Enrolment, cause: Cause, *, own: bool) -> None:
    if own:
        # It is in the middle of running, and asks its rules before each node.
        return
    subject.nudges[enrolment.id] = max(cause.depth, subject.nudges.get(enrolment.id, 0))
    subject.arm(ENROLMENT, enrolment.id, subject.as_of)


def _running(subject: Subject, fresh: frozenset[int]) -> list[Enrolment]:
    return [e for e in subject.active.values() if e.id not in fresh and not enrolments.frozen(subject.room, e)]
