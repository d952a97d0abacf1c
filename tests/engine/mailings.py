"""Messages that have been sent, for tests of what people do with them."""

from typing import Any

from ensue.engine.messages.machines import Visit
from ensue.model.message import MARKETING, SENT, Message
from tests.engine.world import World

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def sent(world: World, contact_id: int | None, *targets: str, **fields) -> int:
    """A message that was handed over a second before it was taken, which is now."""
    message = Message(
        id=world.engine.ids.next(), channel="EMAIL", kind=MARKETING, status=SENT, created_at=world.now,
        updated_at=world.now, contact_id=contact_id, address="Jane@Example.com", handed_at=world.now - 1_000,
        sent_at=world.now,
    )  # fmt: skip
    message = Message(**{name: getattr(message, name) for name in Message.__struct_fields__} | fields)

    def work(room):
        room.tables.messages.add([message])
        room.tables.message_links.keep(message.id, targets)

    world.change(work)
    return message.id


def visit(world: World, method: str = "GET", agent: str | None = BROWSER, **headers: str) -> Visit:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Visit(world.now, method, named | ({"user-agent": agent} if agent is not None else {}))


def stored(world: World, message_id: int) -> Message:
    message = world.ask(lambda tables: tables.messages.get(message_id))
    assert message is not None
    return message


def engagement(world: World, message_id: int) -> tuple[int, ...]:
    """(opens, by machines, clicks, by machines)."""
    return tuple(world.ask(lambda tables: tables.message_links.engagement(message_id)))


def events(world: World, prefix: str = "message.") -> list[tuple[str, dict[str, Any]]]:
    """(type, metadata) of the events that made themselves, oldest first."""
    rows = world.ask(lambda tables: tables.events.page(None, None, None, None, None, None, 100))
    found = world.ask(lambda tables: [tables.events.get(row[0]) for row in reversed(rows)])
    return [(kept[0].type, kept[0].metadata) for kept in found if kept and kept[0].type.startswith(prefix)]
