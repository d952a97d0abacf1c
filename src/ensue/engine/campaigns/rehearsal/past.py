"""What is known of some contacts' history, read at once, and one of them as it was at an instant.

Events, stays in segments and the score are those of the instant. The profile, tags and consents are those of today,
with what the rehearsed run itself would have changed: their history is not kept in a form that rules could ask.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from ensue.engine.campaigns.version import CampaignVersion
from ensue.engine.contacts import profile
from ensue.engine.segments import history
from ensue.engine.view import View
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.score import LedgerLine
from ensue.model.segment import Membership
from ensue.rules.condition import EventBased
from ensue.rules.facts import MISSING

_COLUMNS = {name: column for column, name in profile.NAMES.items()} | {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}


class Wanted(NamedTuple):
    """What of the history must be read: types of event past an instant, stays in segments, the score."""

    types: frozenset[str]
    after: int | None
    segments: frozenset[int]
    score: bool


class Known(NamedTuple):
    """The history of one contact; events by (timestamp, id), stays and lines oldest first."""

    contact: Contact
    events: list[Event]
    stays: list[Membership]
    lines: list[LedgerLine]
    tags: frozenset[str]
    consents: dict[str, str]


def wanted(
    version: CampaignVersion, triggers: Sequence[dict[str, Any]], segments: frozenset[int], since: int
) -> Wanted:
    """What must be read to rehearse a version from an instant on. `segments` are those that the triggers name."""
    rules = [rule for place in version.workflow.places.values() for rule in place.node.rules]
    types = version.hears | version.counts | {t["eventType"] for t in triggers if t["type"] == "EVENT"}
    types |= {name for condition in version.conditions for name in condition.event_types}
    asked = {segment_id for _, segment_id in version.workflow.segments()} | version.reads.segments | segments
    after = history.after(version.conditions, since) if version.conditions else since
    score = (
        any(t["type"] == "SCORE_CROSSED" for t in triggers)
        or "score" in version.reads.fields
        or any("score" in rule.fields for rule in rules)
    )
    return Wanted(frozenset(types), min(after, since) if after is not None else None, frozenset(asked), score)


def gather(view: View, contact_ids: Sequence[int], what: Wanted, until: int) -> list[Known]:
    """The history of some contacts, by id; those that are gone are left out."""
    populations, some = view.tables.populations, list(contact_ids)
    events = dict(view.tables.events.of_contacts(some, what.types, what.after, until)) if what.types else {}
    stays = view.tables.dry_runs.stays(some, what.segments) if what.segments else {}
    tags, consents = populations.tags(some), populations.consents(some)
    return [
        Known(
            contact,
            events.get(contact.id, []),
            stays.get(contact.id, []),
            view.tables.ledger.all_of_contact(contact.id) if what.score else [],
            frozenset(tags.get(contact.id, ())),
            consents.get(contact.id, {}),
        )
        for contact in sorted(populations.contacts(some), key=lambda contact: contact.id)
    ]


class _Log:
    """The contact's events, behind `rules.facts.Log`."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def events(self, types: frozenset[str], after: int | None, upto: int) -> Iterable[Event]:
        return [
            event
            for event in self._events
            if event.type in types and event.timestamp <= upto and (after is None or event.timestamp > after)
        ]


class Past:
    """One contact at the instant `at`, which may be moved. Implements `rules.facts.Facts`."""

    def __init__(self, known: Known, zone: str, conditions: Iterable[EventBased]) -> None:
        self.known = known
        self.contact = known.contact
        self.at = 0
        self.log = _Log(known.events)
        self._zone = zone
        self._conditions = {condition.key: condition for condition in conditions}
        self._tags = set(known.tags)
        self._listed: dict[int, bool] = {}

    def field(self, name: str) -> object:
        """A field as it is today; the score as it was."""
        if name == "score":
            return self._score()
        if name == "attributes":
            return self.contact.attributes
        value = getattr(self.contact, _COLUMNS[name])
        return MISSING if value is None else value

    def time_zone(self) -> str:
        """The contact's time zone, else the workspace's."""
        return self.contact.time_zone or self._zone

    def has_tag(self, tag: str) -> bool:
        """Whether it has the tag."""
        return tag in self._tags

    def consent(self, channel: str) -> str:
        """The consent of today."""
        return self.known.consents.get(channel, "UNKNOWN")

    def in_segment(self, segment_id: int) -> bool:
        """Whether it was a member."""
        if segment_id in self._listed:
            return self._listed[segment_id]
        return any(
            stay.segment_id == segment_id
            and stay.entered_at <= self.at
            and (stay.exited_at is None or stay.exited_at > self.at)
            for stay in self.known.stays
        )

    def score_changes_at(self) -> int | None:
        """When a line of the ledger changes it next."""
        return next((line.at for line in self.known.lines if line.at > self.at), None)

    def state(self, key: str) -> Any:
        """The state of a condition, from the events until then."""
        return history.states((self._conditions[key],), self.log, self.at)[key]

    # What the run would have changed

    def update(self, fields: dict[str, Any]) -> None:
        """Set fields, by their API names."""
        columns, attributes = profile.read(fields)
        self.contact = msgspec.structs.replace(
            self.contact, **columns, attributes=profile.merged(self.contact.attributes, attributes)
        )

    def tag(self, name: str, *, present: bool) -> None:
        """Put a tag on or take it off."""
        if present:
            self._tags.add(name)
        else:
            self._tags.discard(name)

    def list_in(self, segment_id: int, *, member: bool) -> None:
        """Put it on a list or take it off."""
        self._listed[segment_id] = member

    def _score(self) -> int:
        lines = self.known.lines
        place = bisect_right(lines, self.at, key=lambda line: line.at)
        return lines[place - 1].after if place else 0
