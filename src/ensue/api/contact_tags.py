"""The tags of a contact, and all tags of a workspace."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute
from ensue.api.contact_changes import BY_HAND, change
from ensue.api.contact_json import ChangedContact, contact_number
from ensue.api.context import Here
from ensue.base import bounds
from ensue.engine.contacts import changes, identity

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Contacts"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("contacts:read"))]
Writer = Annotated[Caller, Depends(allow("contacts:write"))]
TagName = Annotated[str, Path(alias="name", max_length=bounds.TAG, description="The tag's name")]


class TagOrder(Body):
    """A tag by its name; made when it is new."""

    name: Annotated[str, Field(min_length=1, max_length=bounds.TAG)]


class ShownTag(Answer):
    """A tag, and how many contacts have it."""

    name: str
    contacts: int
    created_at: ShownInstant


@router.get("/tags", summary="All tags with their counts")
async def list_tags(here: Here, caller: Reader) -> list[ShownTag]:
    """Every tag, by name."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).contact_list.tag_counts())
    return [ShownTag(name=name, contacts=count, created_at=created_at) for name, count, created_at in found]


@router.get("/contacts/{contactId}/tags", summary="The tags of a contact")
async def list_contact_tags(here: Here, caller: Reader, number: Annotated[int, Depends(contact_number)]) -> list[str]:
    """The names, in order."""
    return await here.services.ask(
        lambda tables: sorted(
            (own := tables.workspace(caller.workspace_id)).contacts.tags(identity.stored(own, number).id)
        )
    )


@router.post("/contacts/{contactId}/tags", summary="Put a tag on a contact")
async def add_tag(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], wanted: TagOrder
) -> ChangedContact:
    """Put a tag on a contact, whatever characters are in its name. Nothing happens when it is there."""
    return await change(here, caller, number, lambda subject: changes.add_tag(subject, wanted.name, BY_HAND))


@router.put("/contacts/{contactId}/tags/{name}", summary="Put a tag on a contact")
async def put_tag(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], name: TagName
) -> ChangedContact:
    """As `POST …/tags`, with the name in the path."""
    return await change(here, caller, number, lambda subject: changes.add_tag(subject, name, BY_HAND))


@router.delete("/contacts/{contactId}/tags/{name}", summary="Take a tag off a contact")
async def remove_tag(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], name: TagName
) -> ChangedContact:
    """Nothing happens when it is not there."""
    return await change(here, caller, number, lambda subject: changes.remove_tag(subject, name, BY_HAND))
