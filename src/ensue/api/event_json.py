"""An event as JSON text. Written by hand because it is on the path of every request: metadata is spliced in as stored.

What needs escaping is encoded record by record, since each call of the encoder costs more than what it encodes.
"""

from functools import lru_cache

import msgspec

from ensue.base.clock import to_iso
from ensue.base.ids import show
from ensue.base.json import encode_text
from ensue.engine.arrival import Created
from ensue.model.effects import ContactCard, Effects
from ensue.model.event import Event
from ensue.store.ports import Row


class _Card(msgspec.Struct, rename="camel", gc=False):
    id: str
    email: str | None
    first_name: str | None
    last_name: str | None


class _Origin(msgspec.Struct, rename="camel", gc=False):
    """Where an event came from."""

    session_id: str | None
    page_url: str | None
    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None


_NOTHING_ELSE = '},"segments":{"entered":[],"exited":[]},"campaigns":{"enrolled":[],"skipped":[]}}'


def created(outcome: Created) -> str:
    """The created event with its effects."""
    shown = event(outcome.event, outcome.metadata_text, card(outcome.contact))
    return f'{shown[:-1]},"effects":{effects(outcome.effects)}}}'


def event(e: Event, metadata_text: str | None, contact: str) -> str:
    """An event as lists show it; `contact` is what `card` says of its contact."""
    origin = (e.session_id, e.page_url, e.referrer, e.utm_source, e.utm_medium, e.utm_campaign)
    return _event(e.id, e.type, e.timestamp, e.received_at, metadata_text, contact, origin, e.source)


def listed(row: Row, contact: str) -> str:
    """The same of a row of `EventLog.page`."""
    return _event(row[0], row[1], row[2], row[3], row[5], contact, row[6:12], row[12])


def _event(
    event_id: int,
    event_type: str,
    timestamp: int,
    received_at: int,
    metadata_text: str | None,
    contact: str,
    origin: tuple[str | None, ...],
    source: str,
) -> str:
    happened = to_iso(timestamp)
    received = happened if received_at == timestamp else to_iso(received_at)
    return (
        f'{{"id":"{show("evt", event_id)}","type":{encode_text(event_type)},"metadata":{metadata_text or "{}"},'
        f'"timestamp":"{happened}",{contact},{_origin(*origin)},"receivedAt":"{received}","source":"{source}"}}'
    )


# The events of one page, or of one visitor, mostly come from the same place.
@lru_cache(1_024)
def _origin(*fields: str | None) -> str:
    return encode_text(_Origin(*fields))[1:-1]


def card(contact: ContactCard | None) -> str:
    """`"contact":…,"contactId":…` of an event."""
    if contact is None:
        return '"contact":null,"contactId":null'
    contact_id = show("ct", contact.id)
    shown = encode_text(_Card(contact_id, contact.email, contact.first_name, contact.last_name))
    return f'"contact":{shown},"contactId":"{contact_id}"'


def effects(e: Effects) -> str:
    """What followed from an event."""
    entries = ",".join(f'{{"ruleId":"{show("sr", n.rule_id)}","delta":{n.delta}}}' for n in e.entries)
    score = f'{{"score":{{"before":{encode_text(e.before)},"after":{encode_text(e.after)},"entries":[{entries}]'
    if not (e.entered or e.exited or e.enrolled or e.skipped):
        return score + _NOTHING_ELSE
    entered, exited = (
        ",".join(f'{{"id":"{show("seg", s.segment_id)}","name":{encode_text(s.name)}}}' for s in changes)
        for changes in (e.entered, e.exited)
    )
    enrolled = ",".join(
        f'{{"id":"{show("cmp", c.campaign_id)}","name":{encode_text(c.name)},'
        f'"enrollmentId":"{show("enr", c.enrolment_id)}"}}'
        for c in e.enrolled
    )
    skipped = ",".join(
        f'{{"id":"{show("cmp", c.campaign_id)}","name":{encode_text(c.name)},"reason":"{c.reason}"}}' for c in e.skipped
    )
    return (
        f'{score}}},"segments":{{"entered":[{entered}],"exited":[{exited}]}},'
        f'"campaigns":{{"enrolled":[{enrolled}],"skipped":[{skipped}]}}}}'
    )
