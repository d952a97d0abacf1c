"""`delay`: wait a while, until an instant, or until the next time that a clock on the contact's wall shows.

`{"duration": "3d"}`, `{"until": "2026-03-01T09:00:00Z"}` or `{"until": "09:00"}` (in the contact's time zone).
"""

import re
from dataclasses import dataclass
from datetime import time, timedelta

from ensue.base.clock import from_iso
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run, Waits
from ensue.rules.calendar import at_wall, wall_at
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "delay"

_WALL = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


@dataclass(frozen=True)
class For(Node):
    """A while, in milliseconds."""

    duration: int
    always_waits = True

    def run(self, run: Run) -> Outcome:
        """Pass when the while is over."""
        return _pass_at(run, run.at + self.duration if run.deadline is None else run.deadline)


@dataclass(frozen=True)
class Until(Node):
    """An instant; a pause does not move it. Passes at once when it is over already."""

    instant: int
    moves = False

    def run(self, run: Run) -> Outcome:
        """Pass from the instant on."""
        return _pass_at(run, self.instant)


@dataclass(frozen=True)
class UntilTime(Node):
    """The next such time of day in the contact's time zone, strictly after the node is reached."""

    wall: time
    always_waits = True
    moves = False

    def run(self, run: Run) -> Outcome:
        """Pass at that time."""
        return _pass_at(run, self._next(run) if run.deadline is None else run.deadline)

    def _next(self, run: Run) -> int:
        zone = run.facts.time_zone()
        today = wall_at(run.at, zone)
        # Beyond tomorrow only where tomorrow's instant is not later: a clock that was set back over it.
        for days in range(3):
            instant = at_wall(today.combine(today, self.wall) + timedelta(days=days), zone) if today else None
            if instant is not None and instant > run.at:
                return instant
        return run.at + 1


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    until = reader.optional("until")
    if (until is MISSING) is (reader.optional("duration") is MISSING):
        reader.fault("duration", "is required, or until instead, and not both")
        return None
    if until is MISSING:
        duration = reader.duration("duration")
        return For(duration) if duration is not None else None
    clock = _WALL.fullmatch(until) if isinstance(until, str) else None
    if clock:
        return UntilTime(time(int(clock[1]), int(clock[2])))
    try:
        return Until(from_iso(until if isinstance(until, str) else ""))
    except ValueError:
        reader.fault("until", "must be an ISO-8601 date-time with an offset, or a time of day such as 09:00")
        return None


def _pass_at(run: Run, due: int) -> Outcome:
    return Passed("WAITED") if run.at >= due else Waits(due)
