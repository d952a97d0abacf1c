"""SCHEDULE triggers: everybody in a segment, or everybody, at an instant or again and again.

    {"type": "SCHEDULE", "at": "2026-03-01T09:00:00Z", "segmentId"?: "seg_…"}
    {"type": "SCHEDULE", "cron": "0 9 * * MON", "timeZone"?: "Europe/Berlin", "segmentId"?: "seg_…"}

Cron has five fields: minute, hour, day of the month, month, day of the week. It goes by the clock in the time zone,
else in the workspace's: a time that the clocks skip comes as soon as they have, one that they show twice comes once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from ensue.base import bounds
from ensue.base.clock import from_iso
from ensue.base.ids import read as read_id
from ensue.rules.calendar import zone
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader
from ensue.rules.values import since_epoch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = 5
# Minutes in the longest hour that clocks have shown twice, and one more.
_SHOWN_AGAIN = 181


@dataclass(frozen=True, slots=True)
class Schedule:
    """Once at an instant, or by cron; for the members of a segment, or (None) for everybody."""

    at: int | None
    cron: str | None
    time_zone: str | None
    segment_id: int | None

    def next(self, after: int, zone_name: str) -> int | None:
        """The first instant past `after`, in a workspace of this zone; None when there is none."""
        if self.at is not None:
            return self.at if self.at > after else None
        assert self.cron is not None
        start = (_EPOCH + timedelta(milliseconds=after)).astimezone(zone(self.time_zone or zone_name))
        try:
            # Where clocks were set back, what the clock showed the first time comes up again, and is over.
            found = (since_epoch(moment) for moment in islice(CronSim(self.cron, start), _SHOWN_AGAIN))
            return next((instant for instant in found if instant > after), None)
        except (OverflowError, CronSimError):
            return None


def read_schedule(reader: Reader) -> Schedule | None:
    """Read a SCHEDULE trigger. Notes faults and returns None when it is faulty."""
    at, cron = reader.optional("at"), reader.optional("cron")
    if (at is MISSING) is (cron is MISSING):
        reader.fault("at", "is required, or cron instead, and not both")
    instant = _instant(reader, at) if at is not MISSING else None
    if cron is not MISSING:
        _check_cron(reader, cron)
    time_zone = reader.optional("timeZone")
    if time_zone is not MISSING and (cron is MISSING or time_zone not in available_timezones()):
        reader.fault("timeZone", "must be a time zone such as Europe/Berlin, and stands beside cron alone")
    segment_id = read_audience(reader)
    if not reader.sound:
        return None
    return Schedule(instant, None if cron is MISSING else cron, time_zone or None, segment_id)


def read_audience(reader: Reader) -> int | None:
    """Read an optional `segmentId`; None for everybody. Notes a fault when it is no such id."""
    value = reader.optional("segmentId")
    if value is MISSING:
        return None
    segment_id = read_id("seg", value) if isinstance(value, str) else None
    if segment_id is None:
        reader.fault("segmentId", "is not the id of a segment")
    return segment_id


def compile_schedules(triggers: list[dict[str, Any]]) -> dict[int, Schedule]:
    """The SCHEDULE triggers among those of a saved campaign, by their place."""
    found = {}
    for place, trigger in enumerate(triggers):
        schedule = read_schedule(Reader(trigger, "", Faults())) if trigger["type"] == "SCHEDULE" else None
        if schedule is not None:
            found[place] = schedule
    return found


def _instant(reader: Reader, value: object) -> int | None:
    try:
        return from_iso(value if isinstance(value, str) else "")
    except ValueError:
        reader.fault("at", "must be an ISO-8601 date-time with an offset")
        return None


def _check_cron(reader: Reader, value: object) -> None:
    if not isinstance(value, str) or len(value) > bounds.CRON or len(value.split()) != _FIELDS:
        reader.fault("cron", "must have five fields, such as 0 9 * * MON")
        return
    try:
        next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        reader.fault("cron", f"is no cron expression: {error}")
    except StopIteration:
        reader.fault("cron", "names a day that never comes")
