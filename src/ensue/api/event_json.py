"""An event as JSON text. Written by hand because it is on the path of every request: metadata is spliced in as stored."""

from ensue.base.clock import to_iso
from ensue.base.ids import show
from ensue.base.json import encode_text
from ensue.engine.arrival import Created
from ensue.model.effects import ContactCard, Effects
from ensue.model.event import Event

_NOTHING_ELSE = '},"segments":{"entered":[],"exited":[]},"campaigns":{"enrolled":[],"skipped":[]}}'


def created(outcome: Created) -> str:
    """The created event with its effects."""
    return event(outcome.event, outcome.metadata_text, outcome.contact)[:-1] + f',"effects":{effects(outcome.effects)}}}'


def event(e: Event, metadata_text: str | None, contact: ContactCard | None) -> str:
    """An event as lists show it."""
    timestamp = to_iso(e.timestamp)
    received = timestamp if e.received_at == e.timestamp else to_iso(e.received_at)
    return (
        f'{{"id":"{show("evt", e.id)}","type":{encode_text(e.type)},"metadata":{metadata_text or "{}"},'
        f'"timestamp":"{timestamp}",{card(contact)},"sessionId":{encode_text(e.session_id)},'
        f'"pageUrl":{encode_text(e.page_url)},"referrer":{encode_text(e.referrer)},'
        f'"utmSource":{encode_text(e.utm_source)},"utmMedium":{encode_text(e.utm_medium)},'
        f'"utmCampaign":{encode_text(e.utm_campaign)},"receivedAt":"{received}","source":{encode_text(e.source)}}}'
    )


def card(contact: ContactCard | None) -> str:
    """`"contact":…,"contactId":…` of an event."""
    if contact is None:
        return '"contact":null,"contactId":null'
    contact_id = show("ct", contact.id)
    return (
        f'"contact":{{"id":"{contact_id}","email":{encode_text(contact.email)},'
        f'"firstName":{encode_text(contact.first_name)},"lastName":{encode_text(contact.last_name)}}},'
        f'"contactId":"{contact_id}"'
    )


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
