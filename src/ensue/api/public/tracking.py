"""The pixel and the links of messages, as plain ASGI. A reader is never kept waiting for what we write down.

The image and the redirect come from what is stored alone. What was done is recorded beside that: the answer waits for
it a moment, so that it usually is durable then, and goes out without it when the store is busy or full. What cannot be
recorded is lost and logged.
"""

import asyncio
import logging
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from ensue.api.data_plane import App, Receive, Scope, Send
from ensue.api.public.pages import page
from ensue.api.services import Services
from ensue.base import bounds
from ensue.base.errors import EnsueError, Unavailable
from ensue.engine.messages import tracking
from ensue.engine.messages.addresses import PATH, Addresses
from ensue.engine.messages.machines import Visit
from ensue.engine.working_set import WorkingSet

_log = logging.getLogger(__name__)

_GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_NO_STORE = {"cache-control": "no-store, no-cache, must-revalidate, private", "x-robots-tag": "noindex"}


class TrackingPlane:
    """An ASGI app around another that takes the pixel and the links itself."""

    def __init__(self, app: App, services: Services) -> None:
        self._app = app
        self._services = services
        self._addresses = Addresses(services.signer, "")
        self._recording: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        path = scope.get("path", "")
        serve = {f"{PATH}o/": self._open, f"{PATH}c/": self._click}.get(path[: len(PATH) + 2])
        if scope["type"] != "http" or serve is None:
            await self._app(scope, receive, send)
        elif scope["method"] not in {"GET", "HEAD"}:
            await Response(status_code=405, headers={"allow": "GET, HEAD"})(scope, receive, send)
        else:
            response = await serve(path[len(PATH) + 2 :], self._visit(scope))
            await response(scope, receive, send)

    def _visit(self, scope: Scope) -> Visit:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return Visit(self._services.engine.clock.now(), scope["method"], headers)

    async def _open(self, token: str, visit: Visit) -> Response:
        found = self._addresses.read_open(token)
        if found is None:
            return Response(status_code=404, headers=_NO_STORE)
        await self._record(found.workspace_id, lambda room: tracking.opened(room, found.message_id, visit))
        return Response(_GIF, media_type="image/gif", headers=_NO_STORE)

    async def _click(self, token: str, visit: Visit) -> Response:
        found = self._addresses.read_click(token)
        if found is None:
            return _no_such_link()
        workspace_id, message_id, number = found
        try:
            target = await self._services.glance(
                lambda tables: tables.workspace(workspace_id).message_links.target(message_id, number)
            )
        except Unavailable as error:
            return _not_now(error)
        if target is None:
            return _no_such_link()
        await self._record(workspace_id, lambda room: tracking.clicked(room, message_id, number, visit))
        return Response(status_code=302, headers={"location": target, **_NO_STORE})

    async def _record(self, workspace_id: int, work: Callable[[WorkingSet], None]) -> None:
        """Write down what was done, and come back when that is durable or has taken long enough."""
        if len(self._recording) >= bounds.TRACKING_RECORDS:
            _lost(Unavailable("Too many are waiting."))
            return
        try:
            recorded = asyncio.ensure_future(self._services.change(workspace_id, work))
        except Unavailable as error:
            _lost(error)
            return
        self._recording.add(recorded)
        recorded.add_done_callback(self._recorded)
        await asyncio.wait({recorded}, timeout=bounds.TRACKING_SECONDS)

    def _recorded(self, recorded: "asyncio.Future[None]") -> None:
        self._recording.discard(recorded)
        error = recorded.exception() if not recorded.cancelled() else None
        if error is not None:
            _lost(error)


def _lost(error: BaseException) -> None:
    """Say that an open or a click is lost; one that nobody foresaw, with where it came from."""
    unforeseen = None if isinstance(error, EnsueError) else error
    _log.warning("an open or a click was not recorded: %s", error, exc_info=unforeseen)


def _no_such_link() -> Response:
    return page(
        "notice.html",
        404,
        title="This link leads nowhere",
        message="It is not one that we sent, or the message that it was in is gone. Perhaps it was cut off on its way: "
        "try to copy the whole address from the message.",
    )


def _not_now(error: Unavailable) -> Response:
    return page(
        "notice.html",
        503,
        {"retry-after": str(error.retry_after)},
        title="Please try again in a moment",
        message="We cannot look up where this link leads just now.",
    )


def _described(summary: str, description: str, answers: dict[str, str]) -> dict[str, Any]:
    token = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "tags": ["Public"],
        "summary": summary,
        "operationId": summary.lower().replace(" ", "_"),
        "description": description,
        "security": [],
        "parameters": [token],
        "responses": {status: {"description": text} for status, text in answers.items()},
    }


DOCUMENT: dict[str, Any] = {
    f"{PATH}o/{{token}}": {
        "get": _described(
            "Open pixel",
            "An image of one transparent pixel. Fetching it records an open of the message.",
            {"200": "The image", "404": "The address was altered"},
        )
    },
    f"{PATH}c/{{token}}": {
        "get": _described(
            "Tracked link",
            "Leads to the stored target of a link, and records a click.",
            {"302": "To the target", "404": "A page: the address was altered", "503": "A page: not now"},
        )
    },
}
"""What the OpenAPI document says of both, which FastAPI does not serve."""
