"""What a template can speak of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ensue.base.clock import to_iso
from ensue.base.ids import show
from ensue.model.campaign import Campaign
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.workspace import Workspace

Scope = dict[str, Any]
"""Names to plain JSON values; instants are ISO-8601 texts."""


@dataclass(frozen=True, slots=True)
class About:
    """What one message is about.

    `event` is the one that triggered the run, when there is one; `values` are those that whoever sends a single message
    hands in.
    """

    now: int
    workspace: Workspace
    contact: Contact | None
    tags: Iterable[str] = ()
    consents: Mapping[str, str] = field(default_factory=dict)
    event: Event | None = None
    campaign: Campaign | None = None
    unsubscribe_url: str | None = None
    preferences_url: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def scope_of(about: About) -> Scope:
    """The names that a template finds. What there is not is None, and so counts as missing."""
    return {
        "contact": _contact(about.contact, about.tags, about.consents) if about.contact is not None else None,
        "event": _event(about.event) if about.event is not None else None,
        "campaign": _campaign(about.campaign) if about.campaign is not None else None,
        "workspace": {
            "id": show("ws", about.workspace.id),
            "name": about.workspace.name,
            "timezone": about.workspace.time_zone,
        },
        "unsubscribeUrl": about.unsubscribe_url,
        "preferencesUrl": about.preferences_url,
        "values": dict(about.values),
        "now": to_iso(about.now),
    }


def _contact(contact: Contact, tags: Iterable[str], consents: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": show("ct", contact.id),
        "email": contact.email,
        "externalId": contact.external_id,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "phone": contact.phone,
        "timezone": contact.time_zone,
        "locale": contact.locale,
        "score": contact.score,
        "createdAt": to_iso(contact.created_at),
        "attributes": contact.attributes,
        "tags": sorted(tags),
        "consents": dict(consents),
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": show("evt", event.id),
        "type": event.type,
        "timestamp": to_iso(event.timestamp),
        "metadata": event.metadata,
        "sessionId": event.session_id,
        "pageUrl": event.page_url,
        "referrer": event.referrer,
        "utmSource": event.utm_source,
        "utmMedium": event.utm_medium,
        "utmCampaign": event.utm_campaign,
    }


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {"id": show("cmp", campaign.id), "name": campaign.name, "type": campaign.type}
