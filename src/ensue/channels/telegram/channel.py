"""Messages by a bot of Telegram.

Telegram knows no repetition when it sees one: what may have been sent is not sent again by itself.
"""

from typing import Any

from ensue.base.clock import SECOND
from ensue.channels.channel import Parcel
from ensue.channels.outgoing_http import OutgoingFailed
from ensue.channels.telegram.bot_api import BotApi, Refused
from ensue.channels.telegram.markup import telegram_html
from ensue.model.handover import Accepted, Deferred, Handover, Rejected, Unknown

_NO_CHAT = ("chat not found", "user not found", "peer_id_invalid", "group chat was upgraded")
_OVER = ("user is deactivated", "can't initiate conversation")


class TelegramChannel:
    """Hands messages to the Bot API.

    Of a parcel: `address` is `<bot>:<chat>`, `settings["tokens"]` has the tokens of the workspace's bots by their ids,
    `content` a `text`, or `html` of which what Telegram can show is kept, and perhaps a `url` for a button that says
    `title`.
    """

    name = "TELEGRAM"
    resends_unknown = False

    def __init__(self, api: BotApi) -> None:
        self._api = api

    async def hand_over(self, parcel: Parcel) -> Handover:
        """Try once."""
        bot, _, chat = parcel.address.partition(":")
        token = parcel.settings.get("tokens", {}).get(bot)
        if token is None:
            return Rejected("The bot that this chat is with is not connected.", "INVALID")
        message = _message(parcel, int(chat))
        if not message["text"]:
            return Rejected("The message has no text.", "INVALID")
        try:
            sent = await self._api.call(token, "sendMessage", message)
        except Refused as refused:
            return _verdict(refused)
        except OutgoingFailed as failed:
            return Unknown(str(failed)) if failed.sent else Deferred(str(failed))
        number = sent.get("message_id") if isinstance(sent, dict) else None
        return Accepted(str(number) if number is not None else None)

    async def close(self) -> None:
        """Nothing is held."""


def _message(parcel: Parcel, chat: int) -> dict[str, Any]:
    content = parcel.content
    message: dict[str, Any] = {
        "chat_id": chat,
        # A preview would be fetched by Telegram itself, which is nobody's click.
        "link_preview_options": {"is_disabled": not parcel.settings.get("linkPreview", False)},
    }
    if content.html is not None:
        message |= {"text": telegram_html(content.html), "parse_mode": "HTML"}
    else:
        message["text"] = (content.text or "").strip()
    if content.url:
        button = {"text": content.title or content.url, "url": content.url}
        message["reply_markup"] = {"inline_keyboard": [[button]]}
    return message


def _verdict(refused: Refused) -> Handover:
    said = refused.description.lower()
    match refused.code:
        case 429:
            return Deferred(refused.description, (refused.retry_after or 1) * SECOND)
        case 403 if any(words in said for words in _OVER):
            return Rejected(refused.description, "GONE")
        case 403:
            return Rejected(refused.description, "BLOCKED")
        case 400 if any(words in said for words in _NO_CHAT):
            return Rejected(refused.description, "GONE")
        case 401 | 404:
            # The token was revoked: a new one may come in time.
            return Deferred(f"Telegram does not know the bot's token: {refused.description}")
        case code if code >= 500:
            return Deferred(refused.description)
        case _:
            return Rejected(refused.description, "INVALID")
