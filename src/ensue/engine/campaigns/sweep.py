"""Work over all running enrolments of a campaign, a bounded number in a transaction.

They go on after a pause, or end when the campaign is archived. Until a sweep has come to an enrolment, it stays frozen.
"""

from operator import itemgetter

import msgspec

from ensue.base import bounds
from ensue.engine import timers
from ensue.engine.campaigns import enrolments, waiting
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Enrolment, Sweep
from ensue.model.event import IMPORT


def advance(room: WorkingSet, campaign_id: int, limit: int) -> int:
    """Take a sweep on by so many enrolments; returns how many it was."""
    definitions = room.tables.definitions
    campaign, sweep = definitions.campaign(campaign_id), definitions.sweep(campaign_id)
    if campaign is None or sweep is None:
        return 0
    limit = min(limit, bounds.SWEEP_ENROLMENTS)
    found = room.tables.enrolments.running(campaign_id, (sweep.version, sweep.after), sweep.upto, limit)
    room.hold_all(enrolment.contact_id for enrolment in found)
    for enrolment in found:
        subject = room.subject(enrolment.contact_id)
        if subject is not None:
            # Still frozen: this brings everything else about the contact to the present.
            timers.advance(subject, room.now)
            if enrolment.id in subject.active:
                _thaw(subject, subject.active[enrolment.id], sweep, end=campaign.status == "ARCHIVED")
    if found:
        definitions.keep_sweep(
            campaign_id, msgspec.structs.replace(sweep, version=found[-1].version, after=found[-1].id)
        )
    if len(found) < limit:
        definitions.keep_sweep(campaign_id, None)
        definitions.bump(room.now)
    timers.settle(room)
    room.write()
    return len(found)


def _thaw(subject: Subject, enrolment: Enrolment, sweep: Sweep, *, end: bool) -> None:
    if end:
        enrolments.end(subject, enrolment, None, enrolments.EXITED, "EXITED", "ARCHIVED")
        return
    version = enrolments.version_of(subject.room, enrolment)
    place = version.workflow.places.get(enrolment.node_id)
    deadline = enrolment.deadline
    if deadline is not None and place is not None and place.node.moves:
        deadline += sweep.shift
    subject.put_enrolment(msgspec.structs.replace(enrolment, deadline=deadline, wake_at=subject.as_of))
    if version.hears:
        _catch_up(subject, enrolment.id, sweep.since)


def _catch_up(subject: Subject, enrolment_id: int, since: int) -> None:
    """Tell an enrolment of the events that came, or turned out to be the contact's, while it was frozen, in order."""
    horizon = subject.room.definitions.workspace.trigger_horizon
    version = enrolments.version_of(subject.room, subject.active[enrolment_id])
    events = subject.log.events(version.hears, since - horizon, subject.as_of)
    linked = subject.room.tables.sessions.linked_since(subject.id, since)
    came = [(max(e.received_at, linked.get(e.session_id or "", 0)), e.id, e) for e in events if e.source != IMPORT]
    moved = False
    for at, _, event in sorted(came, key=itemgetter(0, 1)):
        if at >= since and at - event.timestamp <= horizon and enrolment_id in subject.active:
            # Where it moves to, the wait begins only now; but leave it may at any event.
            moved |= waiting.hear(subject, subject.active[enrolment_id], version, event, own=moved)
