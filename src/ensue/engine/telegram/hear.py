"""What follows from an update that a bot was sent, in one transaction.

The chat is tied, consent follows what the person did, and the message becomes an event like any other. Only a private
chat is one person's: of groups and channels the messages become anonymous events, and nothing more.
"""

from typing import Any, Final

from ensue.base import json
from ensue.base.clock import DAY
from ensue.base.sealing import Signer
from ensue.engine.arrival import CHATS, Arrival
from ensue.engine.contacts import changes, erasures, reach
from ensue.engine.ingest import ingest
from ensue.engine.telegram import link as links
from ensue.engine.telegram import tie as ties
from ensue.engine.telegram.update import Message, Standing, Update
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.telegram import Bot

CHANNEL: Final = "TELEGRAM"
EVENT: Final = "telegram.message_received"
SOURCE: Final = "telegram"

# Telegram gives up on an update after a day.
_REMEMBERED = 7 * DAY

# So begins the source of every consent that was given or taken back in the chat, also of what the answer to a message
# says (engine/messages/outcome.py). Only that is undone there: an opt-out from elsewhere stands.
_HERE = "telegram: "
_STARTED, _STOPPED, _BLOCKED = _HERE + "/start", _HERE + "/stop", _HERE + "blocked"


def session_key(bot_id: int, chat_id: int) -> str:
    """The key of the session that stands for a chat with a bot (Telegram's ids)."""
    return f"{CHATS}{bot_id}:{chat_id}"


def address(bot_id: int, chat_id: int) -> str:
    """The address of the device that stands for a chat: a person has the same chat id with every bot."""
    return f"{bot_id}:{chat_id}"


def hear(room: WorkingSet, bot: Bot, update: Update, signer: Signer, *, tying: bool = True) -> None:
    """Let follow what follows from an update; nothing, when it came before, or the person was erased.

    Without `tying` a deep link ties nobody: for an update that was refused because of what it would have tied.

    Raises:
        Invalid: the contacts that a link would make one have more attributes than a contact may hold.
    """
    content = update.content
    if content is None or not room.tables.telegram.claim_update(bot.bot_id, update.update_id, room.now):
        return
    room.tables.telegram.forget_updates(room.now - _REMEMBERED)
    key = session_key(bot.bot_id, content.chat_id)
    if erasures.erased(room, "sessionId", key):
        return
    match content:
        case Message():
            _message(room, bot, content, key, signer, tying=tying)
        case Standing():
            if content.private:
                _standing(room, bot, content, key)


def _message(room: WorkingSet, bot: Bot, message: Message, key: str, signer: Signer, *, tying: bool) -> None:
    metadata = _metadata(bot, message)
    if message.private:
        link = links.read(signer, message.payload) if message.payload is not None else None
        if link is not None:
            outcome = ties.tie(room, key, _names(message), link) if tying else "REFUSED"
            # The token shows in lists and exports, and says nothing but that it was used.
            metadata |= {"text": "/start", "link": outcome}
            del metadata["payload"]
        reach.reachable(room, key, CHANNEL, address(bot.bot_id, message.chat_id), _detail(bot, message))
        _heed(room, key, message.command)
    arrival = Arrival(
        room.tables.workspace_id,
        EVENT,
        room.now,
        timestamp=min(message.at, room.now) if message.at > 0 else room.now,
        metadata=metadata,
        metadata_text=json.encode_text(metadata),
        session_id=key,
        source=SOURCE,
    )
    ingest(room, [arrival])


def _heed(room: WorkingSet, key: str, command: str | None) -> None:
    """/stop takes the consent back, /start gives it, unless it was taken back elsewhere."""
    match command:
        case "stop":
            _consent(room, key, "OPTED_OUT", _STOPPED)
        case "start":
            _consent(room, key, "OPTED_IN", _STARTED)
        case _:
            pass


def _standing(room: WorkingSet, bot: Bot, standing: Standing, key: str) -> None:
    """The bot was blocked, or let in again: that alone is no consent."""
    place = address(bot.bot_id, standing.chat_id)
    if not standing.gone:
        if room.known_session(key) is not None:
            known = room.tables.devices.by_address(CHANNEL, place)
            detail = known.detail if known is not None else {"botId": bot.bot_id, "chatId": standing.chat_id}
            reach.reachable(room, key, CHANNEL, place, detail)
        return
    room.tables.devices.gone(CHANNEL, place, room.now)
    room.tables.visitor_devices.remove(CHANNEL, place)
    _consent(room, key, "OPTED_OUT", _BLOCKED)


def _consent(room: WorkingSet, key: str, status: str, source: str) -> None:
    subject = ties.owner(room, key)
    if subject is None:
        return
    before = subject.consent(CHANNEL)
    if before == status or (before == "OPTED_OUT" and not _source(room, subject.id).startswith(_HERE)):
        return
    changes.set_consent(subject, CHANNEL, status, source, Cause("CHANGE"))


def _source(room: WorkingSet, contact_id: int) -> str:
    """Where the consent was given or taken back."""
    rows = room.tables.timeline.consents(contact_id)
    return next((source for channel, _, source, _ in rows if channel == CHANNEL), "")


def _metadata(bot: Bot, message: Message) -> dict[str, Any]:
    said = {
        "bot": bot.username,
        "chatId": message.chat_id,
        "chat": "private" if message.private else "group",
        "messageId": message.message_id,
        "kind": message.kind,
        "text": message.text,
        "command": message.command,
        "payload": message.payload,
        **message.sender,
    }
    return {name: value for name, value in said.items() if value is not None}


def _detail(bot: Bot, message: Message) -> dict[str, Any]:
    place = {"botId": bot.bot_id, "chatId": message.chat_id}
    username = message.sender.get("username")
    return place | {"username": username} if username is not None else place


def _names(message: Message) -> dict[str, str]:
    found = {name: message.sender.get(name, "").strip() for name in ("firstName", "lastName")}
    return {name: value for name, value in found.items() if value}
