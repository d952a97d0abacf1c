"""A bot of Telegram that a workspace speaks through."""

from typing import Literal

import msgspec

BotStatus = Literal["CONNECTING", "CONNECTED", "FAILED"]


class Bot(msgspec.Struct, frozen=True):
    """One connected bot.

    `bot_id`, `username` and `name` are Telegram's. `token` is sealed. `secret` is the digest of what Telegram is asked
    to send with every update; `former_secret` that of the one before, until Telegram has confirmed the new one.
    CONNECTING: it has not answered yet. FAILED: it refused, and `error` says why; sending works all the same.
    """

    workspace_id: int
    id: int
    bot_id: int
    username: str
    name: str
    token: bytes
    secret: bytes
    former_secret: bytes | None
    webhook_url: str
    status: BotStatus
    error: str | None
    created_at: int
    updated_at: int
