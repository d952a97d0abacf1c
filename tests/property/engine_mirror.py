"""The whole engine read literally: one workspace derived again, from what was sent, with the naive evaluator.

A `Mirror` is told what the engine was told, contact by contact and in the same order. It keeps histories and
intervals, and no other state: each answer is computed from the whole history, at every instant at which anything in
a rule has an edge.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from ensue.base.ids import read
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.score import ScoringRule
from ensue.rules import naive
from ensue.rules.naive import NaiveContact

Interval = tuple[int, int | None]

MOST_STEPS = 200
"""Decay steps after which no generated contribution has anything left."""


def points(rule: ScoringRule, history: list[Event], now: int) -> int:
    """What one rule contributes at an instant, taken event by event and decay step by decay step."""
    total = 0
    last: int | None = None
    counted: int | None = None
    for event in sorted(history, key=lambda event: (event.timestamp, event.id)):
        if not _matches(rule, event):
            continue
        total = _decayed(rule, total, last, event.timestamp)
        # A match that is held back gives nothing, but decay begins anew from it.
        last = event.timestamp
        held_back = counted is not None and (rule.once or last - counted < (rule.cooldown or 0))
        if not held_back:
            counted = last
            total += rule.delta
            total = total if rule.max_score is None else min(total, rule.max_score)
            total = total if rule.min_score is None else max(total, rule.min_score)
    return _decayed(rule, total, last, now)


def _decayed(rule: ScoringRule, total: int, last: int | None, upto: int) -> int:
    if last is None or not rule.decay_points or not rule.decay_period:
        return total
    lowest = max(rule.min_score or 0, 0)
    step = last + rule.decay_period
    while step <= upto:
        if total > lowest:
            total = max(total - rule.decay_points, lowest)
        elif total < 0:
            total = min(total + rule.decay_points, 0)
        else:
            break
        step += rule.decay_period
    return total


def _matches(rule: ScoringRule, event: Event) -> bool:
    """Conditions of generated scoring rules ask one thing only: `metadata.n` at least so much."""
    if event.type != rule.event_type:
        return False
    if rule.condition is None:
        return True
    number = event.metadata.get("n")
    return isinstance(number, int | float) and not isinstance(number, bool) and number >= rule.condition["value"]


@dataclass
class Person:
    """One contact: what it is, what it did, and where it has been."""

    contact: Contact
    tags: set[str] = field(default_factory=set)
    history: list[Event] = field(default_factory=list)
    stays: dict[int, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    decays: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    score: int = 0
    as_of: int = 0

    def members(self) -> set[int]:
        return {segment for segment, stays in self.stays.items() if stays and stays[-1][1] is None}


@dataclass
class Mirror:
    """`segments` in an order in which each comes after those that it asks about."""

    segments: dict[int, dict[str, Any]] = field(default_factory=dict)
    scoring: list[ScoringRule] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)

    def meet(self, contact: Contact) -> None:
        """A contact was made, and is evaluated at once."""
        self.people[contact.id] = person = Person(contact, as_of=contact.created_at)
        self._look(person, contact.created_at)

    def advance(self, contact_id: int, upto: int) -> None:
        """Let time pass for a contact: stop at every instant at which time alone can change anything."""
        person = self.people[contact_id]
        for instant in self.edges(person, person.as_of, upto):
            before = person.score
            self._look(person, instant)
            if person.score != before:
                person.decays[instant] += person.score - before
        person.as_of = max(person.as_of, upto)

    def touch(self, contact_id: int, upto: int) -> None:
        """Bring a contact to where the engine has brought it: after a restart, perhaps behind where time passed to."""
        self.advance(contact_id, upto)
        self.people[contact_id].as_of = upto

    def happen(self, contact_id: int, event: Event) -> None:
        """An event became known; the contact has been advanced before."""
        person = self.people[contact_id]
        person.history.append(event)
        self._look(person, person.as_of)

    def look(self, contact_id: int) -> None:
        """Something about the contact itself was changed; it has been advanced before."""
        person = self.people[contact_id]
        self._look(person, person.as_of)

    def next_change(self, contact_id: int, upto: int) -> int | None:
        """The first instant until `upto` at which time alone changes a membership or the score."""
        person = self.people[contact_id]
        for instant in self.edges(person, person.as_of, upto):
            score = self._score(person, instant)
            if score != person.score or self._holding(person, score, instant) != person.members():
                return instant
        return None

    def edges(self, person: Person, after: int, upto: int) -> list[int]:
        """Instants of `after < instant <= upto` at which anything has an edge, ascending."""
        found: set[int] = set()
        if after < upto:
            mirror = self._as_naive(person, person.score, frozenset())
            for rules in self.segments.values():
                found.update(edge for edge in naive.edges(rules, person.history, mirror, after) if edge <= upto)
            for rule in self.scoring:
                if rule.decay_points and rule.decay_period:
                    for event in person.history:
                        first = max((after - event.timestamp) // rule.decay_period + 1, 1)
                        steps = range(first, MOST_STEPS)
                        edges = (event.timestamp + step * rule.decay_period for step in steps)
                        found.update(takewhile(lambda edge: edge <= upto, edges))
        return sorted(found)

    def _look(self, person: Person, at: int) -> None:
        person.score = self._score(person, at)
        holding, before = self._holding(person, person.score, at), person.members()
        for segment in holding - before:
            person.stays[segment].append((at, None))
        for segment in before - holding:
            entered, _ = person.stays[segment].pop()
            person.stays[segment].append((entered, at))

    def _score(self, person: Person, at: int) -> int:
        return sum(points(rule, person.history, at) for rule in self.scoring)

    def _holding(self, person: Person, score: int, at: int) -> set[int]:
        holding: set[int] = set()
        for segment, rules in self.segments.items():
            if naive.holds(rules, person.history, self._as_naive(person, score, frozenset(holding)), at):
                holding.add(segment)
        return holding

    @staticmethod
    def _as_naive(person: Person, score: int, segments: frozenset[int]) -> NaiveContact:
        contact = person.contact
        fields = {
            "email": contact.email, "attributes": contact.attributes, "createdAt": contact.created_at,
            "updatedAt": contact.updated_at,
        }  # fmt: skip
        return NaiveContact(fields, frozenset(person.tags), {}, segments, contact.time_zone or "UTC", score)


def renamed(rules: Any, segments: dict[str, str]) -> Any:
    """A generated rule with the ids of segments that it asks about replaced."""
    if isinstance(rules, dict):
        replaced = {name: renamed(value, segments) for name, value in rules.items()}
        if replaced.get("type") == "segment":
            replaced["segmentId"] = segments.get(replaced["segmentId"], replaced["segmentId"])
            assert read("seg", replaced["segmentId"]) is not None
        return replaced
    return [renamed(item, segments) for item in rules] if isinstance(rules, list) else rules
