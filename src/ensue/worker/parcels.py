"""A leased message as its channel wants it."""

import msgspec

from ensue.base.ids import show
from ensue.channels.channel import Parcel
from ensue.model.message import Message
from ensue.model.template import Rendered
from ensue.worker.composition import Batch


def parcel_of(message: Message, workspace_id: int, batch: Batch) -> Parcel:
    """What is handed over."""
    return Parcel(
        message_id=show("msg", message.id),
        workspace_id=workspace_id,
        channel=message.channel,
        address=message.address or "",
        content=msgspec.convert(message.rendered, Rendered),
        settings=batch.settings,
        attempt=message.attempt,
        detail=batch.details.get(message.id, {}),
        headers=batch.headers.get(message.id, {}),
    )
