"""The suppression list: addresses that get nothing any more, whatever their owner agreed to."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.context import Here
from ensue.api.paging import PageNumber, PageSize, Place, place
from ensue.base import bounds
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.contacts import profile
from ensue.engine.messages import suppression
from ensue.model.suppression import MANUAL, Suppression
from ensue.store.ports import Tables
from ensue.store.sql.suppressions import Wanted

router = APIRouter(prefix="/api/workspaces/{workspaceId}/suppressions", tags=["Suppressions"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("messages:read"))]
Writer = Annotated[Caller, Depends(allow("messages:write"))]

Channel = Literal["EMAIL", "TELEGRAM", "PUSH", "SMS", "WEBHOOK"]
Reason = Literal["HARD_BOUNCE", "COMPLAINT", "MANUAL"]


_NONE = "There is no such suppression in this workspace."


Note = Annotated[str, Field(max_length=bounds.SUPPRESSION_NOTE)]


class NewSuppression(Body):
    """An address that is to get nothing any more."""

    address: Annotated[Text, Field(max_length=bounds.TEXT)]
    channel: Channel = "EMAIL"
    reason: Reason = MANUAL
    note: Note | None = None


class SuppressionChange(Body):
    """Another note."""

    note: Note | None


class ShownSuppression(Answer):
    """One address. `messageId` is the message whose bounce or complaint brought it here."""

    id: str
    channel: str
    address: str
    reason: str
    note: str | None
    message_id: str | None
    created_at: ShownInstant


class SuppressionPage(Answer):
    """A page of the list."""

    data: list[ShownSuppression]
    pagination: Place


@router.get("", summary="The suppression list")
async def list_suppressions(
    here: Here,
    caller: Reader,
    search: Annotated[str | None, Query(max_length=bounds.NAME, description="Part of an address")] = None,
    channel: Channel | None = None,
    reason: Reason | None = None,
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> SuppressionPage:
    """Newest first."""
    size = min(limit, bounds.PAGE_MOST)
    part = profile.email_key(search) if search is not None else None
    wanted = Wanted(channel, reason, part or None)

    def found(tables: Tables) -> SuppressionPage:
        total, rows = tables.workspace(caller.workspace_id).suppressions.page(wanted, size, (page - 1) * size)
        return SuppressionPage(data=[_shown(row) for row in rows], pagination=place(page, size, total))

    return await here.services.ask(found)


@router.post("", status_code=201, summary="Suppress an address")
async def suppress(here: Here, caller: Writer, wanted: NewSuppression, response: Response) -> ShownSuppression:
    """Nothing is sent to the address any more. 200 with what stands there, unchanged, when it is suppressed already."""
    if wanted.channel == "EMAIL":
        # As a contact's: what can never be one's address need not be on the list.
        columns, _ = profile.read({"email": wanted.address})
        if columns["email"] is None:
            raise Invalid.at("address", "must be an e-mail address")

    def work(tables: Tables) -> tuple[Suppression, bool]:
        one, fresh = here.services.engine.within(
            tables,
            caller.workspace_id,
            lambda room: suppression.suppress(room, wanted.channel, wanted.address, wanted.reason, wanted.note),
        )
        if fresh:
            recorder = Recorder(tables, here.ids, here.caller(caller))
            recorder.record(caller.workspace_id, "suppression.create", ("sup", one.id))
        return one, fresh

    one, fresh = await here.services.write(work)
    response.status_code = 201 if fresh else 200
    return _shown(one)


@router.get("/{suppressionId}", summary="One suppression")
async def get_suppression(
    here: Here, caller: Reader, suppression_id: Annotated[str, Path(alias="suppressionId")]
) -> ShownSuppression:
    """One address of the list."""
    return await here.services.ask(lambda tables: _shown(_found(tables, caller, suppression_id)))


@router.patch("/{suppressionId}", summary="Write another note")
async def annotate(
    here: Here, caller: Writer, suppression_id: Annotated[str, Path(alias="suppressionId")], wanted: SuppressionChange
) -> ShownSuppression:
    """The note alone can be changed: why and since when an address is suppressed is history."""

    def work(tables: Tables) -> ShownSuppression:
        one = _found(tables, caller, suppression_id)
        tables.workspace(caller.workspace_id).suppressions.annotate(one.id, wanted.note)
        return _shown(_found(tables, caller, suppression_id))

    return await here.services.write(work)


@router.delete("/{suppressionId}", status_code=204, summary="Let an address get messages again")
async def remove(here: Here, caller: Writer, suppression_id: Annotated[str, Path(alias="suppressionId")]) -> None:
    """Take an address off the list. What its owner agreed to stays as it is: nobody is opted in by this."""

    def work(tables: Tables) -> None:
        one = _found(tables, caller, suppression_id)
        tables.workspace(caller.workspace_id).suppressions.remove(one.id)
        recorder = Recorder(tables, here.ids, here.caller(caller))
        recorder.record(caller.workspace_id, "suppression.delete", ("sup", one.id))

    await here.services.write(work)


def _found(tables: Tables, caller: Caller, suppression_id: str) -> Suppression:
    number = read("sup", suppression_id)
    one = tables.workspace(caller.workspace_id).suppressions.get(number) if number is not None else None
    if one is None:
        raise NotFound(_NONE)
    return one


def _shown(one: Suppression) -> ShownSuppression:
    return ShownSuppression(
        id=show("sup", one.id),
        channel=one.channel,
        address=one.address,
        reason=one.reason,
        note=one.note,
        message_id=show("msg", one.message_id) if one.message_id is not None else None,
        created_at=one.created_at,
    )
