"""Bots of Telegram: connect, look after, disconnect."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field

from ensue.accounts import roles, tokens
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Body, StrictRoute
from ensue.api.context import Context, Here
from ensue.api.telegram_json import BotHealth, ShownBot, bot_number, shown
from ensue.base.errors import Invalid, NotFound, Unavailable, Unprocessable
from ensue.base.sealing import SealBroken
from ensue.channels.outgoing_http import OutgoingFailed
from ensue.channels.telegram.bot_api import TOKEN, BotApi, Profile, Refused
from ensue.engine.telegram import bots
from ensue.engine.telegram.update import KINDS
from ensue.model.telegram import Bot
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/telegram/bots", tags=["Telegram"], route_class=StrictRoute)

Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]
Member = Annotated[Caller, Depends(allow(roles.MEMBER))]

T = TypeVar("T")

_SEALED: dict[int | str, dict[str, Any]] = {422: {"description": "The token was sealed with another key"}}
_AWAY: dict[int | str, dict[str, Any]] = {503: {"description": "Telegram cannot be reached"}}


def _token(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise ValueError("must be a bot's token as @BotFather gives it, such as 123456:ABC-DEF")
    return value


class NewBot(Body):
    """The token that @BotFather gave. It is sealed before it is stored, and never shown again."""

    token: Annotated[str, Field(max_length=128), AfterValidator(_token)]


@router.get("", summary="The bots of a workspace")
async def list_bots(here: Here, caller: Member) -> list[ShownBot]:
    """All bots, oldest first."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).telegram.bots())
    return [shown(bot) for bot in found]


@router.post("", status_code=201, summary="Connect a bot")
async def connect_bot(here: Here, caller: Admin, wanted: NewBot) -> ShownBot:
    """Ask Telegram who the bot is, keep its token, and have its updates sent here. A known bot gets a new token."""
    profile = await _known(here.services.telegram, wanted.token)
    return shown(await _register(here, caller, profile, wanted.token))


@router.get("/{botId}", summary="One bot")
async def get_bot(here: Here, caller: Member, number: Annotated[int, Depends(bot_number)]) -> ShownBot:
    """One bot, as it was when Telegram was last asked."""
    return shown(await _stored(here, caller, number))


@router.get("/{botId}/health", summary="Ask Telegram how a bot is", responses=_SEALED | _AWAY)
async def bot_health(here: Here, caller: Member, number: Annotated[int, Depends(bot_number)]) -> BotHealth:
    """What Telegram says of the bot now."""
    bot = await _stored(here, caller, number)
    token = _opened(here, bot)
    try:
        told = await _asked(lambda: here.services.telegram.webhook(token))
    except Refused as refused:
        return BotHealth(
            token_accepted=refused.code not in {401, 404},
            receiving=False,
            webhook_url=None,
            pending=None,
            last_error=refused.description,
            last_error_at=None,
        )
    return BotHealth(
        token_accepted=True,
        receiving=told.url == bot.webhook_url,
        webhook_url=told.url or None,
        pending=told.pending,
        last_error=told.last_error,
        last_error_at=told.last_error_at,
    )


@router.post("/{botId}/register", summary="Register a bot's webhook again", responses=_SEALED)
async def register_bot(here: Here, caller: Admin, number: Annotated[int, Depends(bot_number)]) -> ShownBot:
    """Have the updates sent here again, with a new secret; after the address of this server has changed, say."""
    bot = await _stored(here, caller, number)
    token = _opened(here, bot)
    profile = await _known(here.services.telegram, token)
    return shown(await _register(here, caller, profile, token))


@router.delete("/{botId}", status_code=204, summary="Disconnect a bot")
async def disconnect_bot(here: Here, caller: Admin, number: Annotated[int, Depends(bot_number)]) -> None:
    """Have no more updates sent, and forget the token. When Telegram cannot be reached it is forgotten all the same."""
    bot = await _stored(here, caller, number)
    try:
        token = _opened(here, bot)
        await here.services.telegram.delete_webhook(token)
    except (Refused, OutgoingFailed, Unprocessable):
        # Updates that still come are answered with 404, and Telegram gives up on them.
        pass

    def work(tables: Tables) -> None:
        if not tables.workspace(caller.workspace_id).telegram.remove(number):
            raise NotFound("There is no such bot.")
        Recorder(tables, here.ids, here.caller(caller)).record(
            caller.workspace_id, "telegram_bot.disconnect", ("bot", number), username=bot.username
        )

    await here.services.write(work)


async def _register(here: Context, caller: Caller, profile: Profile, token: str) -> Bot:
    """Keep a bot, then have its updates sent here, then keep what Telegram said to that.

    In this order, so that an update that comes at once is let in, and a stop in between leaves a bot that can be seen.
    """
    secret = tokens.new()
    sealed = here.services.sealer.seal(caller.workspace_id, token.encode())
    credentials = bots.Credentials(sealed, tokens.digest(secret))

    def work(tables: Tables) -> Bot:
        bot = bots.connect(tables, here.ids, caller.workspace_id, bots.Identity(*profile), credentials, here.base_url)
        Recorder(tables, here.ids, here.caller(caller)).record(
            caller.workspace_id, "telegram_bot.connect", ("bot", bot.id), username=bot.username
        )
        return bot

    bot = await here.services.write(work)
    error = None
    try:
        await here.services.telegram.set_webhook(token, bot.webhook_url, secret, KINDS)
    except Refused as refused:
        error = refused.description
    except OutgoingFailed as failed:
        error = f"Telegram cannot be reached: {failed}"
    return await here.services.write(lambda tables: bots.confirm(tables, bot, here.ids.instant(), error))


async def _known(api: BotApi, token: str) -> Profile:
    """Who the bot of a token is.

    Raises:
        Invalid: Telegram does not know the token. Unavailable: Telegram cannot be reached.
    """
    try:
        return await _asked(lambda: api.profile(token))
    except Refused as refused:
        if refused.code in {401, 404}:
            raise Invalid.at("token", "is not known to Telegram", code="unknown_token") from None
        raise Unavailable(f"Telegram answered: {refused.description}") from None


async def _asked(question: Callable[[], Awaitable[T]]) -> T:
    try:
        return await question()
    except OutgoingFailed as failed:
        raise Unavailable(f"Telegram cannot be reached: {failed}") from None


async def _stored(here: Context, caller: Caller, number: int) -> Bot:
    bot = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).telegram.bot(number))
    if bot is None:
        raise NotFound("There is no such bot.")
    return bot


def _opened(here: Context, bot: Bot) -> str:
    try:
        return here.services.sealer.open(bot.workspace_id, bot.token).decode()
    except SealBroken:
        raise Unprocessable(
            "The bot's token cannot be read with this server's key; connect the bot again.", code="seal_broken"
        ) from None
