"""What Telegram would say of a bot, for tests that have no server."""

from typing import Any

from ensue.base.sealing import Signer
from ensue.engine.telegram import link as links
from ensue.engine.telegram.hear import hear, session_key
from ensue.engine.telegram.update import read
from ensue.model.telegram import Bot
from tests.engine.world import World

BOT = 700
PERSON = 4_200_000_001


def message(text: str | None = "hello", chat: int = PERSON, at: int = 0, **more: Any) -> dict[str, Any]:
    """A private message; `more` takes the place of its fields."""
    body: dict[str, Any] = {
        "message_id": 5,
        "date": at // 1000,
        "chat": {"id": chat, "type": "private" if chat > 0 else "group"},
        "from": {"id": abs(chat), "is_bot": False, "first_name": "Grace", "username": "grace", "language_code": "en"},
    }
    return {"message": body | ({"text": text} if text is not None else {}) | more}


def standing(status: str, chat: int = PERSON) -> dict[str, Any]:
    return {"my_chat_member": {"chat": {"id": chat, "type": "private"}, "new_chat_member": {"status": status}}}


class Line:
    """A bot, and those who write to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.signer = Signer(b"k" * 32)
        self.bot = Bot(
            world.workspace, 1, BOT, "shop_bot", "Shop", b"", b"", None, "https://x.example", "CONNECTED", None, 1, 1
        )
        self._updates = 0

    def hear(self, content: dict[str, Any], update_id: int | None = None) -> None:
        self._updates += 1
        update = read({"update_id": self._updates if update_id is None else update_id, **content})
        self.world.change(lambda room: hear(room, self.bot, update, self.signer))

    def say(self, text: str, chat: int = PERSON, **more: Any) -> None:
        self.hear(message(text, chat, self.world.now, **more))

    def token(self, kind: links.Kind, subject: int, life: int = 60_000) -> str:
        link = links.make(kind, subject, self.world.engine.ids.next(), self.world.now + life)
        return links.token(self.signer, link)

    def session(self, key: str) -> int:
        """The id of a browser session."""
        return self.world.change(lambda room: room.session(key)[0])

    def owner(self, chat: int = PERSON) -> int | None:
        """The contact that a chat is tied to."""
        known = self.world.ask(lambda tables: tables.sessions.find(session_key(BOT, chat)))
        return known[1] if known else None

    def devices(self, contact_id: int, channel: str = "TELEGRAM") -> list[str]:
        return [device.address for device in self.world.ask(lambda t: t.devices.of_contact(contact_id, channel))]

    def consent(self, contact_id: int) -> str:
        return self.world.ask(lambda tables: dict(tables.contacts.consents(contact_id))).get("TELEGRAM", "UNKNOWN")

    def heard(self) -> list[tuple[int | None, dict[str, Any]]]:
        """(contact, metadata) of the messages that became events, oldest first."""
        rows = self.world.rows(
            """SELECT e.id FROM events e JOIN event_types t ON t.id = e.type_id AND t.workspace_id = e.workspace_id
            WHERE t.name = 'telegram.message_received' ORDER BY e.id"""
        )
        events = self.world.ask(lambda tables: [tables.events.get(row[0]) for row in rows])
        return [(found[0].contact_id, found[0].metadata) for found in events if found is not None]
