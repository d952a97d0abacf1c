"""Contacts: made, listed, changed, merged, and let go."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from ensue.api import contact_json
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, StrictRoute
from ensue.api.contact_changes import BY_HAND, change, recorded, shown
from ensue.api.contact_json import ChangedContact, ShownContact, contact_number
from ensue.api.contact_query import read_attributes, refuse_unknown
from ensue.api.context import Here
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.base.ids import read
from ensue.engine.contacts import changes, erase, identity, profile
from ensue.engine.contacts.merge import merge
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.effects import Effects, together
from ensue.store.ports import Tables
from ensue.store.sql.contact_list import Wanted

router = APIRouter(prefix="/api/workspaces/{workspaceId}/contacts", tags=["Contacts"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("contacts:read"))]
Writer = Annotated[Caller, Depends(allow("contacts:write"))]

TagName = Annotated[str, Field(min_length=1, max_length=bounds.TAG)]

Sort = Literal["createdAt", "updatedAt", "lastName", "email", "score"]


class ContactFields(Body):
    """What can be said of a contact. Null clears a field, what is left out stays; attributes merge name by name."""

    email: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The fields that the request names."""
        given = self.model_dump(by_alias=True, exclude_unset=True)
        given.pop("tags", None)
        return given


class NewContact(ContactFields):
    """A contact to be made or found; the tags are put on it."""

    tags: Annotated[list[TagName], Field(default_factory=list, max_length=bounds.TAGS_AT_ONCE)]


class MergeOrder(Body):
    """The contact that is to go into this one."""

    contact_id: str


class SessionOrder(Body):
    """The browser session that is this contact's."""

    session_id: Annotated[str, Field(min_length=1, max_length=bounds.TEXT)]


class Pagination(Answer):
    """Where in the list a page is."""

    page: int
    limit: int
    total: int
    total_pages: int


class ContactPage(Answer):
    """A page of contacts."""

    data: list[ShownContact]
    pagination: Pagination


@router.get("", summary="List contacts")
async def list_contacts(
    request: Request,
    here: Here,
    caller: Reader,
    search: Annotated[str | None, Query(max_length=bounds.NAME, description="Part of an address, name or id")] = None,
    email: Annotated[str | None, Query(max_length=bounds.EMAIL)] = None,
    external_id: Annotated[str | None, Query(alias="externalId", max_length=bounds.EXTERNAL_ID)] = None,
    tag: Annotated[list[str], Query(max_length=bounds.FILTERS, description="All of them")] = [],  # noqa: B006
    segment: Annotated[list[str], Query(max_length=bounds.FILTERS, description="In all of them")] = [],  # noqa: B006
    sort: Sort = "createdAt",
    order: Literal["asc", "desc"] = "desc",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, description=f"At most {bounds.PAGE_MOST}")] = bounds.PAGE_DEFAULT,
) -> ContactPage:
    """Contacts, newest first unless `sort` and `order` say otherwise.

    `attributes.<name>=<value>` keeps those whose attribute has that value: `attributes.seats=3` is the number,
    `attributes.zip="8010"` in quotes and other text is the text; `true`, `false` and `null` (missing) are themselves.
    """
    refuse_unknown(request)
    wanted = Wanted(
        search=search.strip() or None if search is not None else None,
        email_key=profile.email_key(email) if email is not None else None,
        external_id=external_id,
        tags=tag,
        segments=[read("seg", text) or 0 for text in segment],
        attributes=read_attributes(request.query_params),
        sort=sort,
        descending=order == "desc",
    )
    size = min(limit, bounds.PAGE_MOST)

    def found(tables: Tables) -> ContactPage:
        lists = tables.workspace(caller.workspace_id).contact_list
        rows, total = lists.page(wanted, (page - 1) * size, size)
        tags = lists.tags([contact.id for contact in rows])
        return ContactPage(
            data=[ShownContact(**contact_json.fields(contact, tags.get(contact.id, ()))) for contact in rows],
            pagination=Pagination(page=page, limit=size, total=total, total_pages=-(-total // size)),
        )

    return await here.services.ask(found)


@router.post("", status_code=201, summary="Create a contact")
async def create_contact(here: Here, caller: Writer, wanted: NewContact) -> ChangedContact:
    """Make a contact. It is in every segment that it belongs to when the answer comes.

    409 when the e-mail address or external id belongs to another contact, or was erased.
    """

    def created(room: WorkingSet) -> ChangedContact:
        subject, effects = changes.create(room, wanted.given(), BY_HAND)
        return shown(subject, _with_tags(subject, wanted.tags, effects))

    return await here.services.change(caller.workspace_id, created)


@router.put(
    "", summary="Create or update a contact", responses={201: {"model": ChangedContact, "description": "Created"}}
)
async def upsert_contact(here: Here, caller: Writer, wanted: NewContact, response: Response) -> ChangedContact:
    """Update the contact with this external id, else the one with this e-mail address, else create one (201).

    409 when the two belong to two contacts.
    """

    def upserted(room: WorkingSet) -> tuple[ChangedContact, bool]:
        subject, effects, created = identity.upsert(room, wanted.given(), BY_HAND)
        return shown(subject, _with_tags(subject, wanted.tags, effects)), created

    answer, created = await here.services.change(caller.workspace_id, upserted)
    response.status_code = 201 if created else 200
    return answer


@router.patch("/{contactId}", summary="Change a contact")
async def patch_contact(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], wanted: ContactFields
) -> ChangedContact:
    """Set the fields that are named. What depends on them follows at once, and is said in `effects`."""
    return await change(here, caller, number, lambda subject: changes.update(subject, wanted.given(), BY_HAND))


@router.delete("/{contactId}", status_code=204, summary="Delete a contact")
async def delete_contact(here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)]) -> None:
    """Delete a contact. Its events stay as anonymous ones, and the person may come back. To forbid that, erase."""
    await recorded(here, caller, "contact.delete", number, lambda room: erase.delete(identity.held(room, number)))


@router.post("/{contactId}/erase", status_code=204, summary="Erase a contact")
async def erase_contact(here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)]) -> None:
    """Remove everything personal for good, also from events; counts stay. The identity is refused from then on: 409."""
    await recorded(here, caller, "contact.erase", number, lambda room: erase.erase(identity.held(room, number)))


@router.post("/{contactId}/merge", summary="Merge another contact into this one")
async def merge_contact(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], wanted: MergeOrder
) -> ChangedContact:
    """This contact takes over all that the other has, and answers to its id. Doing it again changes nothing."""
    other = read("ct", wanted.contact_id)
    if other is None:
        raise NotFound("contactId: there is no such contact in this workspace.")
    answer = await recorded(here, caller, "contact.merge", number, lambda room: shown(*merge(room, number, other)))
    assert answer is not None
    return answer


@router.post("/{contactId}/identify", summary="Tie a browser session to a contact")
async def identify_contact(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], wanted: SessionOrder
) -> ChangedContact:
    """The session's anonymous events of the last 30 days become the contact's, and count. 409 when it is another's."""

    def work(subject: Subject) -> Effects:
        return identity.identify_session(subject.room, subject, wanted.session_id)

    return await change(here, caller, number, work)


def _with_tags(subject: Subject, tags: list[str], effects: Effects) -> Effects:
    return together([effects, *(changes.add_tag(subject, tag, BY_HAND) for tag in tags)])
