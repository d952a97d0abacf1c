"""What people and machines do with a message that they have: opened, a link followed, unsubscribed.

What a person does is an event, once for each message (and link), stored as any event is with all that follows; what
comes later is counted. What a machine does is only counted. The status of the message goes forward alone, and a click
implies an open: also when no image was ever shown, the message has been opened then.
"""

from hashlib import blake2b
from typing import Any

from ensue.base import json
from ensue.base.ids import show
from ensue.engine import timers
from ensue.engine.arrival import Arrival, Created
from ensue.engine.contacts import changes
from ensue.engine.ingest import ingest
from ensue.engine.messages import suppression
from ensue.engine.messages.machines import Visit, followed_by_machine, opened_by_machine
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.message import CLICKED, OPENED, UNSUBSCRIBED
from ensue.model.suppression import MANUAL
from ensue.store.ports import Reached

OPEN = "message.open"
CLICK = "message.click"
UNSUBSCRIBE = "message.unsubscribe"

SOURCE = "message"


def opened(room: WorkingSet, message_id: int, visit: Visit) -> None:
    """The pixel of a message was fetched."""
    message = room.tables.message_links.message(message_id)
    if message is None:
        return
    if opened_by_machine(visit, _sent_at(message)):
        room.tables.message_links.count(message_id, "machine_opens")
        return
    hold(room, message)
    _first_open(room, message, visit.at)
    room.tables.message_links.count(message_id, "opens")


def clicked(room: WorkingSet, message_id: int, number: int, visit: Visit) -> None:
    """A link of a message was followed."""
    links = room.tables.message_links
    message, target = links.message(message_id), links.target(message_id, number)
    if message is None or target is None:
        return
    if followed_by_machine(visit, _sent_at(message)):
        links.count(message_id, "machine_clicks")
        links.count_click(message_id, number, "machine_clicks")
        return
    hold(room, message)
    if _first_open(room, message, visit.at):
        links.count(message_id, "opens")
    links.count(message_id, "clicks")
    links.count_click(message_id, number, "clicks")
    links.note_first(message_id, "clicked_at", visit.at)
    room.tables.messages.advance(message_id, CLICKED, visit.at)
    record(room, message, CLICK, visit.at, {"url": target, "linkId": str(number)}, of=str(number))


def unsubscribed(room: WorkingSet, message_id: int, contact_id: int, at: int, source: str) -> None:
    """Somebody leaves the channel of a message, now.

    `source` says where they said so, as consents keep it. When the message is no contact's, or that of one who was
    deleted, its address is suppressed: whoever comes back with it has said that they want nothing.
    """
    message = room.tables.message_links.message(message_id)
    channel = message.channel if message is not None else "EMAIL"
    subject = room.subject(contact_id) if contact_id else None
    if subject is not None:
        timers.advance(subject, room.now)
        changes.set_consent(subject, channel, "OPTED_OUT", source, Cause("CHANGE"))
    elif message is not None and message.address is not None:
        suppression.suppress(room, channel, message.address, MANUAL, source, message_id)
    if message is not None:
        room.tables.messages.advance(message_id, UNSUBSCRIBED, at)
        record(room, message, UNSUBSCRIBE, at, {"channel": channel})


def hold(room: WorkingSet, message: Reached) -> None:
    """Hold the contact of a message before the message is written: in one order, so that no two wait for each other."""
    if message.contact_id is not None:
        room.subject(message.contact_id)


def record(room: WorkingSet, message: Reached, kind: str, at: int, metadata: dict[str, Any], *, of: str = "") -> bool:
    """Store what happened to a message as an event of its contact, once for each kind and `of`; False when it was.

    There is none of somebody who is gone: what is only counted says nothing of anybody.
    """
    if message.contact_id is None:
        return False
    campaign = show("cmp", message.campaign_id) if message.campaign_id is not None else None
    metadata = {"messageId": show("msg", message.id), "campaignId": campaign, **metadata}
    arrival = Arrival(
        workspace_id=room.tables.workspace_id,
        type=kind,
        received_at=at,
        contact_id=message.contact_id,
        timestamp=at,
        metadata=metadata,
        metadata_text=json.encode_text(metadata),
        source=SOURCE,
        key=_key(kind, message.id, of),
    )
    (outcome,) = ingest(room, [arrival])
    return isinstance(outcome, Created) and not outcome.replayed


def _first_open(room: WorkingSet, message: Reached, at: int) -> bool:
    """Store that a message was opened, unless that is known; whether it is news."""
    room.tables.message_links.note_first(message.id, "opened_at", at)
    room.tables.messages.advance(message.id, OPENED, at)
    return record(room, message, OPEN, at, {"channel": message.channel})


def _sent_at(message: Reached) -> int | None:
    """Since when somebody may have it. One that was never reported as sent may be read all the same."""
    return message.sent_at if message.sent_at is not None else message.handed_at


def _key(kind: str, message_id: int, of: str) -> bytes:
    """The idempotency key: no key that is sent from outside is hashed like this."""
    return blake2b(f"{kind}:{message_id}:{of}".encode(), digest_size=16, person=b"of a message").digest()
