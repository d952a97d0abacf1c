"""Where Telegram sends what a bot is told, and where a page gets a link to its bot.

To Telegram a 2xx means that the update is stored, with all that follows: at anything else it is sent again, for a day.
"""

import logging
from typing import Annotated

from fastapi import APIRouter, Path, Request

from ensue.accounts import tokens
from ensue.api.bodies import Body, StrictRoute, read_bounded
from ensue.api.context import Here
from ensue.api.public.write_key import BY_KEY, Page, SessionId, preflight
from ensue.api.telegram_links import ShownLink, for_session, one_bot, shown
from ensue.base import bounds, ids, json
from ensue.base.errors import Conflict, Invalid, NotFound, Unauthenticated
from ensue.engine.telegram import bots
from ensue.engine.telegram import link as links
from ensue.engine.telegram.hear import hear
from ensue.engine.telegram.update import read
from ensue.engine.working_set import WorkingSet

router = APIRouter(tags=["Telegram"], route_class=StrictRoute)

_log = logging.getLogger(__name__)


@router.post(
    "/telegram/{botId}",
    summary="Where Telegram sends a bot's updates",
    responses={
        401: {"description": "The secret token is missing or wrong"},
        404: {"description": "No such bot"},
        413: {"description": "The body is too large"},
    },
    openapi_extra={
        "security": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def take_update(here: Here, request: Request, bot_id: Annotated[str, Path(alias="botId")]) -> dict[str, bool]:
    """Take one update, once. Whoever sends it shows the secret that was given to Telegram with the webhook."""
    number = ids.read("bot", bot_id)
    bot = await here.services.glance(lambda tables: tables.telegram_bot(number)) if number is not None else None
    if bot is None:
        raise NotFound("There is nothing here.")
    secret = request.headers.get("x-telegram-bot-api-secret-token", "")
    if not bots.is_from_telegram(bot, tokens.digest(secret.encode("latin-1"))):
        raise Unauthenticated("The secret token is missing or wrong.")
    update = read(json.decode_strict(await read_bounded(request, bounds.TELEGRAM_UPDATE)))
    signer = here.services.signer
    try:
        await here.services.change(bot.workspace_id, lambda room: hear(room, bot, update, signer))
    except (Invalid, NotFound, Conflict) as error:
        # It would fail as often as it is sent. Its event stays, and says that it tied nobody.
        _log.warning("update %d of bot %s ties nobody: %s", update.update_id, bot_id, error.message)
        await here.services.change(bot.workspace_id, lambda room: hear(room, bot, update, signer, tying=False))
    return {"ok": True}


class VisitorLinkOrder(Body):
    """A link for the visitor of a page, by the session of their browser; of several bots one must be named."""

    session_id: SessionId
    bot_id: str | None = None


@router.post(
    "/api/public/telegram/links", status_code=201, summary="A link for the visitor of a page", openapi_extra=BY_KEY
)
async def link_visitor(here: Here, page: Page, wanted: VisitorLinkOrder) -> ShownLink:
    """Make a link that works for an hour, and only as long as the session is nobody's who is known.

    When START is pressed, a contact is made with the name that Telegram gives, unless the chat is a contact's already.
    """

    def work(room: WorkingSet) -> ShownLink:
        link = for_session(room, "VISITOR", wanted.session_id, room.now + links.VISITOR_LIFE)
        return shown(here, one_bot(room.tables, wanted.bot_id), link)

    return await here.services.change(page.workspace_id, work)


router.add_api_route(
    "/api/public/telegram/links", preflight, methods=["OPTIONS"], status_code=204, include_in_schema=False
)
