"""Where a contact is reached on a channel: an address of its own, or its devices."""

from typing import TYPE_CHECKING

from ensue.engine.messages.orders import Recipient
from ensue.model.contact import Contact
from ensue.model.message import Message
from ensue.store.ports import WorkspaceTables

if TYPE_CHECKING:
    from ensue.engine.subject import Subject

_BY_DEVICE = ("TELEGRAM", "PUSH")
# A chat is one conversation, wherever it is read; a push goes to every device.
_EVERY_DEVICE = ("PUSH",)


def of_subject(subject: "Subject", channel: str) -> list[Recipient]:
    """To whom a message to a contact goes; at least one, which has no address when the contact has none."""
    contact = subject.contact
    if channel not in _BY_DEVICE:
        return [Recipient(contact, subject.consents, contact.email if channel == "EMAIL" else None)]
    devices = subject.room.tables.devices.of_contact(contact.id, channel)
    if not devices:
        return [Recipient(contact, subject.consents, None)]
    reached = devices if channel in _EVERY_DEVICE else devices[:1]
    return [Recipient(contact, subject.consents, device.address) for device in reached]


def of_message(tables: WorkspaceTables, message: Message) -> Recipient:
    """To whom a queued message goes now: the contact may have moved since, or be gone."""
    if message.contact_id is None:
        return Recipient(None, {}, message.address)
    contact = tables.contacts.get(message.contact_id)
    if contact is None:
        return Recipient(None, {}, None)
    consents = dict(tables.contacts.consents(contact.id))
    return Recipient(contact, consents, _address(tables, message, contact))


def _address(tables: WorkspaceTables, message: Message, contact: Contact) -> str | None:
    if message.channel == "EMAIL":
        return contact.email
    if message.channel not in _BY_DEVICE or message.address is None:
        return message.address
    device = tables.devices.by_address(message.channel, message.address)
    return message.address if device is not None and device.gone_at is None else None
