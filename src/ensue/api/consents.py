"""What a contact agreed to receive, channel by channel."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.contact_changes import BY_HAND, change
from ensue.api.contact_json import ChangedContact, contact_number
from ensue.api.context import Here
from ensue.base import bounds
from ensue.engine.contacts import changes, identity
from ensue.store.ports import Tables

router = APIRouter(
    prefix="/api/workspaces/{workspaceId}/contacts/{contactId}/consents", tags=["Contacts"], route_class=StrictRoute
)

Reader = Annotated[Caller, Depends(allow("contacts:read"))]
Writer = Annotated[Caller, Depends(allow("contacts:write"))]
Channel = Annotated[str, Path(alias="channel", description="EMAIL, TELEGRAM, PUSH, WEBHOOK or SMS")]


class ConsentOrder(Body):
    """What they agreed to, and where they said so."""

    status: Annotated[str, Field(description="OPTED_IN, OPTED_OUT, PENDING or UNKNOWN")]
    source: Annotated[Text, Field(max_length=bounds.CONSENT_SOURCE)] = "api"


class ShownConsent(Answer):
    """The consent on one channel."""

    channel: str
    status: str
    source: str
    updated_at: ShownInstant


@router.get("", summary="The consents of a contact")
async def list_consents(
    here: Here, caller: Reader, number: Annotated[int, Depends(contact_number)]
) -> list[ShownConsent]:
    """The channels of which something is known; the others are UNKNOWN."""

    def found(tables: Tables) -> list[ShownConsent]:
        own = tables.workspace(caller.workspace_id)
        rows = own.timeline.consents(identity.stored(own, number).id)
        return [ShownConsent(channel=row[0], status=row[1], source=row[2], updated_at=row[3]) for row in rows]

    return await here.services.ask(found)


@router.put("/{channel}", summary="Set the consent on a channel")
async def set_consent(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], channel: Channel, wanted: ConsentOrder
) -> ChangedContact:
    """Set the consent on a channel."""
    return await change(
        here,
        caller,
        number,
        lambda subject: changes.set_consent(subject, channel, wanted.status, wanted.source, BY_HAND),
    )
