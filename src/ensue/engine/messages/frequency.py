"""Frequency caps: how many messages a contact may get in a while, whichever campaigns they are from.

`{"count": 2, "per": "DAY", "channel"?: "EMAIL"}`. The while goes with the instant: a message of `t` counts at `n` when
`n - while < t <= n`, so that it stops counting at exactly `t + while`. A MONTH is 30 days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, WEEK
from ensue.rules.conditions.channel import CHANNELS
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader

PER = {"HOUR": HOUR, "DAY": DAY, "WEEK": WEEK, "MONTH": 30 * DAY}


class Sent(NamedTuple):
    """When a message that counts was sent to the contact, and on which channel."""

    at: int
    channel: str


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many in a while; `channel` None for all channels together."""

    count: int
    per: str
    channel: str | None = None

    @property
    def text(self) -> str:
        """`2 per DAY on EMAIL`, as the log of a run says it."""
        return f"{self.count} per {self.per}" + (f" on {self.channel}" if self.channel is not None else "")

    def reached(self, sent: Iterable[Sent], at: int) -> bool:
        """Whether as many as it allows were sent in the while up to an instant."""
        since = at - PER[self.per]
        return sum(since < one.at <= at and self.channel in (None, one.channel) for one in sent) >= self.count


def capped(caps: Iterable[Cap], channel: str, sent: Sequence[Sent], at: int) -> Cap | None:
    """The first cap that keeps a message on a channel from being sent at an instant; None when it may go."""
    return next((cap for cap in caps if cap.channel in (None, channel) and cap.reached(sent, at)), None)


def reach(caps: Iterable[Cap]) -> int:
    """How far back (ms) must be looked to know whether one of the caps is reached."""
    return max((PER[cap.per] for cap in caps), default=0)


def read_caps(value: object, path: str, faults: Faults) -> tuple[Cap, ...] | None:
    """The caps of a decoded JSON value. Notes faults and returns None when there are any."""
    if not isinstance(value, list) or len(value) > bounds.FREQUENCY_CAPS:
        faults.add(path, f"must be a list of at most {bounds.FREQUENCY_CAPS} caps")
        return None
    caps = [_read_cap(one, f"{path}[{at}]", faults) for at, one in enumerate(value)]
    found = tuple(cap for cap in caps if cap is not None)
    return found if len(found) == len(caps) else None


def _read_cap(value: object, path: str, faults: Faults) -> Cap | None:
    if not isinstance(value, dict):
        faults.add(path, "must be an object with count and per")
        return None
    reader = Reader(value, path, faults)
    count, per = reader.required("count"), reader.one_of("per", list(PER))
    if count is not MISSING and (type(count) is not int or not 1 <= count <= bounds.FREQUENCY_COUNT):
        reader.fault("count", f"must be a whole number from 1 to {bounds.FREQUENCY_COUNT}")
    channel = None if reader.optional("channel") is MISSING else reader.one_of("channel", list(CHANNELS))
    reader.close()
    return Cap(count, per, channel) if reader.sound and per is not None else None
