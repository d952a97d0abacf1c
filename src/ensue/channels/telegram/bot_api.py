"""The methods of Telegram's Bot API that Ensue calls, at Telegram's own server or one that the operator runs.

The token is part of the address of every call, so no address ever gets into a message or a log.
"""

import re
from typing import Any, Final, NamedTuple

import msgspec

from ensue.base import json
from ensue.channels.outgoing_http import OutgoingHttp, Reply

OFFICIAL: Final = "https://api.telegram.org"
TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}", re.ASCII)
"""What a bot's token looks like; it goes into the address of a call."""


class Refused(Exception):
    """Telegram answered that it did not do it.

    Attributes:
        code: as HTTP's status codes.
        description: a sentence in Telegram's words.
        retry_after: seconds, when it was too much at once.
    """

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


class Profile(NamedTuple):
    """Who a bot is."""

    bot_id: int
    username: str
    name: str


class Webhook(NamedTuple):
    """Where Telegram sends a bot's updates, and how that goes. `last_error_at` is in milliseconds."""

    url: str
    pending: int
    last_error: str | None
    last_error_at: int | None


class _Parameters(msgspec.Struct):
    retry_after: int | None = None


class _Answer(msgspec.Struct):
    ok: bool
    result: Any = None
    error_code: int | None = None
    description: str | None = None
    parameters: _Parameters | None = None


_answers = msgspec.json.Decoder(_Answer)


class BotApi:
    """Calls methods for any bot. Besides `Refused`, each raises `OutgoingFailed` when there is no answer."""

    def __init__(self, http: OutgoingHttp, root: str = OFFICIAL) -> None:
        self._http = http
        self._root = root

    async def profile(self, token: str) -> Profile:
        """Who the bot of a token is.

        Raises:
            Refused: 401 or 404 is how Telegram says that there is no such token.
        """
        me = await self.call(token, "getMe", {})
        try:
            return Profile(int(me["id"]), str(me["username"]), str(me["first_name"]))
        except (TypeError, KeyError, ValueError):
            raise Refused(502, "The answer to getMe is none of the Bot API's.") from None

    async def set_webhook(self, token: str, url: str, secret: str, kinds: tuple[str, ...]) -> None:
        """Let updates of some kinds be sent to an address, with a secret that shows who sends them."""
        wanted = {"url": url, "secret_token": secret, "allowed_updates": list(kinds)}
        await self.call(token, "setWebhook", wanted)

    async def delete_webhook(self, token: str) -> None:
        """Let no updates be sent any more."""
        await self.call(token, "deleteWebhook", {})

    async def webhook(self, token: str) -> Webhook:
        """How the sending of updates goes."""
        told = await self.call(token, "getWebhookInfo", {})
        told = told if isinstance(told, dict) else {}
        at = told.get("last_error_date")
        return Webhook(
            str(told.get("url", "")),
            int(told.get("pending_update_count", 0)),
            told.get("last_error_message"),
            at * 1000 if isinstance(at, int) else None,
        )

    async def call(self, token: str, method: str, parameters: dict[str, Any]) -> Any:
        """The result of a method.

        Raises:
            Refused: Telegram did not do it.
        """
        reply = await self._http.post(
            f"{self._root}/bot{token}/{method}", json.encode(parameters), {"content-type": "application/json"}
        )
        return _result(reply)


def _result(reply: Reply) -> Any:
    try:
        answer = _answers.decode(reply.body)
    except msgspec.DecodeError:
        raise Refused(
            reply.status if reply.status >= 400 else 502, f"HTTP {reply.status}, and no answer of the Bot API's"
        ) from None
    if answer.ok and reply.status < 300:
        return answer.result
    after = answer.parameters.retry_after if answer.parameters is not None else None
    raise Refused(answer.error_code or reply.status, answer.description or f"HTTP {reply.status}", after)
