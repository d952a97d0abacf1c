"""The rules read literally: every answer from the whole history, every time.

This is what the incremental evaluator is held against, in tests and by `ensue verify`. It shares the grammar and the
table of comparisons with it, and nothing else: no kept state, no aggregates, no horizons.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import inf
from typing import Any

from ensue.base import ids
from ensue.base.clock import from_iso
from ensue.model.event import Event
from ensue.rules.calendar import zone
from ensue.rules.facts import MISSING
from ensue.rules.faults import duration
from ensue.rules.fields import EVENT
from ensue.rules.operators import OPERATORS
from ensue.rules.rule import Rule
from ensue.rules.values import Instant, moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST = 253_402_300_799_999  # the end of the year 9999, where calendars end
_INSTANTS = ("createdAt", "updatedAt")


@dataclass(frozen=True, slots=True)
class NaiveContact:
    """One contact as it stands.

    Attributes:
        fields: `email`, …, `attributes` as `Facts.field` gives them; `createdAt` and `updatedAt` in ms.
        tags: the names of its tags.
        consents: channel to status; a channel that is not there is UNKNOWN.
        segments: ids of the segments that it is in.
        time_zone: IANA name.
        score: its lead score now.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    consents: Mapping[str, str] = field(default_factory=dict)
    segments: frozenset[int] = frozenset()
    time_zone: str = "UTC"
    score: float = 0


Json = dict[str, Any]
History = Sequence[Event]


def holds(rule: Rule | Json, history: Iterable[Event], contact: NaiveContact, now: int) -> bool:
    """Whether a rule, or its validated JSON, holds at `now` (ms) for a contact with this history, in any order."""
    happened = sorted((event for event in history if event.timestamp <= now), key=_timestamp)
    return _holds(_json(rule), happened, contact, now)


def next_flip(rule: Rule | Json, history: Iterable[Event], contact: NaiveContact, now: int) -> int | None:
    """The first instant after `now` with another answer and no new input, or None.

    Found by trying every instant at which anything in the rule has an edge; anniversaries for the next two years.
    The score is taken to stay as it is.
    """
    events = list(history)
    answer = holds(rule, events, contact, now)
    later = edges(rule, events, contact, now)
    return next((edge for edge in later if holds(rule, events, contact, edge) != answer), None)


def edges(rule: Rule | Json, history: Iterable[Event], contact: NaiveContact, now: int) -> list[int]:
    """The instants after `now` at which anything in the rule has an edge, ascending; between two nothing changes."""
    events = list(history)
    found = {edge for leaf in _leaves(_json(rule)) for edge in _edges(leaf, events, contact, now)}
    return sorted(edge for edge in found if now < edge <= _LATEST)


def _json(rule: Rule | Json) -> Json:
    return rule.json if isinstance(rule, Rule) else rule


def _holds(node: Json, history: History, contact: NaiveContact, now: int) -> bool:
    if "conditions" in node:
        answers = [_holds(condition, history, contact, now) for condition in node["conditions"]]
        return _grouped(node["operator"], answers)
    match node["type"]:
        case "attribute":
            return _compare(node, _contact_value(contact, node["field"]))
        case "event":
            return _event_holds(node, history, now)
        case "sequence":
            return any(_counts(node, start, history, now) for start in _starts(node, history, now))
        case "tag":
            tagged: bool = node["value"] in contact.tags
            return tagged is (node["operator"] == "has")
        case "channel":
            status = contact.consents.get(node["channel"], "UNKNOWN")
            return status == str(node["status"])
        case "segment":
            member: bool = ids.read("seg", node["segmentId"]) in contact.segments
            return member is (node["operator"] == "in")
        case "date":
            return _date_holds(node, contact, now)
    raise ValueError(f"no such condition: {node['type']}")


def _grouped(operator: str, answers: list[bool]) -> bool:
    if operator == "AND":
        return all(answers)
    return any(answers) if operator == "OR" else not any(answers)


def _compare(node: Json, value: object) -> bool:
    return OPERATORS[node["operator"]].compile(node.get("value"))(value)


def _walk(value: object, path: list[str]) -> object:
    for part in path:
        value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
    return value


def _contact_value(contact: NaiveContact, name: str) -> object:
    if name == "score":
        return contact.score
    root, *path = name.split(".")
    value = contact.fields.get(root, MISSING)
    return Instant(value) if root in _INSTANTS and isinstance(value, int) else _walk(value, path)


# Events


def _event_value(event: Event, name: str) -> object:
    if name in EVENT:
        return getattr(event, EVENT[name])
    return _walk(event.metadata, name.removeprefix("metadata.").split("."))


def _is_one(step: Json, event: Event) -> bool:
    where = step.get("where")
    return event.type == step["eventType"] and (where is None or _where_holds(where, event))


def _where_holds(node: Json, event: Event) -> bool:
    if "conditions" in node:
        return _grouped(node["operator"], [_where_holds(condition, event) for condition in node["conditions"]])
    return _compare(node, _event_value(event, node["field"]))


def _in_window(node: Json, timestamp: int, now: int) -> bool:
    window = node.get("timeWindow")
    if window is None:
        return True
    if isinstance(window, str):
        return now - _length(window) < timestamp
    first, last = window.get("from"), window.get("to")
    return (first is None or from_iso(first) <= timestamp) and (last is None or timestamp <= from_iso(last))


def _length(text: str) -> int:
    length = duration(text)
    if length is None:
        raise ValueError(f"not a duration: {text}")
    return length


def _event_holds(node: Json, history: History, now: int) -> bool:
    taken = [event for event in history if _in_window(node, event.timestamp, now) and _is_one(node, event)]
    name = node.get("aggregate", "count")
    if name == "count":
        return _compare(node, len(taken))
    values = [_event_value(event, node["property"]) for event in taken]
    return _compare(node, _AGGREGATES[name](values))


def _numbers(values: Iterable[object]) -> list[float]:
    numbers = []
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                numbers.append(float(value))
            except OverflowError:
                continue
    return [number for number in numbers if abs(number) != inf]


def _nearest(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def _sum(values: list[object]) -> float:
    return _nearest(sum(map(Fraction, _numbers(values)), Fraction()))


def _average(values: list[object]) -> object:
    numbers = _numbers(values)
    return _nearest(sum(map(Fraction, numbers), Fraction()) / len(numbers)) if numbers else MISSING


def _distinct(values: list[object]) -> int:
    texts = {value for value in values if isinstance(value, str)}
    flags = {value for value in values if isinstance(value, bool)}
    numbers = {value for value in values if isinstance(value, int | float) and not isinstance(value, bool)}
    return len(texts) + len(flags) + len(numbers)


_AGGREGATES: dict[str, Callable[[list[object]], object]] = {
    "sum": _sum,
    "avg": _average,
    "min": lambda values: min(_numbers(values), default=MISSING),
    "max": lambda values: max(_numbers(values), default=MISSING),
    "distinct": _distinct,
}


# Sequences


def _timestamp(event: Event) -> int:
    return event.timestamp


def _times(step: Json, history: History) -> list[int]:
    return [event.timestamp for event in history if _is_one(step, event)]


def _starts(node: Json, history: History, now: int) -> list[int]:
    return [at for at in _times(node["steps"][0], history) if _in_window(node, at, now)]


def _counts(node: Json, start: int, history: History, now: int) -> bool:
    over = start + _length(node["within"])
    first = bisect_right(history, start, key=_timestamp)
    near = history[first : bisect_left(history, over, key=_timestamp)]
    absent = node.get("lastStep") == "absent"
    # All instants at which a chain from this start can have done its steps so far.
    ends = [start]
    for step in node["steps"][1:-1] if absent else node["steps"][1:]:
        ends = [at for at in _times(step, near) if any(end < at for end in ends)]
    if not absent:
        return bool(ends)
    came = _times(node["steps"][-1], near)
    return bool(ends) and over <= now and not any(at > min(ends) for at in came)


# Dates


def _to_ms(when: datetime) -> int | None:
    """The instant of a datetime, or None when UTC shows it outside the years 1 to 9999."""
    try:
        return (when.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except OverflowError:
        return None


def _wall(node: Json, contact: NaiveContact) -> datetime | None:
    """The date in the contact's time zone."""
    found = moment(_contact_value(contact, node["field"]))
    if found is None:
        return None
    if isinstance(found, datetime):
        return found.replace(tzinfo=zone(contact.time_zone))
    return (_EPOCH + found * _MILLISECOND).astimezone(zone(contact.time_zone)).replace(fold=0)


def _due(node: Json, contact: NaiveContact) -> int | None:
    """The instant of the date."""
    found = moment(_contact_value(contact, node["field"]))
    if isinstance(found, int):
        return found
    wall = _wall(node, contact)
    return None if wall is None else _to_ms(wall)


def _date_holds(node: Json, contact: NaiveContact, now: int) -> bool:
    length = _length(node.get("value", "1d"))
    if node["operator"] == "anniversary":
        wall = _wall(node, contact)
        return wall is not None and any(begins <= now < begins + length for begins in _anniversaries(wall, now))
    due = _due(node, contact)
    if due is None:
        return False
    return now < due <= now + length if node["operator"] == "within_next" else now - length < due <= now


def _anniversaries(date: datetime, now: int) -> Iterator[int]:
    """From three years before now to three after, but never the date itself."""
    year = (_EPOCH + now * _MILLISECOND).year
    for other in range(max(date.year + 1, year - 3), min(year + 4, 10_000)):
        leap = date.month == 2 and date.day == 29
        day = date.replace(year=other, day=28) if leap and not _is_leap(other) else date.replace(year=other)
        begins = _to_ms(day)
        if begins is not None:
            yield begins


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# Edges


def _leaves(node: Json) -> Iterator[Json]:
    if "conditions" not in node:
        yield node
        return
    for condition in node["conditions"]:
        yield from _leaves(condition)


def _edges(leaf: Json, history: Iterable[Event], contact: NaiveContact, now: int) -> Iterator[int]:
    lengths = []
    if isinstance(leaf.get("timeWindow"), str):
        lengths.append(_length(leaf["timeWindow"]))
    if "within" in leaf:
        lengths.append(_length(leaf["within"]))
    for event in history if lengths else ():
        for length in lengths:
            yield event.timestamp + length
    if leaf["type"] != "date":
        return
    length = _length(leaf.get("value", "1d"))
    wall = _wall(leaf, contact)
    dates = [_due(leaf, contact), *(_anniversaries(wall, now) if wall else ())]
    for date in dates:
        if date is not None:
            yield from (date - length, date, date + length)
