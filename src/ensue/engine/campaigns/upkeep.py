"""What a campaign's change of state or of content asks of its own clock: schedules, launches, dates, tests."""

from ensue.engine.campaigns import date_timers, launches, split_tests
from ensue.engine.campaigns.dates import compile_dates
from ensue.engine.campaigns.schedule import compile_schedules
from ensue.engine.campaigns.version import compile_version
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.launch import BROADCAST


def follow(room: WorkingSet, before: Campaign | None, after: Campaign) -> None:
    """See to the clock of a campaign that has just been stored; `before` is what it was, None for nothing."""
    was_live = before is not None and before.status in ("ACTIVE", "PAUSED")
    if after.status not in ("ACTIVE", "PAUSED"):
        if was_live:
            room.tables.schedules.clear(after.id)
            launches.cancel_all(room, after.id)
            room.tables.backfills.cancel(after.id, room.now)
        return
    if after.type == BROADCAST:
        _schedule_broadcast(room, after)
    fresh = not was_live or before is None
    if fresh or before is None or _times(before) != _times(after):
        _schedule_triggers(room, after)
    if compile_dates(after.triggers) and (fresh or before is None or before.triggers != after.triggers):
        date_timers.begin(room, after.id, after.version)
    version = compile_version({"settings": after.settings, "workflow": after.workflow})
    launches.pace(room, after.id, version.settings.per_minute)
    split_tests.follow(room, after, version)


def follow_time_zone(room: WorkingSet) -> None:
    """Bring dates and schedules in line with another time zone of the workspace."""
    for campaign in room.definitions.campaigns.values():
        if campaign.status in ("ACTIVE", "PAUSED"):
            if campaign.id in room.definitions.dates:
                date_timers.begin(room, campaign.id, campaign.version)
            _schedule_triggers(room, campaign)


def _times(campaign: Campaign) -> tuple[object, ...]:
    return campaign.triggers, campaign.start_at, campaign.end_at


def _schedule_broadcast(room: WorkingSet, campaign: Campaign) -> None:
    """It begins once: when it is active, and not before `startAt`."""
    if campaign.status == "ACTIVE" and not room.tables.launches.any(campaign.id):
        at = max(room.now, campaign.start_at or 0)
        room.tables.schedules.put(campaign.id, launches.BEGINNING, at)
    else:
        room.tables.schedules.clear(campaign.id, launches.BEGINNING)


def _schedule_triggers(room: WorkingSet, campaign: Campaign) -> None:
    schedules = compile_schedules(campaign.triggers)
    for place in room.tables.schedules.of_campaign(campaign.id).keys() - schedules.keys() - {launches.BEGINNING}:
        room.tables.schedules.clear(campaign.id, place)
    after = room.now if campaign.start_at is None else max(room.now, campaign.start_at - 1)
    for place, schedule in schedules.items():
        launches.arm(room, campaign, place, schedule.next(after, room.definitions.workspace.time_zone))
