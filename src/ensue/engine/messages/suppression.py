"""Addresses that get nothing any more: what their spellings have in common, and how they come onto the list."""

from typing import TYPE_CHECKING

from ensue.engine.contacts import erasures, profile
from ensue.model.suppression import Suppression

if TYPE_CHECKING:
    from ensue.engine.working_set import WorkingSet


def key_of(channel: str, address: str) -> str:
    """What the spellings of one address have in common."""
    return profile.email_key(address) if channel == "EMAIL" else address.strip()


def suppressed(room: "WorkingSet", channel: str, address: str) -> bool:
    """Whether an address gets nothing on a channel: it is on the list, or its owner was erased."""
    key = key_of(channel, address)
    return room.tables.suppressions.has(channel, key) or (channel == "EMAIL" and erasures.erased(room, "email", key))


def suppress(
    room: "WorkingSet", channel: str, address: str, reason: str, note: str | None = None, message_id: int | None = None
) -> tuple[Suppression, bool]:
    """Put an address on the list: (how it stands there, whether it is new). What stood there before stays."""
    key = key_of(channel, address)
    known = room.tables.suppressions.find(channel, key)
    if known is not None:
        return known, False
    suppression = Suppression(room.ids.next(), channel, address.strip(), reason, note, message_id, room.now)
    room.tables.suppressions.add(suppression, key)
    return suppression, True
