"""Launches: the members of a segment, or everybody, put into a campaign, some at a time.

A launch begins by itself: when a BROADCAST is activated (or at its `startAt`), and at each instant of a SCHEDULE
trigger. It takes those who were there at that instant, whatever becomes of the segment meanwhile. Whom it has taken is
written with how far it has come, so each is taken once, also when the process ends in between.
"""

from collections.abc import Sequence

import msgspec

from ensue.base import bounds
from ensue.base.clock import MINUTE
from ensue.base.errors import Conflict, NotFound
from ensue.base.ids import show
from ensue.engine import timers
from ensue.engine.campaigns.schedule import compile_schedules
from ensue.engine.reactions import campaigns
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.cause import Cause
from ensue.model.effects import Effects
from ensue.model.launch import BROADCAST, CANCELLED, DONE, RUNNING, SCHEDULE, SKIPPED, Invited, Launch

BEGINNING = -1
"""The place, among the triggers of a BROADCAST, of its beginning."""


def slice_of(per_minute: int | None) -> tuple[int, int]:
    """(how many at once, how long until the next ones in ms), so that no minute takes in more than it may."""
    if per_minute is None:
        return bounds.EXECUTE_CONTACTS, 0
    size = min(bounds.EXECUTE_CONTACTS, max(1, per_minute // 60))
    return size, -(-MINUTE // (per_minute // size))


def fire(room: WorkingSet, campaign_id: int, place: int) -> Launch | None:
    """Begin the launch that a campaign's schedule is due for, and say when the next one is. None when none is due."""
    due = room.tables.schedules.get(campaign_id, place)
    campaign = room.definitions.campaigns.get(campaign_id)
    if due is None or due > room.now:
        return None
    if campaign is None or campaign.status not in ("ACTIVE", "PAUSED"):
        room.tables.schedules.clear(campaign_id)
        return None
    if place == BEGINNING:
        room.tables.schedules.clear(campaign_id, place)
        audience = room.definitions.listening.versions[campaign.id, campaign.version].settings.audience
        return _begin(room, campaign, BROADCAST, audience.segment_id if audience is not None else None, due)
    schedule = compile_schedules(campaign.triggers)[place]
    zone, horizon = room.definitions.workspace.time_zone, room.definitions.workspace.trigger_horizon
    # After a long stop only the latest is made up for.
    latest, following = due, schedule.next(max(due, room.now - horizon), zone)
    while following is not None and following <= room.now:
        latest, following = following, schedule.next(following, zone)
    arm(room, campaign, place, following)
    return _begin(room, campaign, SCHEDULE, schedule.segment_id, latest)


def arm(room: WorkingSet, campaign: Campaign, place: int, at: int | None) -> None:
    """Say when a trigger of a campaign is due next; never, when the campaign has ended by then."""
    if at is None or (campaign.end_at is not None and at >= campaign.end_at):
        room.tables.schedules.clear(campaign.id, place)
    else:
        room.tables.schedules.put(campaign.id, place, at)


def cancel(room: WorkingSet, campaign_id: int, launch_id: int) -> Launch:
    """End a launch where it is. Those who are in stay in.

    Raises:
        NotFound: there is no such launch of this campaign. Conflict: it is over.
    """
    launch = room.tables.launches.get(launch_id)
    if launch is None or launch.campaign_id != campaign_id:
        raise NotFound("There is no such launch of this campaign.")
    if launch.status != RUNNING:
        raise Conflict(f"This launch is {launch.status} already.", code="launch_over")
    return _finish(room, launch, CANCELLED)


def cancel_all(room: WorkingSet, campaign_id: int) -> None:
    """End what is under way for a campaign."""
    for launch in room.tables.launches.running(campaign_id):
        _finish(room, launch, CANCELLED)


def pace(room: WorkingSet, campaign_id: int, per_minute: int | None) -> None:
    """Let what is under way for a campaign keep to another throttle from its next slice on."""
    for launch in room.tables.launches.running(campaign_id):
        if launch.per_minute != per_minute:
            room.tables.launches.put(msgspec.structs.replace(launch, per_minute=per_minute))


def advance(room: WorkingSet, seen: Launch, invited: Sequence[Invited], size: int, total: int | None) -> Launch | None:
    """Take in those whom a snapshot showed to be next, at most `size` at a time; the launch as far as it has come.

    None when the snapshot is out of date: somebody else went on, or the campaign or the launch is not running any more.
    """
    launch, campaign = _as_seen(room, seen), room.definitions.campaigns.get(seen.campaign_id)
    if launch is None or campaign is None or campaign.status != "ACTIVE":
        return None
    room.hold_all(one.contact_id for one in invited)
    enrolled = sum(_take_in(room, campaign, launch, one) for one in invited)
    last = invited[-1] if invited else None
    interval = slice_of(launch.per_minute)[1]
    launch = msgspec.structs.replace(
        launch,
        total=launch.total if total is None else total,
        after_at=last.at if last is not None else launch.after_at,
        after_id=last.id if last is not None else launch.after_id,
        done=launch.done + len(invited),
        enrolled=launch.enrolled + enrolled,
        skipped=launch.skipped + len(invited) - enrolled,
        next_at=room.now + interval,
    )
    if len(invited) < size:
        return _finish(room, launch, DONE)
    room.tables.launches.put(launch)
    return launch


def put_off(room: WorkingSet, seen: Launch, until: int) -> None:
    """Take nobody in before an instant."""
    launch = _as_seen(room, seen)
    if launch is not None:
        room.tables.launches.put(msgspec.structs.replace(launch, next_at=until))


def pass_over(room: WorkingSet, seen: Launch, one: Invited) -> None:
    """Go on behind somebody who cannot be taken in, and keep that it was so."""
    launch = _as_seen(room, seen)
    if launch is None:
        return
    room.skip(launch.campaign_id, one.contact_id, None, "FAILED", room.now)
    room.tables.launches.put(
        msgspec.structs.replace(
            launch, after_at=one.at, after_id=one.id, done=launch.done + 1, skipped=launch.skipped + 1
        )
    )


def _begin(room: WorkingSet, campaign: Campaign, trigger: str, segment_id: int | None, as_of: int) -> Launch:
    settings = room.definitions.listening.versions[campaign.id, campaign.version].settings
    reason = _refusal(room, campaign, trigger, as_of)
    launch = Launch(
        id=room.ids.next(),
        campaign_id=campaign.id,
        trigger=trigger,
        segment_id=segment_id,
        status=RUNNING if reason is None else SKIPPED,
        reason=reason,
        per_minute=settings.per_minute,
        as_of=as_of,
        next_at=room.now,
        started_at=room.now,
        finished_at=None if reason is None else room.now,
    )
    room.tables.launches.put(launch)
    return launch


def _as_seen(room: WorkingSet, seen: Launch) -> Launch | None:
    """A launch that still stands where a snapshot showed it, and is running."""
    launch = room.tables.launches.get(seen.id)
    stands = launch is not None and (launch.after_at, launch.after_id) == (seen.after_at, seen.after_id)
    return launch if stands and launch is not None and launch.status == RUNNING else None


def _refusal(room: WorkingSet, campaign: Campaign, trigger: str, as_of: int) -> str | None:
    """Why a launch does not begin; a BROADCAST that was activated always does."""
    if trigger == BROADCAST:
        return None
    if campaign.status == "PAUSED":
        return "PAUSED"
    if room.now - as_of > room.definitions.workspace.trigger_horizon:
        return "TOO_OLD"
    return "STILL_RUNNING" if room.tables.launches.running(campaign.id) else None


def _take_in(room: WorkingSet, campaign: Campaign, launch: Launch, one: Invited) -> bool:
    subject = room.subject(one.contact_id)
    if subject is None:
        # Gone since it was in the segment.
        return False
    timers.advance(subject, room.now)
    occasion = show("lch", launch.id)
    if subject.id != one.contact_id and room.tables.enrolments.taken_for(subject.id, campaign.id, occasion):
        # Both were invited, and are one person now.
        return False
    return campaigns.start(subject, campaign, launch.trigger, Cause("TIME"), None, Effects(), occasion) is not None


def _finish(room: WorkingSet, launch: Launch, status: str) -> Launch:
    launch = msgspec.structs.replace(launch, status=status, finished_at=room.now)
    room.tables.launches.put(launch)
    return launch
