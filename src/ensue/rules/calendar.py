"""Dates of a contact: wall times in its time zone, and their anniversaries."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ensue.rules.values import since_epoch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def at_wall(wall: datetime, zone_name: str) -> int | None:
    """The instant (ms) of a wall time in a zone, or None outside the years 1 to 9999.

    A time that the clocks skip is that much later; of one that they show twice it is the first.
    """
    try:
        return since_epoch(wall.replace(tzinfo=zone(zone_name)).astimezone(UTC))
    except OverflowError:
        return None


def wall_at(instant: int, zone_name: str) -> datetime | None:
    """The wall time, without a zone, of an instant (ms) in a zone, or None outside the years 1 to 9999."""
    try:
        return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone(zone_name)).replace(tzinfo=None, fold=0)
    except OverflowError:
        return None


def in_year(wall: datetime, year: int) -> datetime | None:
    """The same day and time of another year; 29 February is 28 February in common years. None past 9999."""
    try:
        return wall.replace(year=year)
    except ValueError:
        return wall.replace(year=year, day=28) if 1 <= year <= 9999 else None
