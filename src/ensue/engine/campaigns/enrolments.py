"""The moves of an enrolment: begin, go on, note, end. Each writes its line of the log."""

from typing import Any

import msgspec

from ensue.engine.campaigns.node import Passed
from ensue.engine.campaigns.version import CampaignVersion, compile_version
from ensue.engine.campaigns.workflow import Place
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign, Enrolment, Step

ACTIVE = "ACTIVE"
COMPLETED = "COMPLETED"
EXITED = "EXITED"
FAILED = "FAILED"


def begin(
    subject: Subject,
    campaign: Campaign,
    version: CampaignVersion,
    trigger: str,
    event_id: int | None,
    key: str,
    depth: int,
    occasion: str | None = None,
) -> Enrolment:
    """Take the contact in, now. The first node runs when its timer, due at once, is looked at in this transaction."""
    at = subject.as_of
    enrolment = Enrolment(
        id=subject.room.ids.next(),
        campaign_id=campaign.id,
        version=campaign.version,
        contact_id=subject.id,
        entry_key=key,
        status=ACTIVE,
        node_id=version.workflow.entry or "",
        node_entered_at=at,
        wake_at=at,
        trigger=trigger,
        event_id=event_id,
        depth=depth,
        step=0,
        entered_at=at,
        occasion=occasion,
    )
    subject.put_enrolment(enrolment)
    if (notices := subject.room.notices) is not None:
        notices.enrolled(subject, enrolment)
    return enrolment


def go_on(subject: Subject, enrolment: Enrolment, place: Place, passed: Passed, *, walking: bool = False) -> None:
    """Leave a node by a branch, for the next node or for the end. One that is `walking` runs the next node itself."""
    following = place.next.get(passed.branch)
    if following is None:
        enrolment = note(subject, enrolment, place.id, place.type, passed.outcome, passed.detail)
        _end(subject, enrolment, COMPLETED, "END")
        return
    at, step = subject.as_of, enrolment.step + 1
    subject.steps.append(Step(enrolment.id, step, place.id, place.type, passed.outcome, passed.detail, at))
    enrolment = msgspec.structs.replace(
        enrolment, step=step, node_id=following, node_entered_at=at, deadline=None, wake_at=at
    )
    if walking:
        subject.keep_enrolment(enrolment)
    else:
        subject.put_enrolment(enrolment)


def end(subject: Subject, enrolment: Enrolment, place: Place | None, status: str, outcome: str, reason: str) -> None:
    """End an enrolment where it stands; `place` is the node that ended it, None for the whole campaign."""
    node_id, kind = (place.id, place.type) if place is not None else (enrolment.node_id, "campaign")
    enrolment = note(subject, enrolment, node_id, kind, outcome, {"reason": reason})
    _end(subject, enrolment, status, reason)


def note(
    subject: Subject, enrolment: Enrolment, node_id: str, kind: str, outcome: str, detail: dict[str, Any] | None = None
) -> Enrolment:
    """Add a line to the log; returns the enrolment with the line counted."""
    enrolment = msgspec.structs.replace(enrolment, step=enrolment.step + 1)
    subject.steps.append(Step(enrolment.id, enrolment.step, node_id, kind, outcome, detail, subject.as_of))
    subject.put_enrolment(enrolment)
    return enrolment


def version_of(room: WorkingSet, enrolment: Enrolment) -> CampaignVersion:
    """The version that it is pinned to."""
    versions = room.definitions.listening.versions
    pinned = (enrolment.campaign_id, enrolment.version)
    if pinned not in versions:
        # It began while another process was compiling the definitions.
        bodies = room.tables.definitions.campaign_versions([pinned])
        versions[pinned] = compile_version(bodies[pinned])
    return versions[pinned]


def frozen(room: WorkingSet, enrolment: Enrolment) -> bool:
    """Whether nothing may happen to it: its campaign is paused, or was resumed and has not come to it yet."""
    campaign = room.definitions.campaigns.get(enrolment.campaign_id)
    if campaign is None:
        return False
    if campaign.sweep is None or enrolment.id > campaign.sweep.upto:
        return campaign.status == "PAUSED"
    # The definitions do not follow a sweep's every step.
    sweep = room.tables.definitions.sweep(campaign.id)
    return sweep is not None and (enrolment.version, enrolment.id) > (sweep.version, sweep.after)


def _end(subject: Subject, enrolment: Enrolment, status: str, reason: str) -> None:
    subject.put_enrolment(
        msgspec.structs.replace(
            enrolment, status=status, wake_at=None, deadline=None, ended_at=subject.as_of, end_reason=reason
        )
    )
    if (notices := subject.room.notices) is not None:
        notices.ended(subject, enrolment, status, reason)
