"""Leaving with one click (RFC 8058), and choosing what to receive. The token in the address is all the proof there is.

Looking changes nothing: programs that scan mails look at every link. A change is a POST; nobody can make one for
somebody else without their address, so there is nothing more for another site to forge.
"""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from ensue.api import problems
from ensue.api.bodies import read_bounded
from ensue.api.context import Context, Here
from ensue.api.public.pages import page, source
from ensue.base import bounds
from ensue.base.errors import Conflict, EnsueError, NotFound
from ensue.engine.messages import preferences, tracking
from ensue.engine.messages.addresses import PATH, Addresses, ChooseToken, LeaveToken
from ensue.engine.messages.preferences import Choice
from ensue.store.ports import Tables

router = APIRouter(prefix=PATH.rstrip("/"), tags=["Public"])

_PAGE: dict[str, Any] = {
    "response_class": HTMLResponse,
    "responses": {404: {"description": "A page: the address was altered, or whom it was for is gone"}},
    "openapi_extra": {"security": []},
}
_WAY_BY_PAGE = "unsubscribe page"
_WAY_BY_CLICK = "one-click unsubscribe"
_FROM_PAGE = ("from", "page")
_NAMES = {
    "EMAIL": "Mail", "TELEGRAM": "Messages on Telegram", "PUSH": "Notifications in the browser", "SMS": "Text messages",
}  # fmt: skip
_FIELDS = 50

Token = Annotated[str, Path(max_length=bounds.TEXT)]


@router.get("/public.css", include_in_schema=False)
async def style() -> Response:
    """How the pages look."""
    return Response(source("public.css"), media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.head("/u/{token}", include_in_schema=False)
@router.get("/u/{token}", summary="The page to unsubscribe", **_PAGE)
async def show_unsubscribe(here: Here, token: Token) -> HTMLResponse:
    """A page with a button. Looking at it changes nothing."""
    found = _addresses(here).read_unsubscribe(token)
    return await _leave_page(here, found, left=False) if found is not None else _no_such_page()


@router.post("/u/{token}", summary="Unsubscribe", **_PAGE)
async def unsubscribe(request: Request, here: Here, token: Token) -> HTMLResponse:
    """Opts the contact out of the channel at once, whatever the body says (`List-Unsubscribe=One-Click`, by RFC 8058).

    Doing it again changes nothing and is answered alike.
    """
    found = _addresses(here).read_unsubscribe(token)
    if found is None:
        return _no_such_page()
    try:
        way = _WAY_BY_PAGE if _FROM_PAGE in _fields(await read_bounded(request, bounds.BODY)) else _WAY_BY_CLICK
        at = here.services.engine.clock.now()
        await here.services.change(
            found.workspace_id, lambda room: tracking.unsubscribed(room, found.message_id, found.contact_id, at, way)
        )
    except EnsueError as error:
        return _not_now(error)
    return await _leave_page(here, found, left=True)


@router.head("/p/{token}", include_in_schema=False)
@router.get("/p/{token}", summary="The page to choose what to receive", **_PAGE)
async def show_preferences(here: Here, token: Token) -> HTMLResponse:
    """The channels of a contact, each on or off. Looking at it changes nothing."""
    found = _addresses(here).read_preferences(token)
    if found is None:
        return _no_such_page()
    try:
        offered = await here.services.glance(
            lambda tables: preferences.choices(tables.workspace(found.workspace_id), found.contact_id)
        )
    except NotFound:
        return _nobody()
    return await _choice_page(here, found, offered, saved=False)


@router.post("/p/{token}", summary="Choose what to receive", **_PAGE)
async def choose(request: Request, here: Here, token: Token) -> HTMLResponse:
    """`channel` for each channel that is wanted, as an HTML form sends it; the others are opted out of."""
    found = _addresses(here).read_preferences(token)
    if found is None:
        return _no_such_page()
    try:
        fields = _fields(await read_bounded(request, bounds.BODY))
        wanted = frozenset(value for name, value in fields if name == "channel")
        offered = await here.services.change(
            found.workspace_id, lambda room: preferences.choose(room, found.contact_id, wanted)
        )
    except (NotFound, Conflict):
        return _nobody()
    except EnsueError as error:
        return _not_now(error)
    return await _choice_page(here, found, offered, saved=True)


def _addresses(here: Context) -> Addresses:
    return Addresses(here.services.signer, here.base_url)


def _fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of an HTML form; none of anything else."""
    try:
        return parse_qsl(body.decode("ascii"), max_num_fields=_FIELDS)
    except ValueError:
        return []


async def _leave_page(here: Context, token: LeaveToken, *, left: bool) -> HTMLResponse:
    def found(tables: Tables) -> tuple[str, str | None, bool]:
        own = tables.workspace(token.workspace_id)
        message = own.message_links.message(token.message_id)
        contact_id = own.contacts.survivor(token.contact_id) or token.contact_id
        contact = own.contacts.get(contact_id) if token.contact_id else None
        channel = message.channel if message is not None else "EMAIL"
        if contact is not None:
            return channel, contact.email, True
        return channel, message.address if message is not None else None, False

    channel, address, known = await here.services.glance(found)
    choose = f"../p/{_addresses(here).preferences(token.workspace_id, token.contact_id).rpartition('/')[2]}"
    return page(
        "unsubscribe.html",
        title="You have unsubscribed" if left else "Unsubscribe?",
        left=left,
        sender=await _sender(here, token.workspace_id),
        what={"EMAIL": "mail"}.get(channel, "messages"),
        whom=_masked(address) if channel == "EMAIL" and address else "you",
        preferences=choose if known else None,
    )


async def _choice_page(here: Context, token: ChooseToken, offered: list[Choice], *, saved: bool) -> HTMLResponse:
    sender = await _sender(here, token.workspace_id)
    return page("preferences.html", sender=sender, choices=offered, names=_NAMES, saved=saved)


async def _sender(here: Context, workspace_id: int) -> str:
    workspace = await here.services.glance(lambda tables: tables.accounts.workspaces.get(workspace_id))
    return workspace.name if workspace is not None else "The sender"


def _masked(address: str) -> str:
    """An address as its owner knows it again and nobody else learns it from a mail that was passed on."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _no_such_page() -> HTMLResponse:
    return page(
        "notice.html",
        404,
        title="There is nothing here",
        message="The address is not one that we sent. Perhaps it was cut off on its way: try to copy the whole address "
        "from the message.",
    )


def _nobody() -> HTMLResponse:
    return page(
        "notice.html",
        404,
        title="There is nothing to choose",
        message="We keep nothing of you any more, and send you nothing.",
    )


def _not_now(error: EnsueError) -> HTMLResponse:
    headers = {name.decode(): value.decode() for name, value in problems.headers(error)}
    return page(
        "notice.html",
        problems.status_of(error),
        headers,
        title="That did not work",
        message=f"{error.message} Nothing was changed. Please try again in a moment.",
    )
