"""Quiet hours: whether a message is held at an instant, and until when.

`{"from": "22:00", "to": "08:00"}` are times on the clock that the contact looks at. A window whose end is not after its
start crosses midnight. It is the clock that counts: where it is set forward past the end, the window ends there; what
it shows twice is quiet twice.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ensue.base.clock import HOUR
from ensue.rules.calendar import at_wall, wall_at
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
# A calendar that leaves out a whole day still shows the end of the window within so many.
_DAYS_AHEAD = 3


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a time of day, inclusive, to another, exclusive."""

    start: time
    end: time

    def covers(self, wall: time) -> bool:
        """Whether a time of day lies in the window."""
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


def held_until(quiet: QuietHours, at: int, zone_name: str) -> int | None:
    """The first instant past `at` at which a contact in this zone may be written to; None when `at` is one."""
    wall = wall_at(at, zone_name)
    if wall is None or not quiet.covers(wall.time()):
        return None
    ends = [end for end in _ends(quiet, wall, zone_name) if end > at and _open(quiet, end, zone_name)]
    if not ends:
        # The calendar ends here; nobody is held for ever.
        return None
    return _set_forward(quiet, at, min(ends), zone_name) or min(ends)


def _ends(quiet: QuietHours, wall: datetime, zone_name: str) -> list[int]:
    """When the clock shows the end of the window, each time of two, on this day and those that follow."""
    found = []
    for days in range(_DAYS_AHEAD + 1):
        try:
            end = datetime.combine(wall.date() + timedelta(days=days), quiet.end)
        except OverflowError:
            break
        found += [at_wall(end, zone_name), at_wall(end.replace(fold=1), zone_name)]
    return [instant for instant in found if instant is not None]


def _set_forward(quiet: QuietHours, after: int, before: int, zone_name: str) -> int | None:
    """The first instant between two at which the clock is set past the end of the window."""
    while after < before:
        until = min(after + HOUR, before)
        if _offset(after, zone_name) != _offset(until, zone_name):
            change = _change(after, until, zone_name)
            if _open(quiet, change, zone_name):
                return change
        after = until
    return None


def _change(low: int, high: int, zone_name: str) -> int:
    """The instant in `low < t <= high` from which on the offset is that of `high`."""
    target = _offset(high, zone_name)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone_name) == target else (middle, high)
    return high


def _open(quiet: QuietHours, at: int, zone_name: str) -> bool:
    wall = wall_at(at, zone_name)
    return wall is None or not quiet.covers(wall.time())


def _offset(at: int, zone_name: str) -> timedelta | None:
    wall, utc = wall_at(at, zone_name), wall_at(at, "UTC")
    return wall - utc if wall is not None and utc is not None else None


def read_quiet_hours(value: object, path: str, faults: Faults) -> QuietHours | None:
    """The quiet hours of a decoded JSON value. Notes faults and returns None when there are any."""
    if not isinstance(value, dict):
        faults.add(path, 'must be an object with from and to, such as {"from": "22:00", "to": "08:00"}')
        return None
    reader = Reader(value, path, faults)
    start, end = read_clock(reader, "from"), read_clock(reader, "to")
    reader.close()
    if start is not None and start == end:
        reader.fault("to", "must differ from from")
    return QuietHours(start, end) if reader.sound and start is not None and end is not None else None


def read_clock(reader: Reader, name: str) -> time | None:
    """A required time of day, `HH:MM`. Notes a fault and returns None when it is faulty."""
    value = reader.required(name)
    if value is MISSING:
        return None
    clock = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if clock is None:
        reader.fault(name, "must be a time of day such as 09:00")
        return None
    return time(int(clock[1]), int(clock[2]))
