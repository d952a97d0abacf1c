"""Who is in a segment, who was, since when and why; and the lists that are kept by hand."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.api.paging import PageNumber, PageSize, Place, place
from ensue.api.segment_json import Card, Cause, Stay, card, cause, contact_id, segment_id, stay
from ensue.api.segments import Reader, Writer
from ensue.base import bounds
from ensue.base.clock import from_iso
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.contacts import changes, identity
from ensue.engine.segments.editing import NO_SUCH_SEGMENT
from ensue.engine.view import View, view
from ensue.engine.working_set import WorkingSet
from ensue.model import cause as model
from ensue.model.segment import Membership, Segment
from ensue.rules.describe import describe
from ensue.rules.explain import explain
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Segments"], route_class=StrictRoute)

ContactReader = Annotated[Caller, Depends(allow("contacts:read"))]


class Listed(Body):
    """Contacts to be put on a list, or taken off."""

    contact_ids: Annotated[list[str], Field(min_length=1, max_length=bounds.PAGE_MOST)]


class Changed(Answer):
    """How many contacts were put on the list or taken off; the others were, or were not, on it already."""

    changed: int
    total_members: int


class Member(Answer):
    """Somebody who is in a segment, or was; `contact` is null for one who is gone."""

    contact: Card | None
    stay: Stay


class Members(Answer):
    """A page of members."""

    data: list[Member]
    pagination: Place


class MembersAt(Members):
    """Who was in a segment at an instant."""

    at: ShownInstant
    total_members: int


class Stays(Answer):
    """A page of a contact's stays, latest entered first."""

    data: list[Stay]
    pagination: Place


class Explanation(Answer):
    """Why somebody is in a segment, or is not. `tree` has each condition with what was observed and what is needed.

    `since` and `cause` are of the present stay; `flipsAt` is when time alone may change the answer next.
    """

    segment_id: str
    contact_id: str
    version: int
    member: bool
    since: ShownInstant | None
    cause: Cause | None
    holds: bool | None
    flips_at: ShownInstant | None
    sentence: str | None
    tree: dict[str, Any] | None


@router.get("/segments/{segmentId}/members", summary="Who is in a segment")
async def list_members(
    here: Here,
    caller: Reader,
    segment: Annotated[str, Path(alias="segmentId")],
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> Members:
    """By contact, oldest contact first."""
    number, limit = segment_id(segment), min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> Members:
        own = tables.workspace(caller.workspace_id)
        _known(own, number)
        total, stays = own.memberships.page(number, (page - 1) * limit, limit)
        return Members(data=_members(own, stays), pagination=place(page, limit, total))

    return await here.services.ask(question)


@router.post("/segments/{segmentId}/members", summary="Put contacts on a STATIC segment's list")
async def add_members(
    here: Here, caller: Writer, segment: Annotated[str, Path(alias="segmentId")], body: Listed
) -> Changed:
    """All of them, or none when one does not exist."""
    return await _set_members(here, caller, segment, body, member=True)


@router.delete("/segments/{segmentId}/members", summary="Take contacts off a STATIC segment's list")
async def remove_members(
    here: Here, caller: Writer, segment: Annotated[str, Path(alias="segmentId")], body: Listed
) -> Changed:
    """All of them, or none when one does not exist."""
    return await _set_members(here, caller, segment, body, member=False)


@router.get("/segments/{segmentId}/history", summary="Who was in a segment at an instant")
async def get_history(
    here: Here,
    caller: Reader,
    segment: Annotated[str, Path(alias="segmentId")],
    at: Annotated[str, Query(description="ISO-8601 with an offset")],
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> MembersAt:
    """By contact, with the stay that covered the instant. A segment that was deleted since still answers."""
    number, limit = segment_id(segment), min(limit, bounds.PAGE_MOST)
    try:
        instant = from_iso(at)
    except ValueError as error:
        raise Invalid.at("at", f"is {error}") from None

    def question(tables: Tables) -> MembersAt:
        own = tables.workspace(caller.workspace_id)
        if not own.definitions.segment_versions(number):
            raise NotFound(NO_SUCH_SEGMENT)
        total, stays = own.memberships.page_at(number, instant, (page - 1) * limit, limit)
        where = place(page, limit, total)
        return MembersAt(at=instant, total_members=total, data=_members(own, stays), pagination=where)

    return await here.services.ask(question)


@router.get("/segments/{segmentId}/explain", summary="Why somebody is in a segment, or is not")
async def explain_member(
    here: Here,
    caller: Reader,
    segment: Annotated[str, Path(alias="segmentId")],
    contact: Annotated[str, Query(alias="contactId")],
) -> Explanation:
    """The rules as a tree, each condition with its truth, what it saw, the events that prove it, and its horizon."""
    number, who = segment_id(segment), contact_id(contact)

    def question(tables: Tables) -> Explanation:
        return _explain(view(tables, caller.workspace_id, here.ids), number, who)

    return await here.services.ask(question)


@router.get("/contacts/{contactId}/memberships", summary="Which segments a contact is in, and was")
async def list_memberships(
    here: Here,
    caller: ContactReader,
    contact: Annotated[str, Path(alias="contactId")],
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> Stays:
    """Every stay with its causes."""
    who, limit = contact_id(contact), min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> Stays:
        own = tables.workspace(caller.workspace_id)
        found = own.populations.contacts([who]) or own.populations.contacts([own.contacts.survivor(who) or 0])
        if not found:
            raise NotFound("There is no such contact in this workspace.")
        total, stays = own.memberships.of_contact(found[0].id, (page - 1) * limit, limit)
        return Stays(data=[stay(membership) for membership in stays], pagination=place(page, limit, total))

    return await here.services.ask(question)


async def _set_members(here: Here, caller: Caller, segment: str, body: Listed, *, member: bool) -> Changed:
    number = segment_id(segment)

    def change(room: WorkingSet) -> int:
        by_hand = model.Cause("MANUAL")
        changed = 0
        for at, text in enumerate(body.contact_ids):
            who = read("ct", text)
            subject = room.subject(who) if who is not None else None
            if subject is None:
                raise Invalid.at(f"contactIds[{at}]", "is no contact of this workspace", code="unknown_contact")
            subject = identity.held(room, subject.id)
            effects = changes.set_static(subject, number, member, by_hand)
            changed += any(found.segment_id == number for found in (*effects.entered, *effects.exited))
        return changed

    changed = await here.services.change(caller.workspace_id, change)
    total, _ = await here.services.ask(
        lambda tables: tables.workspace(caller.workspace_id).memberships.page(number, 0, 0)
    )
    return Changed(changed=changed, total_members=total)


def _explain(seen: View, number: int, who: int) -> Explanation:
    compiled = seen.definitions.segments.get(number)
    if compiled is None:
        raise NotFound(NO_SUCH_SEGMENT)
    subject = seen.look_at(who)
    if subject is None:
        raise NotFound("There is no such contact in this workspace.")
    subject.as_of = max(subject.as_of, seen.now)
    rule, now = compiled.rule, subject.as_of
    verdict = rule.evaluate(subject, now) if rule is not None else None
    present = seen.tables.memberships.stay(number, subject.id)
    return Explanation(
        segment_id=show("seg", number),
        contact_id=show("ct", subject.id),
        version=compiled.segment.version,
        member=present is not None,
        since=present.entered_at if present is not None else None,
        cause=cause(present.entered_by) if present is not None else None,
        holds=verdict.holds if verdict is not None else None,
        flips_at=verdict.flips_at if verdict is not None else None,
        sentence=describe(rule) if rule is not None else None,
        tree=explain(rule, subject, now) if rule is not None else None,
    )


def _known(tables: WorkspaceTables, number: int) -> Segment:
    found = tables.definitions.segment(number)
    if found is None:
        raise NotFound(NO_SUCH_SEGMENT)
    return found


def _members(tables: WorkspaceTables, stays: list[Membership]) -> list[Member]:
    found = {contact.id: contact for contact in tables.populations.contacts([s.contact_id for s in stays])}
    return [Member(contact=card(found[s.contact_id]) if s.contact_id in found else None, stay=stay(s)) for s in stays]
