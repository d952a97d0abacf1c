"""An update of the Bot API, read down to what Ensue does something with.

Telegram adds fields and kinds of updates all the time: whatever is not known is passed over, never refused.
"""

from typing import Any, NamedTuple

from ensue.base.errors import Invalid

KINDS = ("message", "my_chat_member")
"""The updates that Telegram is asked to send (`allowed_updates`)."""

TEXT_MOST = 4_096

_GONE = frozenset({"kicked", "left"})
# What a message can carry beside its text, by Telegram's own field; the first that is there says its kind.
_CARRIED = (
    "photo", "video", "animation", "voice", "audio", "document", "sticker", "video_note", "location", "venue",
    "contact", "poll", "dice", "story",
)  # fmt: skip


class Message(NamedTuple):
    """Somebody wrote to the bot.

    Attributes:
        at: when, in milliseconds.
        kind: `text`, or what Telegram calls that which it carries (`photo`, `voice`, …), else `other`.
        text: the text or the caption.
        command: the name of a command that it begins with, without the slash and in lower case.
        payload: what follows `/start`, as a deep link has put it there.
        sender: username, first and last name, language, where Telegram says them.
    """

    chat_id: int
    private: bool
    message_id: int
    at: int
    kind: str
    text: str | None
    command: str | None
    payload: str | None
    sender: dict[str, str]


class Standing(NamedTuple):
    """Whether the bot may write to a chat has changed."""

    chat_id: int
    private: bool
    gone: bool


class Update(NamedTuple):
    """One update; `content` is None when it is of a kind that nothing follows from."""

    update_id: int
    content: Message | Standing | None


def read(body: object) -> Update:
    """An update from decoded JSON.

    Raises:
        Invalid: it is none: it has no `update_id`.
    """
    if not isinstance(body, dict):
        raise Invalid.at("$", "must be an object")
    update_id = _number(body.get("update_id"))
    if update_id is None or not 0 <= update_id < 2**63:
        raise Invalid.at("update_id", "must be a whole number")
    content = _message(body.get("message")) or _standing(body.get("my_chat_member"))
    return Update(update_id, content)


def _message(message: object) -> Message | None:
    if not isinstance(message, dict):
        return None
    chat, message_id, date = _chat(message), _number(message.get("message_id")), _number(message.get("date"))
    if chat is None or message_id is None or date is None:
        return None
    text = _text(message.get("text")) or _text(message.get("caption"))
    carried = next((name for name in _CARRIED if name in message), None)
    kind = carried or ("text" if "text" in message else "other")
    command, argument = _command(text) if kind == "text" and text is not None else (None, None)
    return Message(
        *chat, message_id, date * 1000, kind, text, command, argument if command == "start" else None, _sender(message)
    )


def _standing(change: object) -> Standing | None:
    if not isinstance(change, dict):
        return None
    chat, new = _chat(change), change.get("new_chat_member")
    if chat is None or not isinstance(new, dict) or not isinstance(new.get("status"), str):
        return None
    return Standing(*chat, new["status"] in _GONE)


def _chat(holder: dict[str, Any]) -> tuple[int, bool] | None:
    chat = holder.get("chat")
    if not isinstance(chat, dict):
        return None
    chat_id = _number(chat.get("id"))
    return (chat_id, chat.get("type") == "private") if chat_id is not None else None


def _sender(message: dict[str, Any]) -> dict[str, str]:
    sender = message.get("from")
    if not isinstance(sender, dict):
        return {}
    names = {"username": "username", "first_name": "firstName", "last_name": "lastName", "language_code": "language"}
    found = {ours: _text(sender.get(theirs)) for theirs, ours in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _command(text: str) -> tuple[str | None, str | None]:
    """The command that a text begins with, and what follows it: `/start@OurBot abc` is (`start`, `abc`)."""
    if not text.startswith("/"):
        return None, None
    word, _, rest = text[1:].partition(" ")
    return word.split("@")[0].lower() or None, rest.strip() or None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value[:TEXT_MOST] if isinstance(value, str) and value else None
