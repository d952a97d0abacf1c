"""A rule evaluated for many contacts on a snapshot, without changing anything: for previews, diffs and backfills.

SQL narrows down whom to look at, where it can say so exactly or safely too widely; the evaluator decides. What is read
at once is bounded, however many contacts there are.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ensue.base import bounds
from ensue.engine.contacts.blank import BlankContact
from ensue.engine.contacts.profile import NAMES
from ensue.engine.segments import history
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.rules.condition import EventBased
from ensue.rules.facts import MISSING
from ensue.rules.rule import Rule
from ensue.rules.verdict import Verdict
from ensue.store.ports import Clause, WorkspaceTables

_COLUMNS = {name: column for column, name in NAMES.items()} | {"createdAt": "created_at", "updatedAt": "updated_at"}


class Sighting(NamedTuple):
    """What a rule says about one contact, with the states of its conditions, by key, and the number of their events."""

    contact: Contact
    verdict: Verdict
    states: dict[str, Any]
    events: int


class _Events:
    """Some events of one contact, already read, behind `rules.facts.Log`."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def events(self, types: frozenset[str], after: int | None, upto: int) -> list[Event]:
        return [
            event
            for event in self._events
            if event.type in types and event.timestamp <= upto and (after is None or event.timestamp > after)
        ]


class _Gathered(NamedTuple):
    """What a rule reads of a slice of contacts, each by contact id; who has nothing of it is left out."""

    events: dict[int, list[Event]]
    tags: dict[int, set[str]]
    consents: dict[int, dict[str, str]]
    segments: dict[int, set[int]]


class _Seen:
    """One contact on a snapshot. Implements `rules.facts.Facts`, but for the horizon of the score."""

    def __init__(self, contact: Contact, gathered: _Gathered, zone: str) -> None:
        self.contact = contact
        self.history = gathered.events.get(contact.id, [])
        self.log = _Events(self.history)
        self.states: dict[str, Any] = {}
        self._gathered = gathered
        self._zone = zone

    def field(self, name: str) -> object:
        if name == "score":
            return self.contact.score
        if name == "attributes":
            return self.contact.attributes
        value = getattr(self.contact, _COLUMNS[name])
        return MISSING if value is None else value

    def time_zone(self) -> str:
        return self.contact.time_zone or self._zone

    def has_tag(self, tag: str) -> bool:
        return tag in self._gathered.tags.get(self.contact.id, ())

    def consent(self, channel: str) -> str:
        return self._gathered.consents.get(self.contact.id, {}).get(channel, "UNKNOWN")

    def in_segment(self, segment_id: int) -> bool:
        return segment_id in self._gathered.segments.get(self.contact.id, ())

    def score_changes_at(self) -> int | None:
        # Timers of decay look again at every segment that reads the score, so its horizon is not needed here.
        return None

    def state(self, key: str) -> Any:
        return self.states[key]


class Crowd:
    """The contacts of a workspace as one rule sees them at one instant, on one snapshot.

    `exact` are those for whom it holds, when SQL can say so; whoever is not among `differing` gets the verdict `blank`.
    """

    def __init__(self, tables: WorkspaceTables, rule: Rule, now: int) -> None:
        workspace = tables.definitions.workspace()
        assert workspace is not None
        self.rule = rule
        self.exact = tables.populations.holding(rule.tree, now)
        self.differing = tables.populations.differing(rule.tree, now)
        self.blank = rule.evaluate(BlankContact(workspace.time_zone), now)
        self._tables = tables
        self._zone = workspace.time_zone
        self._now = now

    def survey(self, among: Clause | None = None, sample: int = 0) -> tuple[int, list[int]]:
        """For how many contacts (of some of them) the rule holds, and the ids of the first few."""
        populations = self._tables.populations
        if self.exact is not None:
            return populations.count_and_first(_both(self.exact, among), max(sample, 1))
        found = list(self.holders(among))
        if not self.blank.holds:
            return len(found), found[:sample]
        others, first = populations.count_and_first(_both(~self.differing, among), max(sample, 1))
        return len(found) + others, sorted(found[:sample] + first)[:sample]

    def survey_others(self, among: Clause, sample: int) -> tuple[int, list[int]]:
        """For how many of some contacts the rule does not hold, and the ids of the first few."""
        populations = self._tables.populations
        if self.exact is not None:
            return populations.count_and_first(among & ~self.exact, max(sample, 1))
        others = [s.contact.id for s in self.look(array("q", populations.ids(among))) if not s.verdict.holds]
        return len(others), others[:sample]

    def holders(self, among: Clause | None = None) -> Iterator[int]:
        """Of the contacts that differ from a blank one those for whom it holds, evaluated one by one. Ids ascending."""
        candidates = array("q", self._tables.populations.ids(_both(self.differing, among)))
        return (sighting.contact.id for sighting in self.look(candidates) if sighting.verdict.holds)

    def look(self, contact_ids: Sequence[int]) -> Iterator[Sighting]:
        """Evaluate the rule for contacts by their ids, ascending; those that are gone are left out."""
        for start in range(0, len(contact_ids), bounds.BULK_CONTACTS):
            some = contact_ids[start : start + bounds.BULK_CONTACTS]
            gathered = self._gather(some)
            for contact in sorted(self._tables.populations.contacts(some), key=lambda contact: contact.id):
                seen = _Seen(contact, gathered, self._zone)
                seen.states.update(_states(self.rule.event_conditions, seen.history, self._now))
                yield Sighting(contact, self.rule.evaluate(seen, self._now), seen.states, len(seen.history))

    def _gather(self, contact_ids: Sequence[int]) -> _Gathered:
        rule, conditions = self.rule, self.rule.event_conditions
        types = frozenset().union(*(condition.event_types for condition in conditions))
        after = history.after(conditions, self._now)
        some = list(contact_ids)
        populations = self._tables.populations
        return _Gathered(
            dict(self._tables.events.of_contacts(some, types, after, self._now)) if conditions else {},
            populations.tags(some) if rule.tags else {},
            populations.consents(some) if rule.channels else {},
            populations.memberships(some) if rule.segments else {},
        )


def _states(conditions: Sequence[EventBased], events: Sequence[Event], now: int) -> dict[str, Any]:
    """Each condition takes from the events what it is about."""
    return {
        condition.key: condition.rebuild([event for event in events if event.type in condition.event_types], now)
        for condition in conditions
    }


def _both(who: Clause, among: Clause | None) -> Clause:
    return who if among is None else who & among
