"""Time windows: all time, a sliding span, or two fixed ends."""

from typing import Any, NamedTuple

from ensue.base.clock import from_iso
from ensue.rules import bounds
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader, duration


class Window(NamedTuple):
    """Which timestamps count. Times and the span in milliseconds.

    With a `span`, `t` counts at `now` when `now - span < t <= now`. `first` and `last` are both included.
    """

    span: int | None = None
    first: int | None = None
    last: int | None = None

    def admits(self, timestamp: int) -> bool:
        """Whether a timestamp lies between the fixed ends."""
        return (self.first is None or self.first <= timestamp) and (self.last is None or timestamp <= self.last)

    @property
    def fixed(self) -> bool:
        """Whether it has fixed ends."""
        return self.first is not None or self.last is not None

    def after(self, now: int) -> int | None:
        """The instant after which timestamps count; None when all of the past does."""
        if self.span is not None:
            return now - self.span
        return None if self.first is None else self.first - 1

    def upto(self, now: int) -> int:
        """The last instant that counts."""
        return now if self.last is None else min(self.last, now)


ALL_TIME = Window()


def read_window(reader: Reader) -> Window | None:
    """Read the optional `timeWindow`. Notes faults and returns None when it is faulty."""
    value = reader.optional("timeWindow")
    if value is MISSING:
        return ALL_TIME
    if isinstance(value, dict):
        return _read_ends(value, reader.at("timeWindow"), reader.faults)
    span = duration(value)
    if span is None or span > bounds.DURATION:
        reader.fault("timeWindow", "must be a duration such as 30m, 12h or 7d, or an object with from and to")
        return None
    return Window(span=span)


def _read_ends(value: dict[str, Any], path: str, faults: Faults) -> Window | None:
    reader = Reader(value, path, faults)
    first, last = _read_end(reader, "from"), _read_end(reader, "to")
    reader.close()
    if not reader.sound:
        return None
    if first is None and last is None:
        faults.add(path, "must have from, to or both")
        return None
    if first is not None and last is not None and first > last:
        faults.add(path, "must not end before it begins")
        return None
    return Window(first=first, last=last)


def _read_end(reader: Reader, name: str) -> int | None:
    value = reader.optional(name)
    if value is MISSING:
        return None
    try:
        return from_iso(value if isinstance(value, str) else "")
    except ValueError:
        reader.fault(name, "must be an ISO-8601 date-time with an offset, such as 2026-01-15T10:00:00Z")
        return None
