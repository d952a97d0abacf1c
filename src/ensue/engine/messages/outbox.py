"""Queueing a message, in the transaction of what wants it sent."""

from typing import TYPE_CHECKING

import msgspec

from ensue.engine.contacts import profile
from ensue.engine.messages.admission import decide
from ensue.engine.messages.orders import NOBODYS, Admitted, Held, Order, Origin, Recipient, Refused
from ensue.model.message import QUEUED, Message

if TYPE_CHECKING:
    from ensue.engine.working_set import WorkingSet


def queue(room: "WorkingSet", order: Order, recipient: Recipient, origin: Origin = NOBODYS) -> Message | Refused:
    """Queue a message, to be sent once this transaction is durable, or say why it must not be sent."""
    message = Message(
        id=room.ids.next(),
        channel=order.channel,
        kind=order.kind,
        status=QUEUED,
        created_at=room.now,
        updated_at=room.now,
        contact_id=recipient.contact.id if recipient.contact is not None else None,
        address=_address(order, recipient),
        template_id=order.template_id,
        template_version=order.template_version,
        content=order.content,
        values=order.values,
        rendered=order.rendered,
        campaign_id=origin.campaign_id,
        version=origin.version,
        enrolment_id=origin.enrolment_id,
        node_id=origin.node_id,
        event_id=origin.event_id,
        due_at=room.now,
    )
    match decide(room, message, recipient):
        case Refused() as refused:
            return refused
        case Held(until, reason):
            message = msgspec.structs.replace(message, due_at=until, reason=reason)
        case Admitted():
            pass
    room.messages.append(message)
    return message


def _address(order: Order, recipient: Recipient) -> str | None:
    """Where to. An address that is nobody's is kept in ASCII: by that it is found when its owner is erased."""
    if recipient.address is None or recipient.contact is not None or order.channel != "EMAIL":
        return recipient.address
    return profile.in_ascii_domain(recipient.address.strip())
