"""Reading JSON from outside so that everything wrong with it is told at once, by path."""

import re
from typing import Any

from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, WEEK
from ensue.base.errors import Detail, Invalid
from ensue.rules import bounds
from ensue.rules.facts import MISSING

_DURATION = re.compile(r"([1-9][0-9]{0,9})([smhdw])", re.ASCII)
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}


class Faults:
    """Everything wrong with one value, and how many nodes of it were read."""

    def __init__(self) -> None:
        self.details: list[Detail] = []
        self._nodes = 0

    def add(self, path: str, message: str) -> None:
        """Note one fault."""
        self.details.append(Detail(path, message))

    def admit_node(self, path: str) -> bool:
        """Count a group or condition; False (and one fault) once there are too many."""
        self._nodes += 1
        if self._nodes == bounds.NODES + 1:
            self.add(path, f"must not have more than {bounds.NODES} groups and conditions in all")
        return self._nodes <= bounds.NODES

    @property
    def overrun(self) -> bool:
        """Whether there were too many nodes, so that reading on is pointless."""
        return self._nodes > bounds.NODES

    def refuse(self) -> None:
        """Raise `Invalid` with all faults, when there are any."""
        if not self.details:
            return
        first = self.details[0]
        more = f" (and {len(self.details) - 1} more)" if len(self.details) > 1 else ""
        raise Invalid(f"{first.path}: {first.message}{more}", self.details)


class Reader:
    """One JSON object at a path. Each method notes a fault and returns None for what is not as it must be."""

    def __init__(self, value: dict[str, Any], path: str, faults: Faults) -> None:
        self.value = value
        self.path = path
        self.faults = faults
        self._known: set[str] = set()
        self._faults_before = len(faults.details)

    @property
    def sound(self) -> bool:
        """Whether nothing was found wrong since this reader was made."""
        return len(self.faults.details) == self._faults_before

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}"

    def fault(self, name: str, message: str) -> None:
        """Note a fault about a field."""
        self.faults.add(self.at(name), message)

    def optional(self, name: str) -> Any:
        """The field's value; MISSING when it is absent or null."""
        self._known.add(name)
        value = self.value.get(name)
        return MISSING if value is None else value

    def required(self, name: str) -> Any:
        """The field's value; a fault and MISSING when it is absent or null."""
        value = self.optional(name)
        if value is MISSING:
            self.fault(name, "is required")
        return value

    def text(self, name: str, most: int = bounds.TEXT) -> str | None:
        """A required text of 1 to `most` characters."""
        value = self.required(name)
        if value is MISSING:
            return None
        fault = text_fault(value, most)
        if fault:
            self.fault(name, fault)
            return None
        return str(value)

    def one_of(self, name: str, allowed: list[str], default: str | None = None) -> str | None:
        """One of the allowed texts."""
        value = self.required(name) if default is None else self.optional(name)
        if value is MISSING:
            return default
        if not isinstance(value, str) or value not in allowed:
            self.fault(name, f"must be one of {', '.join(allowed)}")
            return None
        return value

    def duration(self, name: str, most: int = bounds.DURATION, default: int | None = None) -> int | None:
        """A duration such as `7d`, in milliseconds."""
        value = self.required(name) if default is None else self.optional(name)
        if value is MISSING:
            return default
        length = duration(value)
        if length is None or length > most:
            self.fault(name, f"must be a duration such as 30m, 12h or 7d, of at most {most // DAY} days")
            return None
        return length

    def close(self) -> None:
        """Refuse the fields that nobody asked for."""
        for name in self.value:
            if name not in self._known:
                self.fault(name, f"is not a field here; known are {', '.join(sorted(self._known))}")


def duration(value: object) -> int | None:
    """The milliseconds of `<n>s|m|h|d|w`, or None when it is no such text."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _UNITS[match[2]] if match else None


def text_fault(value: object, most: int = bounds.TEXT) -> str | None:
    """What is wrong with a value that must be a text of 1 to `most` characters, or None."""
    if not isinstance(value, str):
        return "must be a text"
    if not 0 < len(value) <= most:
        return f"must have 1 to {most} characters"
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return "must not contain NUL or lone surrogates"
    return None
