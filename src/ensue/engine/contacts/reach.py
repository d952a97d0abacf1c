"""Where a person can be reached: chats and push subscriptions, of a session first, of the contact once it is known."""

from typing import Any

import msgspec

from ensue.base import bounds
from ensue.engine.working_set import WorkingSet
from ensue.model.message import Device


def reachable(room: WorkingSet, key: str, channel: str, address: str, detail: dict[str, Any]) -> bool:
    """Keep that whoever's session this is can be reached at an address.

    True when it is a contact's device now; False while the session is anonymous: then it waits until it is not.
    """
    session_id, contact_id = room.session(key)
    if contact_id is None:
        room.tables.visitor_devices.put(room.ids.next(), session_id, channel, address, detail, room.now)
        return False
    reaches(room, contact_id, channel, address, detail)
    return True


def reaches(room: WorkingSet, contact_id: int, channel: str, address: str, detail: dict[str, Any]) -> None:
    """Keep that an address reaches a contact, and nobody else."""
    room.tables.visitor_devices.remove(channel, address)
    known = room.tables.devices.by_address(channel, address)
    if known is None:
        device = Device(room.ids.next(), contact_id, channel, address, detail, room.now)
    else:
        device = msgspec.structs.replace(known, contact_id=contact_id, detail=detail, gone_at=None)
    if device != known:
        _keep(room, device)


def adopt(room: WorkingSet, session_id: int, contact_id: int) -> None:
    """Make the devices of a session those of the contact whose session it has turned out to be."""
    for number, channel, address, detail, at in room.tables.visitor_devices.take(session_id):
        _keep(room, Device(number, contact_id, channel, address, detail, at))


def _keep(room: WorkingSet, device: Device) -> None:
    room.tables.devices.put(device)
    for surplus in room.tables.devices.of_contact(device.contact_id, device.channel)[bounds.DEVICES :]:
        room.tables.devices.gone(surplus.channel, surplus.address, room.now)
