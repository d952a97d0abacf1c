"""The moment of sending: a message is looked at again, and leased to who hands it over."""

from dataclasses import dataclass

import msgspec

from ensue.engine.messages.admission import decide
from ensue.engine.messages.orders import Admitted, Held, Refused
from ensue.engine.messages.recipients import of_message
from ensue.engine.working_set import WorkingSet
from ensue.model.message import FAILED, Message
from ensue.model.template import Rendered


@dataclass(frozen=True, slots=True)
class Composed:
    """A message that was put into words, outside the transaction.

    `message` is as it was read then. `fault` is why there are no words: a word of `Reason`, and a sentence. `targets`
    is where its links lead, the first being link 1.
    """

    message: Message
    rendered: Rendered | None
    template_version: int | None = None
    address: str | None = None
    fault: tuple[str, str] | None = None
    targets: tuple[str, ...] = ()


def lease(room: WorkingSet, composed: Composed, until: int) -> Message | None:
    """Begin to hand a message over; None when it is not to be handed over now, which is written.

    The lease is held until an instant. `attempt` of what comes back is the fencing token.
    """
    messages = room.tables.messages
    message = messages.get(composed.message.id)
    if message is None or message.attempt != composed.message.attempt or message.leased:
        return None
    if message.due_at is None or message.due_at > room.now:
        return None
    recipient = of_message(room.tables, message)
    match decide(room, message, recipient):
        case Refused(reason, detail):
            _fail(room, message, reason, detail)
            return None
        case Held(until_then, reason):
            messages.put_off(message.id, until_then, reason, room.now)
            return None
        case Admitted():
            pass
    if composed.fault is not None or composed.rendered is None:
        reason, detail = composed.fault or ("", "")
        _fail(room, message, reason, detail)
        return None
    leased = msgspec.structs.replace(
        message,
        address=recipient.address if composed.address is None else composed.address,
        rendered=message.rendered or msgspec.to_builtins(composed.rendered),
        template_version=composed.template_version or message.template_version,
    )
    if not messages.lease(leased, until, room.now):
        return None
    if message.rendered is None and composed.targets:
        room.tables.message_links.keep(message.id, composed.targets)
    return msgspec.structs.replace(
        leased, attempt=message.attempt + 1, tries=message.tries + 1, leased=True, due_at=until
    )


def _fail(room: WorkingSet, message: Message, reason: str, detail: str | None) -> None:
    if room.tables.messages.fail(message.id, FAILED, reason, detail, room.now) and room.notices is not None:
        failed = msgspec.structs.replace(message, status=FAILED, due_at=None, reason=reason, detail=detail)
        room.notices.message(failed, room.now)
