"""What of a contact's history a condition depends on, and its states worked out from it."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from ensue.rules.condition import EventBased, State
from ensue.rules.conditions.event import EventCondition
from ensue.rules.conditions.sequence import SequenceCondition
from ensue.rules.facts import Log


def after(conditions: Iterable[EventBased], now: int) -> int | None:
    """The instant after which events matter to some of the conditions, now or later; None when all of the past does."""
    oldest: int | None = None
    for condition in conditions:
        edge = _after(condition, now)
        if edge is None:
            return None
        oldest = edge if oldest is None else min(oldest, edge)
    return oldest


def states(conditions: Sequence[EventBased], log: Log, now: int) -> dict[str, State]:
    """The state of each condition, by key. Conditions over the same types are worked out from one reading."""
    found: dict[str, State] = {}
    ordered = sorted(conditions, key=_types)
    for _, group in groupby(ordered, key=_types):
        together = list(group)
        events = list(log.events(together[0].event_types, after(together, now), now))
        found.update((condition.key, condition.rebuild(events, now)) for condition in together)
    return found


def _types(condition: EventBased) -> list[str]:
    return sorted(condition.event_types)


def _after(condition: EventBased, now: int) -> int | None:
    match condition:
        case EventCondition():
            return condition.source.window.after(now)
        case SequenceCondition():
            return condition.steps.window.after(now)
        case _:
            return None
