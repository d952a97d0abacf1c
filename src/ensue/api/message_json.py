"""Messages as they come in and are shown."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from ensue.api.bodies import Answer, ShownInstant, Text
from ensue.api.paging import Place
from ensue.api.template_json import Channel, Texts, Values
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.messages.handling import NO_SUCH_MESSAGE
from ensue.model.message import Attempt, Message

Kind = Literal["MARKETING", "TRANSACTIONAL"]
Status = Literal[
    "QUEUED", "SENDING", "UNKNOWN", "FAILED", "SENT", "DELIVERED", "BOUNCED", "OPENED", "CLICKED", "UNSUBSCRIBED"
]
Outcome = Literal["ACCEPTED", "DEFERRED", "REJECTED", "UNKNOWN"]


class NewMessage(Texts):
    """One message: to a contact, or to a mail address; with a template, or with texts of its own."""

    channel: Channel = "EMAIL"
    kind: Kind = "TRANSACTIONAL"
    contact_id: str | None = None
    to: Annotated[Text, Field(max_length=bounds.EMAIL)] | None = None
    template_id: str | None = None
    values: Values | None = None


class ShownMessage(Answer):
    """A message. `reason` and `detail` say why it was not sent, or is held back; `nextAt` when it is looked at next."""

    id: str
    channel: Channel
    kind: Kind
    status: Status
    reason: str | None
    detail: str | None
    contact_id: str | None
    to: str | None
    subject: str | None
    template_id: str | None
    template_version: int | None
    campaign_id: str | None
    enrollment_id: str | None
    node_id: str | None
    event_id: str | None
    attempts: int
    next_at: ShownInstant | None
    created_at: ShownInstant
    sent_at: ShownInstant | None
    delivered_at: ShownInstant | None
    opened_at: ShownInstant | None
    clicked_at: ShownInstant | None


class ShownAttempt(Answer):
    """One hand-over: what became of it, in the words of the other side, and when the next one was to be."""

    attempt: int
    outcome: Outcome
    reason: str | None
    started_at: ShownInstant
    ended_at: ShownInstant
    next_at: ShownInstant | None


class MessageInFull(ShownMessage):
    """A message with its texts as they were sent, and the log of its hand-overs."""

    content: dict[str, Any] | None
    provider_id: str | None
    log: list[ShownAttempt]


class MessagePage(Answer):
    """A page of messages."""

    data: list[ShownMessage]
    pagination: Place


class QueuedMessages(Answer):
    """What was queued: one message, or one for each device of the contact."""

    data: list[ShownMessage]


def message_number(message_id: Annotated[str, Path(alias="messageId")]) -> int:
    """A dependency of routes with `{messageId}`: the number of that id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("msg", message_id)
    if number is None:
        raise NotFound(NO_SUCH_MESSAGE)
    return number


def shown(message: Message) -> ShownMessage:
    """A message in a list."""
    return ShownMessage(**_fields(message))


def in_full(message: Message, log: list[Attempt]) -> MessageInFull:
    """A message by itself."""
    lines = [
        ShownAttempt.model_validate(
            {
                "attempt": line.attempt,
                "outcome": line.outcome,
                "reason": line.reason,
                "started_at": line.started_at,
                "ended_at": line.ended_at,
                "next_at": line.next_at,
            }
        )
        for line in log
    ]
    return MessageInFull(**_fields(message), content=message.rendered, provider_id=message.provider_id, log=lines)


def _fields(message: Message) -> dict[str, Any]:
    ids = {
        "id": ("msg", message.id),
        "contact_id": ("ct", message.contact_id),
        "template_id": ("tpl", message.template_id),
        "campaign_id": ("cmp", message.campaign_id),
        "enrollment_id": ("enr", message.enrolment_id),
        "event_id": ("evt", message.event_id),
    }
    same = (
        "channel", "kind", "status", "reason", "detail", "template_version", "node_id", "created_at", "sent_at",
        "delivered_at", "opened_at", "clicked_at",
    )  # fmt: skip
    texts = message.rendered or {}
    return {
        **{name: show(prefix, number) if number is not None else None for name, (prefix, number) in ids.items()},
        **{name: getattr(message, name) for name in same},
        "to": message.address,
        "subject": texts.get("subject") or texts.get("title"),
        "attempts": message.attempt,
        "next_at": message.due_at,
    }
