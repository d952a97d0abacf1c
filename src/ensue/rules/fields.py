"""The fields that a rule may read, of a contact and of an event, each as a getter."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.facts import MISSING, Facts
from ensue.rules.values import Instant, Kind

CONTACT: dict[str, Kind] = {
    "email": Kind.TEXT,
    "firstName": Kind.TEXT,
    "lastName": Kind.TEXT,
    "phone": Kind.TEXT,
    "externalId": Kind.TEXT,
    "timezone": Kind.TEXT,
    "locale": Kind.TEXT,
    "score": Kind.NUMBER,
    "createdAt": Kind.INSTANT,
    "updatedAt": Kind.INSTANT,
}
EVENT: dict[str, str] = {
    "pageUrl": "page_url",
    "referrer": "referrer",
    "sessionId": "session_id",
    "utmSource": "utm_source",
    "utmMedium": "utm_medium",
    "utmCampaign": "utm_campaign",
    "type": "type",
}


class ContactField(NamedTuple):
    """A field of the contact: its kind when that is known, what the rule reads, and how."""

    name: str
    kind: Kind | None
    reads: str
    get: Callable[[Facts], object]


class EventField(NamedTuple):
    """A field of an event: its kind when that is known, and how it is read."""

    name: str
    kind: Kind | None
    get: Callable[[Event], object]


def contact_field(name: str) -> ContactField | None:
    """The contact's field of this name, or None."""
    kind = CONTACT.get(name)
    if kind is Kind.INSTANT:
        return ContactField(name, kind, name, lambda facts: _as_instant(facts.field(name)))
    if kind is not None:
        return ContactField(name, kind, name, lambda facts: facts.field(name))
    parts = _parts(name, "attributes")
    if parts is None:
        return None
    walk = _descent(parts)
    return ContactField(name, None, f"attributes.{parts[0]}", lambda facts: walk(facts.field("attributes")))


def event_field(name: str) -> EventField | None:
    """The event's field of this name, or None."""
    attribute = EVENT.get(name)
    if attribute:
        return EventField(name, Kind.TEXT, attrgetter(attribute))
    parts = _parts(name, "metadata")
    if parts is None:
        return None
    if len(parts) == 1:
        key = parts[0]
        return EventField(name, None, lambda event: event.metadata.get(key, MISSING))
    walk = _descent(parts)
    return EventField(name, None, lambda event: walk(event.metadata))


def _as_instant(value: object) -> object:
    return Instant(value) if isinstance(value, int) else MISSING


def _parts(name: str, root: str) -> list[str] | None:
    head, *parts = name.split(".")
    if head != root or not 0 < len(parts) <= bounds.FIELD_PARTS or not all(parts):
        return None
    return parts


def _descent(parts: list[str]) -> Callable[[Any], object]:
    if len(parts) == 1:
        key = parts[0]
        return lambda value: value.get(key, MISSING) if isinstance(value, dict) else MISSING

    def walk(value: Any) -> object:
        for part in parts:
            if not isinstance(value, dict):
                return MISSING
            value = value.get(part, MISSING)
        return value

    return walk
