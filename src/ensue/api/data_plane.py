"""The hot paths as plain ASGI: `GET` and `POST` of events. Everything else goes to the control plane."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ensue.api import event_json, event_list, ingest, problems
from ensue.api.access import Access, Caller
from ensue.api.services import Services
from ensue.base import bounds
from ensue.base.errors import EnsueError, Forbidden, Invalid, TooLarge
from ensue.engine.arrival import Arrival, Outcome, Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_OURS = ("form.", "message.", "telegram.")
_REPLAYED = (b"idempotency-replayed", b"true")


class DataPlane:
    """An ASGI app around the control plane that takes the hot paths itself."""

    def __init__(self, control_plane: App, services: Services, access: Access) -> None:
        self._control_plane = control_plane
        self._services = services
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "http":
            parts = scope["path"].split("/")
            if len(parts) > 4 and parts[4] == "events" and parts[1] == "api" and parts[2] == "workspaces":
                handler = self._handler(scope["method"], parts)
                if handler is not None:
                    await self._serve(handler, scope, parts[3], receive, send)
                    return
        await self._control_plane(scope, receive, send)

    def _handler(self, method: str, parts: list[str]) -> "Handler | None":
        if len(parts) == 5:
            return {"POST": self._post_event, "GET": self._list_events}.get(method)
        if len(parts) == 6 and parts[5] == "batch" and method == "POST":
            return self._post_batch
        return None

    async def _serve(self, handler: "Handler", scope: Scope, workspace: str, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await handler(scope, workspace, receive)
        except EnsueError as error:
            status, headers, body = problems.status_of(error), problems.headers(error), problems.body(error)
        headers = [_JSON, (b"content-length", str(len(body)).encode()), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _post_event(self, scope: Scope, workspace: str, receive: Receive) -> "Answer":
        headers: Headers = scope["headers"]
        caller = self._access.admit("POST", headers, workspace, "events:write")
        body = await _body(receive, headers, bounds.BODY)
        now = self._services.engine.clock.now()
        arrival = ingest.read_event(caller.workspace_id, body, _key(headers), now, _source(caller))
        if caller.principal.kind == "WRITE_KEY":
            _check_public(caller, arrival)
        (outcome,) = await self._services.commits.ingest((arrival,))
        if isinstance(outcome, Refused):
            raise outcome.error
        answer = event_json.created(outcome).encode()
        return 201, [_REPLAYED] if outcome.replayed else [], answer

    async def _post_batch(self, scope: Scope, workspace: str, receive: Receive) -> "Answer":
        headers: Headers = scope["headers"]
        caller = self._access.admit("POST", headers, workspace, "events:write")
        body = await _body(receive, headers, bounds.BATCH_BODY)
        if _header(headers, b"content-encoding") == b"gzip":
            body = ingest.inflate(body)
        now = self._services.engine.clock.now()
        items = ingest.read_batch(caller.workspace_id, body, _key(headers), now, _source(caller))
        if caller.principal.kind == "WRITE_KEY":
            items = [_or_refusal(caller, item) for item in items]
        stored = iter(await self._services.commits.ingest([item for item in items if isinstance(item, Arrival)]))
        outcomes: list[Outcome | Any] = [next(stored) if isinstance(item, Arrival) else item for item in items]
        return 200, [], ingest.batch_answer(outcomes)

    async def _list_events(self, scope: Scope, workspace: str, _receive: Receive) -> "Answer":
        caller = self._access.admit("GET", scope["headers"], workspace, "events:read")
        query = event_list.read_query(scope["query_string"])
        page = self._services.glance(lambda tables: event_list.page(tables, caller.workspace_id, query))
        link = event_list.link(scope["path"], query, page)
        return 200, [(b"link", link)] if link else [], page.body


Answer = tuple[int, Headers, bytes]
Handler = Callable[[Scope, str, Receive], Awaitable[Answer]]


def _header(headers: Headers, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None


def _key(headers: Headers) -> str | None:
    key = _header(headers, b"idempotency-key")
    return key.decode("latin-1") if key is not None else None


_SOURCES = {"SESSION": "app", "API_KEY": "api", "WRITE_KEY": "web"}


def _source(caller: Caller) -> str:
    return _SOURCES[caller.principal.kind]


def _check_public(caller: Caller, arrival: Arrival) -> None:
    """What a write key, which anybody can read in a page, may not send.

    Raises:
        Forbidden: a type that only Ensue itself may claim, or one that the key does not list.
    """
    allowed = caller.principal.event_types
    if arrival.type.startswith(_OURS) or (allowed is not None and arrival.type not in allowed):
        raise Forbidden(f"A write key must not send {arrival.type}.")


def _or_refusal(caller: Caller, item: "Arrival | EnsueError") -> "Arrival | EnsueError":
    try:
        if isinstance(item, Arrival):
            _check_public(caller, item)
    except Forbidden as error:
        return error
    return item


async def _body(receive: Receive, headers: Headers, bound: int) -> bytes:
    """The whole body, within its bounds of size and time.

    Raises:
        TooLarge: more bytes than allowed, announced or sent. Invalid: it came too slowly, or the client left.
    """
    length = _header(headers, b"content-length")
    if length is not None and len(length) < 20 and length.isdigit() and int(length) > bound:
        raise TooLarge(f"The body is at most {bound} bytes.")
    try:
        async with asyncio.timeout(bounds.BODY_SECONDS):
            message = await receive()
            body: bytes = message.get("body", b"")
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                if len(body) > bound:
                    raise TooLarge(f"The body is at most {bound} bytes.")
    except TimeoutError:
        raise Invalid("The body came too slowly.", code="slow_body") from None
    if message["type"] == "http.disconnect":
        raise Invalid("The client went away.", code="disconnected")
    return body
