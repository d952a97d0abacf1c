"""Deep links that tie a chat of Telegram to a contact, or to whom a browser session turns out to belong."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, ShownInstant, StrictRoute, Text
from ensue.api.contact_json import contact_number
from ensue.api.context import Context, Here
from ensue.base import bounds, ids
from ensue.base.errors import Conflict, Invalid
from ensue.engine.contacts import erasures, identity
from ensue.engine.telegram import link as links
from ensue.engine.working_set import WorkingSet
from ensue.model.telegram import Bot
from ensue.store.ports import WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Telegram"], route_class=StrictRoute)

Writer = Annotated[Caller, Depends(allow("contacts:write"))]


class LinkOrder(Body):
    """How a link is wanted; of several bots one must be named."""

    bot_id: str | None = None
    expires_at: Instant | None = None


class SessionLinkOrder(LinkOrder):
    """A link for a browser session."""

    session_id: Annotated[Text, Field(max_length=bounds.TEXT)]


class ShownLink(Answer):
    """A link: whoever opens it and presses START ties their chat. It works in one chat, until it expires."""

    url: str
    bot_id: str
    expires_at: ShownInstant


@router.post("/contacts/{contactId}/telegram-link", status_code=201, summary="A link that ties a chat to a contact")
async def link_contact(
    here: Here, caller: Writer, number: Annotated[int, Depends(contact_number)], wanted: LinkOrder
) -> ShownLink:
    """Make a link for a contact. Without `expiresAt` it works for 7 days."""
    expires_at = _end(here, wanted.expires_at, links.CONTACT_LIFE)

    def work(room: WorkingSet) -> ShownLink:
        contact = identity.held(room, number)
        link = links.make("CONTACT", contact.id, room.ids.next(), expires_at)
        return shown(here, one_bot(room.tables, wanted.bot_id), link)

    return await here.services.change(caller.workspace_id, work)


@router.post("/telegram/links", status_code=201, summary="A link that ties a chat to a browser session")
async def link_session(here: Here, caller: Writer, wanted: SessionLinkOrder) -> ShownLink:
    """Make a link for whoever's a browser session is when START is pressed; without `expiresAt` it works for an hour.

    Of an anonymous session a contact is made then, with the name that Telegram gives.
    """
    expires_at = _end(here, wanted.expires_at, links.VISITOR_LIFE)

    def work(room: WorkingSet) -> ShownLink:
        link = for_session(room, "SESSION", wanted.session_id, expires_at)
        return shown(here, one_bot(room.tables, wanted.bot_id), link)

    return await here.services.change(caller.workspace_id, work)


def for_session(room: WorkingSet, kind: links.Kind, key: str, expires_at: int) -> links.Link:
    """A link for a browser session, which is made when it is new.

    Raises:
        Conflict: the session was erased.
    """
    erasures.refuse(room, "sessionId", key)
    session_id, _ = room.session(key)
    return links.make(kind, session_id, room.ids.next(), expires_at)


def one_bot(tables: WorkspaceTables, bot_id: str | None) -> Bot:
    """The bot that is meant, or the only one.

    Raises:
        Invalid: there is no such bot, or there are several to choose from. Conflict: there is none at all.
    """
    known = tables.telegram.bots()
    if bot_id is not None:
        named = next((bot for bot in known if ids.show("bot", bot.id) == bot_id), None)
        if named is None:
            raise Invalid.at("botId", "is no bot of this workspace")
        return named
    if not known:
        raise Conflict("No bot is connected to this workspace.", code="no_bot")
    if len(known) > 1:
        raise Invalid.at("botId", "is required: several bots are connected")
    return known[0]


def shown(here: Context, bot: Bot, link: links.Link) -> ShownLink:
    """A link as the API shows it."""
    token = links.token(here.services.signer, link)
    return ShownLink(
        url=f"https://t.me/{bot.username}?start={token}", bot_id=ids.show("bot", bot.id), expires_at=link.expires_at
    )


def _end(here: Context, wanted: int | None, life: int) -> int:
    if wanted is None:
        return here.now + life
    if not here.now < wanted <= here.now + links.LIFE_MOST:
        raise Invalid.at("expiresAt", "must lie ahead, and not more than 30 days")
    return wanted
