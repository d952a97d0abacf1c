"""DATE triggers: a date of the contact, or its anniversary, so much before or after, at a time of day where it lives.

    {"type": "DATE", "field": "attributes.birthday", "anniversary": true, "offset": "-3d", "time": "09:00"}

An offset in days or weeks goes by the calendar: three days before midnight is midnight, whatever the clocks do between.
One in hours, minutes or seconds is that long. `time` takes the place of the date's own time of day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from ensue.base.clock import DAY
from ensue.engine.messages.quiet_hours import read_clock
from ensue.rules import bounds
from ensue.rules.calendar import at_wall, in_year, wall_at
from ensue.rules.facts import MISSING, Facts
from ensue.rules.faults import Faults, Reader, duration
from ensue.rules.fields import ContactField, contact_field
from ensue.rules.values import moment

OFFSET = 366 * DAY
_SIGNED = re.compile(r"([+-]?)(.+)", re.ASCII | re.DOTALL)
# Of the years around an instant, with the longest offset; beyond them nothing is nearer.
_YEARS_BACK, _YEARS_AHEAD = 2, 3


class Occurrence(NamedTuple):
    """When a trigger fires, and the day (`2026-05-01`) that it is then where the contact lives."""

    at: int
    occasion: str


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """A date of the contact. The offset is `days` of the calendar and then `shift` milliseconds."""

    field: ContactField
    anniversary: bool
    days: int
    shift: int
    clock: time | None

    def next(self, facts: Facts, zone_name: str, after: int) -> Occurrence | None:
        """The first occurrence past an instant; None when there is none."""
        return next((one for one in self.around(facts, zone_name, after) if one.at > after), None)

    def falls_at(self, facts: Facts, zone_name: str, at: int) -> Occurrence | None:
        """The occurrence at exactly an instant; None when there is none."""
        return next((one for one in self.around(facts, zone_name, at) if one.at == at), None)

    def around(self, facts: Facts, zone_name: str, at: int) -> Iterator[Occurrence]:
        """The occurrences in the years around an instant, ascending; of a date without anniversaries the only one."""
        date = moment(self.field.get(facts))
        wall = wall_at(date, zone_name) if isinstance(date, int) else date
        now = wall_at(at, "UTC")
        if wall is None or now is None:
            return
        if not self.anniversary:
            days: list[datetime | None] = [wall]
        else:
            # The first anniversary is a year after the date itself.
            first = max(wall.year + 1, now.year - _YEARS_BACK)
            days = [in_year(wall, year) for year in range(first, now.year + _YEARS_AHEAD)]
        for day in days:
            occurrence = self._on(day, zone_name) if day is not None else None
            if occurrence is not None:
                yield occurrence

    def _on(self, day: datetime, zone_name: str) -> Occurrence | None:
        try:
            shifted = day + timedelta(days=self.days)
        except OverflowError:
            return None
        if self.clock is not None:
            shifted = datetime.combine(shifted.date(), self.clock)
        instant = at_wall(shifted, zone_name)
        wall = wall_at(instant + self.shift, zone_name) if instant is not None else None
        if instant is None or wall is None:
            return None
        return Occurrence(instant + self.shift, wall.date().isoformat())


def read_date_trigger(reader: Reader) -> DateTrigger | None:
    """Read a DATE trigger. Notes faults and returns None when it is faulty."""
    name = reader.text("field", bounds.FIELD)
    field = contact_field(name) if name is not None else None
    if field is not None and field.kind is not None and name != "createdAt":
        field = None
    if name is not None and field is None:
        reader.fault("field", "must be attributes.<name> or createdAt")
    anniversary = reader.optional("anniversary")
    if anniversary not in (MISSING, True, False) or type(anniversary) is int:
        reader.fault("anniversary", "must be true or false")
    days, shift = _read_offset(reader)
    clock = None if reader.optional("time") is MISSING else read_clock(reader, "time")
    if clock is not None and shift:
        reader.fault("offset", "must be in days or weeks, when there is a time of day")
    if not reader.sound or field is None:
        return None
    return DateTrigger(field, anniversary is True, days, shift, clock)


def _read_offset(reader: Reader) -> tuple[int, int]:
    """(days of the calendar, milliseconds); a fault and zeros when it is no offset."""
    value = reader.optional("offset")
    if value is MISSING:
        return 0, 0
    sign, text = _SIGNED.fullmatch(value).groups() if isinstance(value, str) and value else ("", "")  # type: ignore[union-attr]  # anything but nothing matches
    length = duration(text)
    if length is None or length > OFFSET:
        reader.fault("offset", "must be a duration such as -3d or 12h, of at most 366 days before or after")
        return 0, 0
    length = -length if sign == "-" else length
    return (length // DAY, 0) if text[-1] in "dw" else (0, length)


def compile_dates(triggers: list[dict[str, Any]]) -> tuple[DateTrigger, ...]:
    """The DATE triggers among those of a saved campaign."""
    readers = (Reader(trigger, "", Faults()) for trigger in triggers if trigger["type"] == "DATE")
    return tuple(found for found in map(read_date_trigger, readers) if found is not None)
