"""The date filter: an instant, written as somebody in the contact's time zone would."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from liquid import Undefined
from liquid.exceptions import FilterArgumentError

from ensue.base.clock import from_iso
from ensue.templates.context import Context
from ensue.templates.values import text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds since 1970 reach this in the year 5138; what is larger is meant as milliseconds.
_MILLISECONDS_FROM = 10**11
_LONGEST_FORMAT = 100

_WALL = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,6})?)?)?", re.ASCII)
_DIRECTIVE = re.compile(r"%([-^]?)([A-Za-z%])")

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def written(value: object, form: object, zone_name: object = None, *, context: Context) -> str:
    """An instant in a form (`%d %B %Y, %H:%M`), in the contact's time zone or another one that is named.

    A day, or a time without an offset, is written as it stands. What is no date at all comes back unchanged.
    """
    zone = context.zone if zone_name is None else _zone(text(zone_name))
    if value is None or isinstance(value, Undefined):
        # Whether the form is sound does not depend on the value.
        _formatted(_EPOCH, text(form))
        return ""
    try:
        moment = _moment(value, zone, context.now)
    except (ValueError, OverflowError):
        return text(value)
    return _formatted(moment, text(form))


def _moment(value: object, zone: tzinfo, now: int | None) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    said = str(text(value)).strip()
    if said in {"now", "today"} and now is not None:
        return _at(now, zone)
    if _WALL.fullmatch(said):
        return datetime.fromisoformat(said).replace(tzinfo=zone)
    return _at(from_iso(said), zone)


def _at(instant: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone)


@lru_cache(maxsize=256)
def zone_called(name: str | None) -> tzinfo | None:
    """The time zone of an IANA name; None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _zone(name: str) -> tzinfo:
    zone = zone_called(name)
    if zone is None:
        raise FilterArgumentError(f"{name[:40]!r} is no time zone", token=None)
    return zone


def _formatted(moment: datetime, form: str) -> str:
    if len(form) > _LONGEST_FORMAT:
        raise FilterArgumentError(f"the form of a date must not be longer than {_LONGEST_FORMAT}", token=None)

    def one(found: re.Match[str]) -> str:
        flag, letter = found.groups()
        if letter not in _LETTERS:
            raise FilterArgumentError(f"`%{letter}` says nothing about a date", token=None)
        said = _LETTERS[letter](moment)
        if flag == "-":
            return said.lstrip("0 ") or "0"
        return said.upper() if flag == "^" else said

    return _DIRECTIVE.sub(one, form)


def _offset(moment: datetime) -> str:
    return moment.strftime("%z")


def _twelve(moment: datetime) -> int:
    return (moment.hour - 1) % 12 + 1


def _week(moment: datetime) -> str:
    return f"{date.isocalendar(moment).week:02}"


# Names are English whatever the machine's locale is, and widths (`%9999d`), which fill the memory, never reach the C
# library.
_LETTERS: dict[str, Callable[[datetime], str]] = {
    "A": lambda m: _DAYS[m.weekday()],
    "a": lambda m: _DAYS[m.weekday()][:3],
    "B": lambda m: _MONTHS[m.month - 1],
    "b": lambda m: _MONTHS[m.month - 1][:3],
    "d": lambda m: f"{m.day:02}",
    "e": lambda m: f"{m.day:2}",
    "F": lambda m: f"{m.year:04}-{m.month:02}-{m.day:02}",
    "H": lambda m: f"{m.hour:02}",
    "I": lambda m: f"{_twelve(m):02}",
    "j": lambda m: f"{m.timetuple().tm_yday:03}",
    "k": lambda m: f"{m.hour:2}",
    "L": lambda m: f"{m.microsecond // 1000:03}",
    "l": lambda m: f"{_twelve(m):2}",
    "M": lambda m: f"{m.minute:02}",
    "m": lambda m: f"{m.month:02}",
    "P": lambda m: "am" if m.hour < 12 else "pm",
    "p": lambda m: "AM" if m.hour < 12 else "PM",
    "R": lambda m: f"{m.hour:02}:{m.minute:02}",
    "S": lambda m: f"{m.second:02}",
    "s": lambda m: str((m - _EPOCH) // timedelta(seconds=1)),
    "T": lambda m: f"{m.hour:02}:{m.minute:02}:{m.second:02}",
    "u": lambda m: str(m.isoweekday()),
    "V": _week,
    "Y": lambda m: f"{m.year:04}",
    "y": lambda m: f"{m.year % 100:02}",
    "Z": lambda m: m.tzname() or "",
    "z": _offset,
    "%": lambda _: "%",
}

FILTERS: dict[str, Callable[..., Any]] = {"date": written}
