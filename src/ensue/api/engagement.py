"""What was done with a message that was sent: opens and clicks, of people and of machines."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.base.errors import NotFound
from ensue.base.ids import read
from ensue.store.ports import Tables

router = APIRouter(
    prefix="/api/workspaces/{workspaceId}/messages/{messageId}/engagement", tags=["Messages"], route_class=StrictRoute
)


class ShownLink(Answer):
    """One link of a message. `linkId` is that of its `message.click` events."""

    link_id: str
    url: str
    clicks: int
    machine_clicks: int


class ShownEngagement(Answer):
    """How often a message was opened and its links were followed; the instants are those of the first by a person."""

    opens: int
    machine_opens: int
    clicks: int
    machine_clicks: int
    opened_at: ShownInstant | None
    clicked_at: ShownInstant | None
    links: list[ShownLink]


@router.get("", summary="Opens and clicks of a message")
async def get_engagement(
    here: Here,
    caller: Annotated[Caller, Depends(allow("messages:read"))],
    message_id: Annotated[str, Path(alias="messageId")],
) -> ShownEngagement:
    """Counted since it was sent; what machines did is counted apart."""
    number = read("msg", message_id)

    def found(tables: Tables) -> ShownEngagement:
        own = tables.workspace(caller.workspace_id)
        message = own.messages.get(number) if number is not None else None
        if message is None:
            raise NotFound("There is no such message in this workspace.")
        links = [
            ShownLink(link_id=str(link.number), url=link.target, clicks=link.clicks, machine_clicks=link.machine_clicks)
            for link in own.message_links.of_message(message.id)
        ]
        return ShownEngagement(
            **own.message_links.engagement(message.id)._asdict(),
            opened_at=message.opened_at,
            clicked_at=message.clicked_at,
            links=links,
        )

    return await here.services.ask(found)
