"""`date`: a date of the contact that is near, or its anniversary."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ensue.base.clock import DAY, to_iso
from ensue.rules import bounds
from ensue.rules.calendar import at_wall, in_year, wall_at
from ensue.rules.condition import Observation, Reads
from ensue.rules.facts import Facts
from ensue.rules.faults import Reader
from ensue.rules.fields import CONTACT, ContactField, contact_field
from ensue.rules.values import Kind, moment
from ensue.rules.verdict import NEVER, Verdict
from ensue.rules.wording import duration_text

TYPE = "date"
_YEARS_AHEAD = 12
"""How many anniversaries that follow on without a gap are joined; the horizon is then early, never late."""

Judge = Callable[[int | datetime, str, int, int], Verdict]
"""From a date (an instant or a wall time), a time zone, a length and the present instant to a verdict."""


def _within_next(date: int | datetime, zone_name: str, length: int, now: int) -> Verdict:
    due = _instant(date, zone_name)
    return NEVER if due is None else _during(due - length, due, now)


def _within_last(date: int | datetime, zone_name: str, length: int, now: int) -> Verdict:
    due = _instant(date, zone_name)
    return NEVER if due is None else _during(due, due + length, now)


def _anniversary(date: int | datetime, zone_name: str, length: int, now: int) -> Verdict:
    """From each anniversary on for `length`. The first one is a year after the date itself."""
    until: int | None = None
    for begins in _anniversaries(date, zone_name, now):
        if begins > now and (until is None or begins > until):
            return Verdict(False, begins) if until is None else Verdict(True, until)
        if begins + length > now:
            until = begins + length
    return NEVER if until is None else Verdict(True, until)


def _anniversaries(date: int | datetime, zone_name: str, now: int) -> Iterator[int]:
    """The instants of the anniversaries, from the last one or two before `now` on."""
    wall = wall_at(date, zone_name) if isinstance(date, int) else date
    # In UTC, because the calendar may end earlier in the zone; the years around it are looked at anyway.
    today = wall_at(now, "UTC")
    if wall is None or today is None:
        return
    first = max(wall.year + 1, today.year - 2)
    for year in range(first, max(first, today.year) + _YEARS_AHEAD):
        day = in_year(wall, year)
        begins = None if day is None else at_wall(day, zone_name)
        if begins is not None:
            yield begins


def _instant(date: int | datetime, zone_name: str) -> int | None:
    return date if isinstance(date, int) else at_wall(date, zone_name)


def _during(begins: int, ends: int, now: int) -> Verdict:
    """Whether `begins <= now < ends`."""
    if now < begins:
        return Verdict(False, begins)
    return Verdict(True, ends) if now < ends else NEVER


_JUDGES: dict[str, tuple[Judge, str]] = {
    "within_next": (_within_next, "{field} is within the next {length}"),
    "within_last": (_within_last, "{field} was within the last {length}"),
    "anniversary": (_anniversary, "an anniversary of {field} began within the last {length}"),
}


@dataclass(frozen=True, slots=True, eq=False)
class DateCondition:
    """A date of the contact, near to now."""

    json: dict[str, Any]
    field: ContactField
    operator: str
    length: int
    reads: Reads
    time_dependent: bool = True

    def evaluate(self, facts: Facts, now: int) -> Verdict:
        """Whether it holds at `now`, and until when that is certain."""
        date = moment(self.field.get(facts))
        if date is None:
            return NEVER
        judge, _ = _JUDGES[self.operator]
        return judge(date, facts.time_zone(), self.length, now)

    def observe(self, facts: Facts, _now: int) -> Observation:
        """The date."""
        date = moment(self.field.get(facts))
        observed = to_iso(date) if isinstance(date, int) else date.isoformat() if date else None
        return Observation(observed, {"operator": self.operator, "value": duration_text(self.length)}, [])

    def describe(self) -> str:
        """`trialEnds is within the next 7 days`."""
        name = self.field.name.removeprefix("attributes.")
        return _JUDGES[self.operator][1].format(field=name, length=duration_text(self.length))


def parse(reader: Reader) -> DateCondition | None:
    """Read a date condition. Notes faults and returns None when it is faulty."""
    name = reader.text("field", bounds.FIELD)
    field = contact_field(name) if name else None
    if field is not None and field.kind not in {None, Kind.INSTANT}:
        field = None
    if name and not field:
        dates = [name for name, kind in CONTACT.items() if kind is Kind.INSTANT]
        reader.fault("field", f"must be attributes.<name> or one of {', '.join(dates)}")
    operator = reader.one_of("operator", list(_JUDGES))
    if operator == "anniversary":
        length = reader.duration("value", bounds.ANNIVERSARY, default=DAY)
    else:
        length = reader.duration("value")
    reader.close()
    if not (reader.sound and field and operator and length):
        return None
    return DateCondition(reader.value, field, operator, length, Reads(fields=frozenset((field.reads, "timezone"))))
