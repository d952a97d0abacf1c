"""What a contact wants to receive, as they choose it themselves."""

from typing import Final, NamedTuple

from ensue.engine.contacts import changes, identity
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.store.ports import WorkspaceTables

SOURCE: Final = "preference page"

_OFFERED: Final = ("EMAIL", "TELEGRAM", "PUSH", "SMS")
_BY_DEVICE: Final = ("TELEGRAM", "PUSH")
# PENDING waits for a yes, so it is none.
_SENT_TO: Final = ("OPTED_IN", "UNKNOWN")


class Choice(NamedTuple):
    """One channel, and whether the contact receives messages there."""

    channel: str
    wanted: bool


def choices(tables: WorkspaceTables, contact_id: int) -> list[Choice]:
    """The channels that a contact can be reached on, or has stated a wish about.

    Raises:
        NotFound: there is no such contact any more.
    """
    contact = identity.stored(tables, contact_id)
    consents = tables.contacts.consents(contact.id)
    reached = {channel for channel in _BY_DEVICE if tables.devices.of_contact(contact.id, channel)}
    if contact.email is not None:
        reached.add("EMAIL")
    return [
        Choice(channel, consents.get(channel, "UNKNOWN") in _SENT_TO)
        for channel in _OFFERED
        if channel in reached or channel in consents
    ]


def choose(room: WorkingSet, contact_id: int, wanted: frozenset[str]) -> list[Choice]:
    """Receive messages on these channels and on no other; what is not another choice stays as it is.

    Raises:
        NotFound: there is no such contact any more. Conflict: it was erased.
    """
    subject = identity.held(room, contact_id)
    offered = choices(room.tables, subject.id)
    for choice in offered:
        if choice.wanted != (choice.channel in wanted):
            status = "OPTED_OUT" if choice.wanted else "OPTED_IN"
            changes.set_consent(subject, choice.channel, status, SOURCE, Cause("CHANGE"))
    return [Choice(choice.channel, choice.channel in wanted) for choice in offered]
