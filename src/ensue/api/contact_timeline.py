"""What happened to a contact, newest first, and everything that is held on them as one document."""

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ensue.api import event_list
from ensue.api.access import Caller, allow
from ensue.api.bodies import StrictRoute
from ensue.api.contact_changes import recorded
from ensue.api.contact_json import contact_number
from ensue.api.contact_profile import profile
from ensue.api.context import Context, Here
from ensue.base import bounds, json
from ensue.base.clock import to_iso
from ensue.base.errors import Invalid
from ensue.base.ids import show
from ensue.engine.contacts import identity
from ensue.store.ports import Tables
from ensue.store.sql.timeline import LATEST, Entry, Place

router = APIRouter(prefix="/api/workspaces/{workspaceId}/contacts", tags=["Contacts"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("contacts:read"))]


@router.get("/{contactId}/timeline", summary="The timeline of a contact")
async def get_timeline(
    request: Request,
    response: Response,
    here: Here,
    caller: Reader,
    number: Annotated[int, Depends(contact_number)],
    limit: Annotated[int, Query(ge=1, description=f"At most {bounds.PAGE_MOST}")] = bounds.PAGE_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> list[dict[str, Any]]:
    """Events, segments, points, campaigns, messages and changes, newest first. The next page is in the `Link` header.

    `type` is EVENT, SEGMENT_ENTERED, SEGMENT_EXITED, SCORE_CHANGED, CAMPAIGN_ENROLLED, CAMPAIGN_STEP, CAMPAIGN_ENDED,
    CAMPAIGN_SKIPPED, MESSAGE or CHANGED.
    """
    below = _read_cursor(cursor) if cursor is not None else LATEST
    entries, following = await _page(here, caller, number, below, min(limit, bounds.PAGE_MOST))
    if following is not None:
        url = request.url.include_query_params(cursor=_cursor(following))
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    return entries


@router.get("/{contactId}/export", summary="Everything held on a contact")
async def export_contact(
    here: Here, caller: Reader, number: Annotated[int, Depends(contact_number)]
) -> StreamingResponse:
    """The profile and the whole timeline, as one JSON document to download."""
    head = await here.services.ask(lambda tables: profile(tables.workspace(caller.workspace_id), number))
    await recorded(here, caller, "contact.export", number, lambda _room: None)
    return StreamingResponse(
        _export(
            here,
            caller,
            number,
            head.model_dump_json(by_alias=True, exclude={"recent_events", "recent_messages", "links"}),
        ),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{head.id}.json"'},
    )


async def _export(here: Context, caller: Caller, number: int, head: str) -> AsyncIterator[str]:
    yield f'{{"exportedAt":"{to_iso(here.now)}","contact":{head},"timeline":['
    below: Place | None = LATEST
    separator = ""
    while below is not None:
        entries, below = await _page(here, caller, number, below, bounds.PAGE_MOST)
        for entry in entries:
            yield separator + json.encode_text(entry)
            separator = ","
    yield "]}"


async def _page(
    here: Context, caller: Caller, number: int, below: Place, limit: int
) -> tuple[list[dict[str, Any]], Place | None]:
    """A page of the timeline, and the place below which the next one begins."""

    def found(tables: Tables) -> list[Entry]:
        own = tables.workspace(caller.workspace_id)
        contact_id = identity.stored(own, number).id
        at, event_id, _ = below
        events = own.events.page(contact_id, None, None, None, None, (at, event_id), limit + 1)
        entries = [Entry((row[2], row[0], 0), "EVENT", row) for row in events]
        entries += own.timeline.entries(contact_id, [contact_id, *own.belongings.old_ids(contact_id)], below, limit + 1)
        return sorted(entries, key=lambda entry: entry.place, reverse=True)[: limit + 1]

    entries = await here.services.ask(found)
    following = entries[limit - 1].place if len(entries) > limit else None
    return [_shown(entry) for entry in entries[:limit]], following


def _shown(entry: Entry) -> dict[str, Any]:
    return {"type": entry.kind, "at": to_iso(entry.place[0]), **_content(entry)}


def _content(entry: Entry) -> dict[str, Any]:
    row = entry.row
    match entry.kind:
        case "EVENT":
            return {"event": json.decode(event_list.render(row))}
        case "SEGMENT_ENTERED" | "SEGMENT_EXITED":
            return {"segment": {"id": show("seg", row[0]), "name": row[1]}, "cause": _cause(row[2])}
        case "SCORE_CHANGED":
            rule = {"id": show("sr", row[0]), "name": row[1]}
            cause = {"kind": row[2], "id": _shown_id("evt", row[3])}
            return {"rule": rule, "cause": cause, "delta": row[4], "before": row[5], "after": row[6]}
        case "MESSAGE":
            return {"message": _message(entry)}
        case "CHANGED":
            return {"changes": json.decode(row[0]), "cause": _cause(row[1])}
        case _:
            return {"campaign": {"id": show("cmp", row[0]), "name": row[1]}, **_campaign(entry)}


def _campaign(entry: Entry) -> dict[str, Any]:
    row = entry.row
    enrolment = {"enrollmentId": show("enr", entry.place[1])}
    match entry.kind:
        case "CAMPAIGN_ENROLLED":
            return {**enrolment, "trigger": row[2], "eventId": _shown_id("evt", row[3])}
        case "CAMPAIGN_STEP":
            detail = json.decode(row[5]) if row[5] is not None else None
            return {**enrolment, "nodeId": row[2], "nodeType": row[3], "outcome": row[4], "detail": detail}
        case "CAMPAIGN_ENDED":
            return {**enrolment, "status": row[2], "reason": row[3]}
        case _:
            return {"reason": row[2], "eventId": _shown_id("evt", row[3])}


def _message(entry: Entry) -> dict[str, Any]:
    row = entry.row
    instants = {name: to_iso(at) if at is not None else None for name, at in zip(_INSTANTS, row[5:8], strict=True)}
    said = {"channel": row[0], "kind": row[1], "status": row[2], "reason": row[3]}
    return {"id": show("msg", entry.place[1]), **said, "campaignId": _shown_id("cmp", row[4]), **instants}


_INSTANTS = ("sentAt", "openedAt", "clickedAt")

# Whose id follows the kind of a cause. A change by hand or by time has none.
_CAUSED_BY = {"EVENT": "evt", "CAMPAIGN": "enr", "MERGE": "ct", "FORM": "sub"}


def _cause(text: str) -> dict[str, Any]:
    kind, _, number = text.partition(":")
    prefix = _CAUSED_BY.get(kind)
    return {"kind": kind, "id": show(prefix, int(number)) if prefix and number else None}


def _shown_id(prefix: str, number: int | None) -> str | None:
    return show(prefix, number) if number is not None else None


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(".".join(map(str, place)).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> Place:
    try:
        plain = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
        at, number, rank = (int(part) for part in plain.split("."))
    except ValueError:
        raise Invalid.at("cursor", "is not one that this list gave") from None
    if not all(-(2**62) <= part <= 2**62 for part in (at, number, rank)):
        raise Invalid.at("cursor", "is not one that this list gave")
    return at, number, rank
