"""Bots of Telegram as the API shows them."""

from typing import Annotated

from fastapi import Path

from ensue.api.bodies import Answer, ShownInstant
from ensue.base import ids
from ensue.base.errors import NotFound
from ensue.model.telegram import Bot, BotStatus


def bot_number(bot_id: Annotated[str, Path(alias="botId")]) -> int:
    """A dependency of routes with `{botId}`: the number of that id.

    Raises:
        NotFound: it is no such id.
    """
    number = ids.read("bot", bot_id)
    if number is None:
        raise NotFound("There is no such bot.")
    return number


class ShownBot(Answer):
    """A bot, without its token.

    `status` is CONNECTED when Telegram sends its updates here, CONNECTING while it has not said so, FAILED when it
    refused, with its reason in `error`; messages are sent in any case.
    """

    id: str
    username: str
    name: str
    url: str
    status: BotStatus
    error: str | None
    webhook_url: str
    created_at: ShownInstant
    updated_at: ShownInstant


class BotHealth(Answer):
    """What Telegram says of a bot now.

    `receiving`: updates are sent to us. `pending` of them wait to be sent; `lastError` is why the last could not be.
    """

    token_accepted: bool
    receiving: bool
    webhook_url: str | None
    pending: int | None
    last_error: str | None
    last_error_at: ShownInstant | None


def shown(bot: Bot) -> ShownBot:
    """A bot as the API shows it."""
    return ShownBot(
        id=ids.show("bot", bot.id),
        username=bot.username,
        name=bot.name,
        url=f"https://t.me/{bot.username}",
        status=bot.status,
        error=bot.error,
        webhook_url=bot.webhook_url,
        created_at=bot.created_at,
        updated_at=bot.updated_at,
    )
