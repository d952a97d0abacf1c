"""Requests that a page makes with a public write key, from any origin that the key allows.

Anybody can read the key in the page: it says which workspace is meant, and nothing about who is asking.
"""

from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from pydantic import AfterValidator, Field

from ensue.api.access import Access, Caller
from ensue.base import bounds
from ensue.base.errors import Forbidden, Unauthenticated
from ensue.engine.arrival import CHATS

BY_KEY: Final[dict[str, Any]] = {"security": [{"apiKey": []}]}
"""For the document: a page has no session here."""

ALLOWED: Final = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "86400",
}


def _of_a_browser(value: str) -> str:
    if value.startswith(CHATS):
        raise ValueError("must not be that of a chat")
    return value


SessionId = Annotated[str, Field(min_length=1, max_length=bounds.TEXT), AfterValidator(_of_a_browser)]
"""The session of a browser, as its own page names it."""


async def _page(request: Request, response: Response) -> Caller:
    """The caller of a write key in `Authorization: Bearer`; the answer may be read by the page that asked.

    Raises:
        Unauthenticated: no key, or none that works. Forbidden: no write key, or not from this origin.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send a write key as Authorization: Bearer wk_….")
    access: Access = request.app.state.access
    origin = request.headers.get("origin")
    caller = await access.by_key(
        token.strip().encode("latin-1"), origin.encode("latin-1") if origin is not None else None
    )
    if caller.principal.kind != "WRITE_KEY":
        raise Forbidden("A secret key must not be used in a page; send a write key.")
    open_to_pages(response)
    return caller


Page = Annotated[Caller, Depends(_page)]
"""`page: Page` in a handler."""


def open_to_pages(response: Response) -> None:
    """Let a page of any origin read the answer; no cookie is ever looked at here."""
    response.headers["access-control-allow-origin"] = "*"


async def preflight(response: Response) -> None:
    """Answer a browser that asks whether it may."""
    open_to_pages(response)
    response.headers.update(ALLOWED)
