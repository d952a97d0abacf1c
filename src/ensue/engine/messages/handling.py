"""What a person or a program may order of messages: send one, try one again, call one off."""

from dataclasses import dataclass

from ensue.base.errors import Conflict, NotFound, Unprocessable
from ensue.engine.contacts import identity, profile
from ensue.engine.messages.orders import Order, Recipient, Refused
from ensue.engine.messages.outbox import queue
from ensue.engine.messages.recipients import of_subject
from ensue.engine.working_set import WorkingSet
from ensue.model.message import FAILED, UNKNOWN, Message, Reason

NO_SUCH_MESSAGE = "There is no such message in this workspace."

REPLAYED_FROM = (FAILED, UNKNOWN)
"""What a message may be tried again from: it was not sent, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One message to be sent: to a contact, or to an address, whoever's it is."""

    order: Order
    contact_id: int | None = None
    address: str | None = None


def send(room: WorkingSet, sending: Sending) -> list[Message]:
    """Queue one message: one for each device, on a channel that has devices.

    An address that a contact has is that contact's message.

    Raises:
        NotFound: there is no such contact. Unprocessable: it must not be sent; the code says why.
    """
    queued = [queue(room, sending.order, recipient) for recipient in _recipients(room, sending)]
    messages = [one for one in queued if isinstance(one, Message)]
    if not messages:
        refused = next(one for one in queued if isinstance(one, Refused))
        raise Unprocessable(_SENTENCES.get(refused.reason, refused.reason), code=refused.reason.lower())
    return messages


def replay(room: WorkingSet, message_id: int) -> Message:
    """Queue a message again that was not sent, or of which nobody knows: the same one, with all tries before it.

    Raises:
        NotFound: there is no such message. Conflict: it is under way or was sent, or its contact was erased.
    """
    message = named(room, message_id)
    if message.status not in REPLAYED_FROM:
        raise Conflict(f"A message that is {message.status} is not sent again.", code="message_status")
    if message.reason == Reason.CONTACT_GONE or (message.campaign_id is not None and message.contact_id is None):
        raise Conflict("The contact is gone, and what was to be sent with it.", code="contact_gone")
    room.tables.messages.replay(message_id, REPLAYED_FROM, room.now)
    return named(room, message_id)


def cancel(room: WorkingSet, message_id: int) -> Message:
    """Call off a message that is not handed over yet.

    Raises:
        NotFound: there is no such message. Conflict: it is being handed over right now, or is over.
    """
    message = named(room, message_id)
    if message.leased or not room.tables.messages.fail(message_id, FAILED, Reason.CANCELLED, None, room.now):
        why = "being handed over right now" if message.leased else message.status
        raise Conflict(f"A message that is {why} cannot be called off.", code="message_status")
    return named(room, message_id)


def named(room: WorkingSet, message_id: int) -> Message:
    """A message by its id.

    Raises:
        NotFound: there is no such message.
    """
    message = room.tables.messages.get(message_id)
    if message is None:
        raise NotFound(NO_SUCH_MESSAGE)
    return message


def _recipients(room: WorkingSet, sending: Sending) -> list[Recipient]:
    contact_id = sending.contact_id
    if contact_id is None and sending.order.channel == "EMAIL" and sending.address is not None:
        contact_id = room.tables.contacts.id_by_email(profile.email_key(sending.address))
    if contact_id is None:
        return [Recipient(None, {}, sending.address)]
    return of_subject(identity.held(room, contact_id), sending.order.channel)


_SENTENCES = {
    Reason.NO_ADDRESS: "The contact has no address on this channel.",
    Reason.SUPPRESSED: "The address is suppressed: it bounced, its owner complained or was erased.",
    Reason.OPTED_OUT: "The contact has opted out of this channel.",
    Reason.NOT_CONFIRMED: "The contact has not confirmed this channel yet.",
}
