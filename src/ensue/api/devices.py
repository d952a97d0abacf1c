"""Where a contact can be reached beside the e-mail address: chats and push subscriptions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.contact_json import contact_number
from ensue.api.context import Here
from ensue.base import ids
from ensue.base.errors import NotFound
from ensue.engine.contacts import identity
from ensue.engine.working_set import WorkingSet
from ensue.model.message import Device
from ensue.store.ports import Tables

router = APIRouter(
    prefix="/api/workspaces/{workspaceId}/contacts/{contactId}/devices", tags=["Contacts"], route_class=StrictRoute
)

# The keys of a subscription are nobody's but the sender's.
_HIDDEN = frozenset({"p256dh", "auth"})


class ShownDevice(Answer):
    """A chat or a subscription. `goneAt`: since then nothing reaches it (the bot was blocked, the browser is gone)."""

    id: str
    channel: str
    address: str
    detail: dict[str, Any]
    created_at: ShownInstant
    gone_at: ShownInstant | None


@router.get("", summary="The devices of a contact")
async def list_devices(
    here: Here,
    caller: Annotated[Caller, Depends(allow("contacts:read"))],
    number: Annotated[int, Depends(contact_number)],
) -> list[ShownDevice]:
    """All of them, newest first, those that are gone too."""

    def found(tables: Tables) -> list[ShownDevice]:
        own = tables.workspace(caller.workspace_id)
        return [_shown(device) for device in own.devices.all_of(identity.stored(own, number).id)]

    return await here.services.ask(found)


@router.delete("/{deviceId}", status_code=204, summary="Forget a device")
async def forget_device(
    here: Here,
    caller: Annotated[Caller, Depends(allow("contacts:write"))],
    number: Annotated[int, Depends(contact_number)],
    device_id: Annotated[str, Path(alias="deviceId")],
) -> None:
    """Send nothing there any more. A chat comes back with its next message, a browser when it subscribes again."""

    def work(room: WorkingSet) -> None:
        contact = identity.held(room, number)
        for device in room.tables.devices.all_of(contact.id):
            if ids.show("dev", device.id) == device_id:
                room.tables.devices.remove(device.channel, device.address)
                return
        raise NotFound("There is no such device.")

    await here.services.change(caller.workspace_id, work)


def _shown(device: Device) -> ShownDevice:
    return ShownDevice(
        id=ids.show("dev", device.id),
        channel=device.channel,
        address=device.address,
        detail={name: value for name, value in device.detail.items() if name not in _HIDDEN},
        created_at=device.created_at,
        gone_at=device.gone_at,
    )
