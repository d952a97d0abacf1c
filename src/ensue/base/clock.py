"""Time is handed in. This is the only module that reads the machine's clock.

An instant is a whole number of milliseconds since 1970-01-01T00:00:00Z.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last instant that a datetime can show
_EARLIEST = -62_135_596_800_000  # 0001-01-01T00:00:00.000Z
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|z|[+-]\d{2}:?\d{2})", re.ASCII)


class Clock(Protocol):
    """Where an instant comes from."""

    def now(self) -> int:
        """The present instant, in milliseconds."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """The present instant, in milliseconds."""
        return time.time_ns() // 1_000_000


class SimulatedClock:
    """A clock that moves only when told to, in either direction."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """The instant it was last set to."""
        return self._now

    def advance(self, milliseconds: int) -> int:
        """Move by so many milliseconds (negative moves back) and return the new instant."""
        self._now += milliseconds
        return self._now

    def set(self, instant: int) -> None:
        """Jump to an instant."""
        self._now = instant


def to_iso(instant: int) -> str:
    """`2026-01-15T10:00:00.000Z` for an instant."""
    minutes, rest = divmod(instant, MINUTE)
    seconds, milliseconds = divmod(rest, SECOND)
    return f"{_minute(minutes)}:{_TWO_DIGITS[seconds]}.{_THREE_DIGITS[milliseconds]}Z"


# On the path of every event: tables, where formatting takes twice as long.
_TWO_DIGITS = [f"{number:02}" for number in range(60)]
_THREE_DIGITS = [f"{number:03}" for number in range(SECOND)]


# What is shown together happened close together: of the events of one answer, most share the minute with another.
@lru_cache(8_192)
def _minute(minutes: int) -> str:
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:16]


def from_iso(text: str) -> int:
    """The instant of an ISO-8601 date-time that says its offset.

    Raises:
        ValueError: the text is no such date-time, or outside the years 1 to 9999.
    """
    if not _ISO.fullmatch(text):
        raise ValueError(f"not an ISO-8601 date-time with an offset: {text[:64]!r}")
    try:
        moment = datetime.fromisoformat(text.upper().replace(",", "."))
    except ValueError as error:
        raise ValueError(f"no date and time that there is: {text[:64]!r}") from error
    try:
        instant = (moment - _EPOCH) // _MILLISECOND
    except OverflowError as error:
        raise ValueError(f"out of range: {text[:64]!r}") from error
    if not _EARLIEST <= instant <= _LATEST:
        raise ValueError(f"out of range: {text[:64]!r}")
    return instant
