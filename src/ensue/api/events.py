"""One event with its effects, the types that have been seen, and the live stream."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response, StreamingResponse

from ensue.api import event_json, event_list
from ensue.api.access import Access, Caller, allow
from ensue.api.bodies import StrictRoute
from ensue.api.services import Services
from ensue.base import bounds, json
from ensue.base.clock import to_iso
from ensue.base.errors import EnsueError, Invalid, NotFound
from ensue.base.ids import read, show
from ensue.model.effects import Answer, Effects
from ensue.store.ports import Row, Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Events"], route_class=StrictRoute)

_answers = json.decoder(Answer)
_effects = json.decoder(Effects)

Reader = Annotated[Caller, Depends(allow("events:read"))]


@router.get("/event-types", summary="The event types that have been seen")
async def list_event_types(request: Request, caller: Reader) -> list[dict[str, Any]]:
    """Every type with its number of events, most frequent first."""
    services: Services = request.app.state.services
    types = await services.ask(lambda tables: tables.workspace(caller.workspace_id).events.types())
    return [
        {"type": name, "count": events, "firstSeenAt": to_iso(first_at), "lastSeenAt": to_iso(last_at)}
        for name, events, first_at, last_at in types
    ]


@router.get("/events/stream", summary="Events as they are committed")
async def stream_events(
    request: Request,
    caller: Reader,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events in commit order, without gaps.

    `Last-Event-ID` resumes after that event; otherwise the stream begins now.
    """
    services: Services = request.app.state.services
    if last_event_id is None:
        after = await services.ask(lambda tables: tables.workspace(caller.workspace_id).events.latest_id())
    else:
        known = read("evt", last_event_id)
        if known is None:
            raise Invalid.at("Last-Event-ID", "is not the id of an event")
        after = known
    return StreamingResponse(
        _stream(request, services, caller.workspace_id, after),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


@router.get("/events/{eventId}", summary="One event with its effects")
async def get_event(request: Request, eventId: str, caller: Reader) -> Response:  # noqa: N803 - the path's own name
    """The event as the list shows it, and what followed from it."""
    services: Services = request.app.state.services
    event_id = read("evt", eventId)
    text = await services.glance(lambda tables: _one(tables, caller.workspace_id, event_id)) if event_id else None
    if text is None:
        raise NotFound("There is no such event in this workspace.")
    return Response(text, media_type="application/json")


def _one(tables: Tables, workspace_id: int, event_id: int) -> str | None:
    events = tables.workspace(workspace_id).events
    row = events.row(event_id)
    kept = events.get(event_id)
    if row is None or kept is None:
        return None
    _, answer, later = kept
    if later is not None:
        effects = _effects.decode(later)
    else:
        effects = _answers.decode(answer).effects if answer is not None else Effects()
    return f'{event_list.render(row)[:-1]},"effects":{event_json.effects(effects)}}}'


async def _stream(request: Request, services: Services, workspace_id: int, after: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    while not services.wakes.stopping and await _still_allowed(request):
        hint = services.wakes.hint()
        rows = await services.ask(partial(_committed_after, workspace_id, after))
        for row in rows:
            after = row[0]
            yield f"id: {show('evt', after)}\nevent: event\ndata: {event_list.render(row)}\n\n"
        if len(rows) == bounds.PAGE_MOST:
            continue
        before_waiting = asyncio.get_running_loop().time()
        await services.wakes.wait(bounds.STREAM_BEAT_SECONDS, hint)
        if asyncio.get_running_loop().time() - before_waiting >= bounds.STREAM_BEAT_SECONDS:
            # A quiet stream: show that it lives.
            yield ": beat\n\n"


def _committed_after(workspace_id: int, after: int, tables: Tables) -> list[Row]:
    return tables.workspace(workspace_id).events.committed_after(after, bounds.PAGE_MOST)


async def _still_allowed(request: Request) -> bool:
    access: Access = request.app.state.access
    try:
        await access.admit("GET", request.scope["headers"], request.path_params["workspaceId"], "events:read")
    except EnsueError:
        return False
    return True
