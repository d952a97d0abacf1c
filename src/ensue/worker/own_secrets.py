"""What a workspace sends with that no sender holds: the tokens of its bots, and its key for push."""

from typing import Any

from ensue.base.sealing import Sealer
from ensue.base.web_push import to_base64url
from ensue.store.ports import WorkspaceTables


def own_secrets(sealer: Sealer, own: WorkspaceTables, channel: str) -> dict[str, Any]:
    """What joins the settings of a channel.

    Raises:
        SealBroken: it was sealed with another key.
    """
    match channel:
        case "TELEGRAM":
            bots = own.telegram.bots()
            return {"tokens": {str(bot.bot_id): sealer.open(own.workspace_id, bot.token).decode() for bot in bots}}
        case "PUSH":
            key = own.push_keys.get()
            return {"privateKey": to_base64url(sealer.open(own.workspace_id, key.private))} if key is not None else {}
        case _:
            return {}
