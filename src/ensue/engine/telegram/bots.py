"""Connecting a bot, in the transactions before and after Telegram is asked."""

import hmac
from typing import NamedTuple

import msgspec

from ensue.base.errors import Conflict, NotFound
from ensue.base.ids import Ids, show
from ensue.model.telegram import Bot
from ensue.store.ports import Tables


class Identity(NamedTuple):
    """Who a bot is, as Telegram says it."""

    bot_id: int
    username: str
    name: str


class Credentials(NamedTuple):
    """How we speak to Telegram, and how it shows us that it is Telegram: the sealed token, the digest of the secret."""

    token: bytes
    secret: bytes


def connect(
    tables: Tables, ids: Ids, workspace_id: int, identity: Identity, credentials: Credentials, webhook_root: str
) -> Bot:
    """Keep a bot whose token Telegram knows, before its webhook is set; a known one gets the new token.

    Updates are taken from the first moment on, also with the secret of before: Telegram changes over at a moment of its
    own.

    Raises:
        Conflict: it speaks for another workspace, and Telegram knows one webhook for each bot.
    """
    owner = tables.telegram_bot_owner(identity.bot_id)
    if owner not in {None, workspace_id}:
        raise Conflict(
            f"@{identity.username} is connected to another workspace; disconnect it there first.", code="bot_taken"
        )
    now = ids.instant()
    own = tables.workspace(workspace_id).telegram
    known = next((bot for bot in own.bots() if bot.bot_id == identity.bot_id), None)
    if known is None:
        number = ids.next()
        url = _webhook(webhook_root, number)
        bot = Bot(workspace_id, number, *identity, *credentials, None, url, "CONNECTING", None, now, now)
    else:
        bot = msgspec.structs.replace(
            known,
            username=identity.username,
            name=identity.name,
            token=credentials.token,
            secret=credentials.secret,
            former_secret=known.secret if known.status == "CONNECTED" else known.former_secret,
            webhook_url=_webhook(webhook_root, known.id),
            status="CONNECTING",
            error=None,
            updated_at=now,
        )
    own.put(bot)
    return bot


def confirm(tables: Tables, bot: Bot, at: int, error: str | None) -> Bot:
    """Keep what Telegram said to the webhook: nothing against it, or why not.

    Raises:
        NotFound: the bot was disconnected meanwhile.
    """
    own = tables.workspace(bot.workspace_id).telegram
    stored = own.bot(bot.id)
    if stored is None:
        raise NotFound("There is no such bot.")
    if stored.secret != bot.secret:
        # Somebody registered it again, and what Telegram said to that counts.
        return stored
    if error is None:
        stored = msgspec.structs.replace(stored, status="CONNECTED", error=None, former_secret=None, updated_at=at)
    else:
        stored = msgspec.structs.replace(stored, status="FAILED", error=error, updated_at=at)
    own.put(stored)
    return stored


def is_from_telegram(bot: Bot, digest: bytes) -> bool:
    """Whether the digest of what was sent along is that of the bot's secret; takes the same time for any other."""
    # Both are always compared.
    matches = [hmac.compare_digest(digest, known) for known in (bot.secret, bot.former_secret or bot.secret)]
    return any(matches)


def _webhook(root: str, number: int) -> str:
    return f"{root}/telegram/{show('bot', number)}"
