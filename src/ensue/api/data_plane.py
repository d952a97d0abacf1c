"""The hot paths as plain ASGI: `GET` and `POST` of events. Everything else goes to the control plane."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from ensue.api import event_json, event_list, ingest, problems
from ensue.api.access import Access, Caller
from ensue.api.services import Services
from ensue.base import bounds
from ensue.base.errors import EnsueError, Forbidden, Invalid, TooLarge
from ensue.engine.arrival import CHATS, RESERVED, Arrival, Outcome, Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_log = logging.getLogger(__name__)

_JSON = (b"content-type", b"application/json")
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
        match parts[5:]:
            case []:
                handlers = {"GET": self._list_events, "POST": self._post_event}
            case ["batch"]:
                handlers = {"POST": self._post_batch}
            case _:
                return None
        return handlers.get(method) or _not_allowed(handlers)

    async def _serve(self, handler: "Handler", scope: Scope, workspace: str, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await handler(scope, workspace, receive)
        except EnsueError as error:
            status, headers, body = problems.status_of(error), problems.headers(error), problems.body(error)
        except Exception as error:  # noqa: BLE001 - the client must get an answer, and one that tells it nothing
            _log.error("a request failed", exc_info=error)
            status, headers, body = 500, [], problems.body(problems.unforeseen())
        headers = [_JSON, (b"content-length", str(len(body)).encode()), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _post_event(self, scope: Scope, workspace: str, receive: Receive) -> "Answer":
        headers: Headers = scope["headers"]
        caller = await self._access.admit("POST", headers, workspace, "events:write")
        _coding(headers)
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
        caller = await self._access.admit("POST", headers, workspace, "events:write")
        gzipped = _coding(headers, b"gzip") == b"gzip"
        body = await _body(receive, headers, bounds.BATCH_BODY)
        if gzipped:
            body = ingest.inflate(body)
        now = self._services.engine.clock.now()
        items = ingest.read_batch(caller.workspace_id, body, _key(headers), now, _source(caller))
        if caller.principal.kind == "WRITE_KEY":
            items = [_or_refusal(caller, item) for item in items]
        stored = iter(await self._services.commits.ingest([item for item in items if isinstance(item, Arrival)]))
        outcomes: list[Outcome | Any] = [next(stored) if isinstance(item, Arrival) else item for item in items]
        return 200, [], ingest.batch_answer(outcomes)

    async def _list_events(self, scope: Scope, workspace: str, _receive: Receive) -> "Answer":
        caller = await self._access.admit("GET", scope["headers"], workspace, "events:read")
        query = event_list.read_query(scope["query_string"])
        page = await self._services.glance(lambda tables: event_list.page(tables, caller.workspace_id, query))
        link = event_list.link(scope["path"], query, page)
        return 200, [(b"link", link)] if link else [], page.body


Answer = tuple[int, Headers, bytes]
Handler = Callable[[Scope, str, Receive], Awaitable[Answer]]


def _header(headers: Headers, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None


def _not_allowed(handlers: Iterable[str]) -> Handler:
    allow = (b"allow", ", ".join(handlers).encode())

    async def refuse(scope: Scope, _workspace: str, _receive: Receive) -> Answer:
        return 405, [allow], problems.body(problems.not_allowed(scope["method"]))

    return refuse


def _coding(headers: Headers, *taken: bytes) -> bytes:
    """The content coding of a body.

    Raises:
        Invalid: it is not one of those that are taken here.
    """
    coding = (_header(headers, b"content-encoding") or b"identity").lower()
    if coding not in {b"identity", *taken}:
        raise Invalid("Content-Encoding: gzip is taken for batches, and no other coding.", code="unsupported_coding")
    return coding


def _key(headers: Headers) -> str | None:
    """The idempotency key of a request.

    Raises:
        Invalid: it cannot be kept, or there are two.
    """
    keys = [value for name, value in headers if name == b"idempotency-key"]
    if not keys:
        return None
    if len(keys) > 1:
        raise Invalid.at("Idempotency-Key", "must be sent once")
    try:
        # As in a body: a key that is sent here and there is the same key.
        key = keys[0].decode()
    except UnicodeDecodeError:
        raise Invalid.at("Idempotency-Key", "must be UTF-8") from None
    if not 0 < len(key) <= bounds.IDEMPOTENCY_KEY:
        raise Invalid.at("Idempotency-Key", f"must have 1 to {bounds.IDEMPOTENCY_KEY} characters")
    return key


_SOURCES = {"SESSION": "app", "API_KEY": "api", "WRITE_KEY": "web"}


def _source(caller: Caller) -> str:
    return _SOURCES[caller.principal.kind]


def _check_public(caller: Caller, arrival: Arrival) -> None:
    """What a write key, which anybody can read in a page, may not send.

    Raises:
        Forbidden: a type that only Ensue itself may claim, or one that the key does not list; a chat's session.
    """
    allowed = caller.principal.event_types
    if arrival.type.startswith(RESERVED) or (allowed is not None and arrival.type not in allowed):
        raise Forbidden(f"A write key must not send {arrival.type}.")
    if arrival.session_id is not None and arrival.session_id.startswith(CHATS):
        raise Forbidden("A write key must not speak for a chat.")


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
