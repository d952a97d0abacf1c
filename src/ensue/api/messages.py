"""Messages: what was sent to whom and what became of it; one sent by itself, tried again, called off."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import TemplateRoute
from ensue.api.contact_query import refuse_unknown
from ensue.api.context import Context, Here
from ensue.api.message_json import (
    Kind,
    MessageInFull,
    MessagePage,
    NewMessage,
    QueuedMessages,
    Status,
    in_full,
    message_number,
    shown,
)
from ensue.api.paging import PageNumber, PageSize, place
from ensue.api.template_json import Channel, Texts, content_of
from ensue.base import bounds, json
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import read
from ensue.engine.contacts.profile import read as read_profile
from ensue.engine.messages import handling
from ensue.engine.messages.handling import NO_SUCH_MESSAGE, Sending
from ensue.engine.messages.orders import Order
from ensue.engine.templates import unfit
from ensue.engine.working_set import WorkingSet
from ensue.model.message import Message
from ensue.store.ports import Tables
from ensue.store.sql.messages import Filter
from ensue.templates.render import check

T = TypeVar("T")

router = APIRouter(prefix="/api/workspaces/{workspaceId}/messages", tags=["Messages"], route_class=TemplateRoute)

Reader = Annotated[Caller, Depends(allow("messages:read"))]
Writer = Annotated[Caller, Depends(allow("messages:write"))]
Id = Annotated[str | None, Query(max_length=40)]


@router.get("", summary="List messages")
async def list_messages(
    request: Request,
    here: Here,
    caller: Reader,
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
    contact_id: Annotated[Id, Query(alias="contactId")] = None,
    campaign_id: Annotated[Id, Query(alias="campaignId")] = None,
    enrollment_id: Annotated[Id, Query(alias="enrollmentId")] = None,
    channel: Channel | None = None,
    kind: Kind | None = None,
    status: Status | None = None,
    reason: Annotated[str | None, Query(max_length=50, description="Why it was not sent: `GAVE_UP`")] = None,
) -> MessagePage:
    """Newest first. `status=FAILED&reason=GAVE_UP` are those that were tried to the end, which can be replayed."""
    refuse_unknown(request)
    which = Filter(
        contact_id=_number("ct", "contactId", contact_id),
        campaign_id=_number("cmp", "campaignId", campaign_id),
        enrolment_id=_number("enr", "enrollmentId", enrollment_id),
        channel=channel,
        kind=kind,
        status=status,
        reason=reason,
    )
    size = min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> MessagePage:
        total, found = tables.workspace(caller.workspace_id).messages.page(which, size, (page - 1) * size)
        return MessagePage(data=[shown(message) for message in found], pagination=place(page, size, total))

    return await here.services.ask(question)


@router.post("", status_code=201, summary="Send a message")
async def send_message(
    here: Here,
    caller: Writer,
    response: Response,
    wanted: NewMessage,
    key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=bounds.IDEMPOTENCY_KEY)] = None,
) -> QueuedMessages:
    """Queue one message. TRANSACTIONAL, unless said otherwise: it heeds neither consent nor quiet hours nor caps.

    A suppressed address gets nothing all the same (422). With a key, a retry is safe: it gets the first answer.
    """
    # Texts are compiled on the way, which is not for the event loop.
    sending = await here.services.ask(lambda _tables: _sending(wanted))
    claim = _claim(key, wanted)

    def work(room: WorkingSet) -> tuple[list[Message], bool]:
        if claim is not None and (found := room.tables.keys.find(claim[0])) is not None:
            return _replayed(room, claim[1], found), True
        if (fault := unfit(room, sending.order.template_id, sending.order.channel)) is not None:
            raise Invalid.at("templateId", fault)
        queued = handling.send(room, sending)
        if claim is not None:
            room.tables.keys.claim(*claim, queued[0].id)
        return queued, False

    messages, replayed = await here.services.change(caller.workspace_id, work)
    if replayed:
        response.headers["idempotency-replayed"] = "true"
    return QueuedMessages(data=[shown(message) for message in messages])


@router.get("/{messageId}", summary="Get a message")
async def get_message(here: Here, caller: Reader, number: Annotated[int, Depends(message_number)]) -> MessageInFull:
    """With its texts as they are sent, and the log of its hand-overs."""
    return await _in_full(here, caller, number)


@router.post("/{messageId}/replay", summary="Send a message again")
async def replay_message(here: Here, caller: Writer, number: Annotated[int, Depends(message_number)]) -> MessageInFull:
    """One that was not sent, or of which nobody knows, is tried again from the start, under the same id."""
    return await _ordered(here, caller, number, "message.replay", handling.replay)


@router.post("/{messageId}/cancel", summary="Call a message off")
async def cancel_message(here: Here, caller: Writer, number: Annotated[int, Depends(message_number)]) -> MessageInFull:
    """One that waits is not sent any more. One that is being handed over right now is (409)."""
    return await _ordered(here, caller, number, "message.cancel", handling.cancel)


async def _ordered(
    here: Context, caller: Caller, number: int, action: str, work: Callable[[WorkingSet, int], Message]
) -> MessageInFull:
    def ordered(tables: Tables) -> None:
        here.services.engine.within(tables, caller.workspace_id, lambda room: work(room, number))
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, action, ("msg", number))

    await here.services.write(ordered)
    return await _in_full(here, caller, number)


async def _in_full(here: Context, caller: Caller, number: int) -> MessageInFull:
    def question(tables: Tables) -> MessageInFull:
        messages = tables.workspace(caller.workspace_id).messages
        message = messages.get(number)
        if message is None:
            raise NotFound(NO_SUCH_MESSAGE)
        return in_full(message, messages.attempts(number))

    return await here.services.ask(question)


def _sending(wanted: NewMessage) -> Sending:
    """What a request orders.

    Raises:
        Invalid: by path: nobody or two are named, or its texts are not sound.
    """
    if (wanted.contact_id is None) is (wanted.to is None):
        raise Invalid.at("contactId", "is required, or to, and not both")
    if wanted.to is not None and wanted.channel != "EMAIL":
        raise Invalid.at("to", "is for EMAIL; on other channels, name a contact")
    template_id = _number("tpl", "templateId", wanted.template_id)
    texts = {name: value for name in Texts.model_fields if (value := getattr(wanted, name)) is not None}
    if template_id is None:
        check(content_of(wanted.channel, wanted))
        if wanted.channel == "WEBHOOK" and wanted.url is None:
            raise Invalid.at("url", "is required")
    elif texts.keys() - {"url"}:
        raise Invalid.of([(name, "cannot stand beside a template") for name in sorted(texts.keys() - {"url"})])
    order = Order(wanted.channel, wanted.kind, texts or None, template_id, wanted.values)
    return Sending(order, _number("ct", "contactId", wanted.contact_id), _address(wanted.to))


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return read_profile({"email": text})[0]["email"]
    except Invalid:
        raise Invalid.at("to", "must be an e-mail address") from None


def _number(prefix: str, name: str, text: str | None) -> int | None:
    """The number of an id in a request; None when it is not said.

    Raises:
        Invalid: it is no such id.
    """
    if text is None:
        return None
    number = read(prefix, text)
    if number is None:
        raise Invalid.at(name, "is no id of that kind")
    return number


def _claim(key: str | None, wanted: NewMessage) -> tuple[bytes, bytes] | None:
    """The digests of a key and of what it is for. Messages have keys of their own, apart from those of events."""
    if key is None:
        return None
    body = json.canonical(wanted.model_dump(by_alias=True)).encode()
    return _digest(key.encode()), _digest(body)


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16, person=b"message").digest()


def _replayed(room: WorkingSet, fingerprint: bytes, found: tuple[bytes, int]) -> list[Message]:
    """What the key was used for before.

    Raises:
        Conflict: something else. NotFound: it was erased.
    """
    if found[0] != fingerprint:
        raise Conflict("This idempotency key was used with another body.", code="idempotency_key_reused")
    return [handling.named(room, found[1])]
