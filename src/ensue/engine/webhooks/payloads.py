"""What is told, in the very shapes that the API shows; `tests/api` holds the two together."""

from typing import Any

import msgspec

from ensue.base.clock import to_iso
from ensue.base.ids import show
from ensue.engine.subject import Subject
from ensue.model.contact import Contact
from ensue.model.effects import ContactCard, Effects
from ensue.model.event import Event
from ensue.model.message import Message

Shape = dict[str, Any]

_PREFIXES = {"EVENT": "evt", "BACKFILL": "bf", "CAMPAIGN": "enr", "MERGE": "ct"}


def body(delivery_id: int, kind: str, at: int, workspace_id: int, data: str) -> str:
    """The JSON text that is sent; `data` is JSON text."""
    head = {
        "id": show("whd", delivery_id),
        "type": kind,
        "timestamp": to_iso(at),
        "workspaceId": show("ws", workspace_id),
    }
    return f'{msgspec.json.encode(head).decode()[:-1]},"data":{data}}}'


def contact(subject: Subject) -> Shape:
    """A contact as it is now."""
    return _contact(subject.contact, subject.score, sorted(subject.tags))


def _contact(c: Contact, score: int, tags: list[str]) -> Shape:
    return {
        "id": show("ct", c.id),
        "email": c.email,
        "firstName": c.first_name,
        "lastName": c.last_name,
        "phone": c.phone,
        "externalId": c.external_id,
        "timezone": c.time_zone,
        "locale": c.locale,
        "attributes": c.attributes,
        "score": score,
        "tags": tags,
        "createdAt": to_iso(c.created_at),
        "updatedAt": to_iso(c.updated_at),
    }


def event(e: Event, metadata_text: str | None, card: ContactCard | None, followed: Effects) -> Shape:
    """An event with what followed from it."""
    metadata = msgspec.Raw(metadata_text.encode()) if metadata_text else {}
    return {
        "id": show("evt", e.id),
        "type": e.type,
        "metadata": metadata,
        "timestamp": to_iso(e.timestamp),
        "contact": _card(card) if card is not None else None,
        "contactId": show("ct", card.id) if card is not None else None,
        "sessionId": e.session_id,
        "pageUrl": e.page_url,
        "referrer": e.referrer,
        "utmSource": e.utm_source,
        "utmMedium": e.utm_medium,
        "utmCampaign": e.utm_campaign,
        "receivedAt": to_iso(e.received_at),
        "source": e.source,
        "effects": effects(followed),
    }


def message(m: Message) -> Shape:
    """A message as lists show it. Where it went to is told of contacts alone: what is theirs can be erased."""
    texts = (m.rendered or {}) if m.contact_id is not None else {}
    return {
        "id": show("msg", m.id),
        "channel": m.channel,
        "kind": m.kind,
        "status": m.status,
        "reason": m.reason,
        "detail": m.detail,
        "contactId": _id("ct", m.contact_id),
        "to": m.address if m.contact_id is not None else None,
        "subject": texts.get("subject") or texts.get("title"),
        "templateId": _id("tpl", m.template_id),
        "templateVersion": m.template_version,
        "campaignId": _id("cmp", m.campaign_id),
        "enrollmentId": _id("enr", m.enrolment_id),
        "nodeId": m.node_id,
        "eventId": _id("evt", m.event_id),
        "attempts": m.attempt,
        "nextAt": _time(m.due_at),
        "createdAt": to_iso(m.created_at),
        "sentAt": _time(m.sent_at),
        "deliveredAt": _time(m.delivered_at),
        "openedAt": _time(m.opened_at),
        "clickedAt": _time(m.clicked_at),
    }


def effects(e: Effects) -> Shape:
    """What followed."""
    return {
        "score": {
            "before": e.before,
            "after": e.after,
            "entries": [{"ruleId": show("sr", entry.rule_id), "delta": entry.delta} for entry in e.entries],
        },
        "segments": {
            "entered": [named("seg", s.segment_id, s.name) for s in e.entered],
            "exited": [named("seg", s.segment_id, s.name) for s in e.exited],
        },
        "campaigns": {
            "enrolled": [
                named("cmp", c.campaign_id, c.name) | {"enrollmentId": show("enr", c.enrolment_id)} for c in e.enrolled
            ],
            "skipped": [named("cmp", c.campaign_id, c.name) | {"reason": c.reason} for c in e.skipped],
        },
    }


def named(prefix: str, number: int, name: str) -> Shape:
    """Something by its id and name."""
    return {"id": show(prefix, number), "name": name}


def cause(kind: str, number: int | None) -> Shape:
    """Why something changed, as stays and timelines say it."""
    prefix = _PREFIXES.get(kind)
    return {"kind": kind, "id": show(prefix, number) if prefix and number is not None else None}


def _id(prefix: str, number: int | None) -> str | None:
    return show(prefix, number) if number is not None else None


def _time(instant: int | None) -> str | None:
    return to_iso(instant) if instant is not None else None


def _card(c: ContactCard) -> Shape:
    return {"id": show("ct", c.id), "email": c.email, "firstName": c.first_name, "lastName": c.last_name}
