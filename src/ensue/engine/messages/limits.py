"""When and how often people are written to: quiet hours and frequency caps, of the workspace and of a campaign.

    {"quietHours": {"from", "to"}, "frequencyCaps": [{"count", "per", "channel"?}, …]}

What a campaign says for itself takes the place of what the workspace says: `"quietHours": "OFF"` and
`"frequencyCaps": []` are how it says that it wants none. Transactional messages heed neither.
"""

from dataclasses import dataclass
from typing import Any, Literal

from ensue.base.errors import Invalid
from ensue.engine.messages.frequency import Cap, read_caps
from ensue.engine.messages.quiet_hours import QuietHours, read_quiet_hours
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader

OFF: Literal["OFF"] = "OFF"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message has to heed."""

    quiet_hours: QuietHours | None = None
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What a campaign says for itself; None where it leaves it to the workspace."""

    quiet_hours: QuietHours | Literal["OFF"] | None = None
    caps: tuple[Cap, ...] | None = None

    def over(self, default: Limits) -> Limits:
        """What its messages have to heed, given what the workspace says."""
        quiet = default.quiet_hours if self.quiet_hours is None else self.quiet_hours
        caps = default.caps if self.caps is None else self.caps
        return Limits(None if quiet == OFF else quiet, caps)


NONE = Limits()
LEFT_TO_THE_WORKSPACE = OwnLimits()


def read_own_limits(reader: Reader) -> OwnLimits:
    """Read `quietHours` and `frequencyCaps` of a campaign's settings; notes faults."""
    return OwnLimits(_quiet_hours(reader), _caps(reader))


def read_limits(value: dict[str, Any]) -> Limits:
    """The limits of a workspace.

    Raises:
        Invalid: with everything that is wrong, by path.
    """
    faults = Faults()
    quiet, caps = value.get("quietHours"), value.get("frequencyCaps")
    limits = Limits(
        read_quiet_hours(quiet, "quietHours", faults) if quiet is not None else None,
        (read_caps(caps, "frequencyCaps", faults) if caps is not None else None) or (),
    )
    faults.refuse()
    return limits


def compile_limits(value: dict[str, Any] | None) -> Limits:
    """The limits as they were saved; none when they cannot be read, which saving prevents."""
    try:
        return read_limits(value or {})
    except Invalid:
        return NONE


def _quiet_hours(reader: Reader) -> QuietHours | Literal["OFF"] | None:
    value = reader.optional("quietHours")
    if value is MISSING:
        return None
    return OFF if value == OFF else read_quiet_hours(value, reader.at("quietHours"), reader.faults)


def _caps(reader: Reader) -> tuple[Cap, ...] | None:
    value = reader.optional("frequencyCaps")
    return None if value is MISSING else read_caps(value, reader.at("frequencyCaps"), reader.faults)
