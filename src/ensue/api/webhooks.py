"""Webhooks: addresses that are told what happens, and everything that they were told."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from ensue.accounts import roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, StrictRoute, Text
from ensue.api.contacts import Pagination
from ensue.api.context import Context, Here
from ensue.api.webhook_json import (
    DeliveryInFull,
    ShownDelivery,
    ShownWebhook,
    WebhookInWork,
    WebhookWithSecret,
    delivery,
    delivery_number,
    in_full,
    webhook,
    webhook_number,
)
from ensue.base import bounds
from ensue.base.clock import from_iso
from ensue.base.errors import Invalid
from ensue.base.ids import id_at
from ensue.engine.webhooks import editing, interests
from ensue.engine.working_set import WorkingSet
from ensue.model.webhook import DeliveryStatus, WebhookEndpoint
from ensue.store.ports import Tables
from ensue.store.sql.webhooks import Filter

T = TypeVar("T")

router = APIRouter(prefix="/api/workspaces/{workspaceId}/webhooks", tags=["Webhooks"], route_class=StrictRoute)

# Who chooses what leaves the workspace, and where to, could read all of it: that is the administrators' affair.
Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]
Url = Annotated[str, Field(max_length=bounds.TEXT)]
Description = Annotated[str, Field(max_length=bounds.NAME)]
Wishes = Annotated[
    list[Annotated[Text, Field(max_length=bounds.EVENT_TYPE + len(interests.EVENT) + 1)]],
    Field(
        min_length=1, max_length=bounds.WEBHOOK_WISHES, examples=[["contact.*", "segment.entered", "event:purchase"]]
    ),
]


class NewWebhook(Body):
    """An endpoint to be made. Without a `secret` (`whsec_…`, of Standard Webhooks) it gets one."""

    url: Url
    events: Wishes
    description: Description | None = None
    secret: Annotated[str, Field(max_length=bounds.NAME)] | None = None


class WebhookChanges(Body):
    """What to change."""

    url: Url | None = None
    events: Wishes | None = None
    description: Description | None = None


class Recovery(Body):
    """From when on deliveries that were given up are sent again."""

    since: Instant


class Recovered(Answer):
    """How many deliveries are sent again."""

    queued: int


class DeliveryPage(Answer):
    """A page of deliveries."""

    data: list[ShownDelivery]
    pagination: Pagination


@router.get("", summary="All webhooks")
async def list_webhooks(here: Here, caller: Admin) -> list[ShownWebhook]:
    """Oldest first."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).webhook_endpoints.all())
    return [ShownWebhook(**webhook(endpoint, here.now)) for endpoint in found]


@router.post("", status_code=201, summary="Make a webhook")
async def create_webhook(here: Here, caller: Admin, wanted: NewWebhook) -> WebhookWithSecret:
    """From now on it is told what happens. The secret is in this answer and in no other."""

    def work(room: WorkingSet) -> tuple[WebhookEndpoint, str]:
        return editing.create(room, here.services.sealer, wanted.url, wanted.description, wanted.events, wanted.secret)

    endpoint, secret = await _recorded(here, caller, "webhook.create", work)
    return WebhookWithSecret(**webhook(endpoint, here.now), secret=secret)


@router.get("/{webhookId}", summary="A webhook")
async def get_webhook(here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]) -> WebhookInWork:
    """With how much waits for it, counted up to 100,000."""

    def question(tables: Tables) -> tuple[WebhookEndpoint, int]:
        own = tables.workspace(caller.workspace_id)
        return editing.known(own, number), own.webhook_deliveries.waiting(number, bounds.WEBHOOK_BACKLOG)

    endpoint, waiting = await here.services.ask(question)
    return WebhookInWork(**webhook(endpoint, here.now), waiting=waiting)


@router.patch("/{webhookId}", summary="Change a webhook")
async def change_webhook(
    here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)], body: WebhookChanges
) -> ShownWebhook:
    """Set the fields that are named. What waits already goes to the new address."""
    fields: dict[str, Any] = {}
    if body.url is not None:
        fields["url"] = editing.sound_url(body.url)
    if body.events is not None:
        fields["kinds"] = interests.sound(body.events, "events")
    if "description" in body.model_fields_set:
        fields["description"] = body.description
    changed = await _recorded(here, caller, "webhook.change", lambda room: editing.change(room, number, **fields))
    return _shown(here, changed)


@router.delete("/{webhookId}", status_code=204, summary="Delete a webhook")
async def delete_webhook(here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]) -> Response:
    """With everything that it was told and was to be told."""
    await _recorded(here, caller, "webhook.delete", lambda room: editing.remove(room, number))
    return Response(status_code=204)


@router.post("/{webhookId}/rotate-secret", summary="Give a webhook a new secret")
async def rotate_secret(
    here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]
) -> WebhookWithSecret:
    """For 24 hours what is sent is signed with both, the new one first."""
    endpoint, secret = await _recorded(
        here, caller, "webhook.rotate", lambda room: editing.rotate(room, here.services.sealer, number)
    )
    return WebhookWithSecret(**webhook(endpoint, here.now), secret=secret)


@router.post("/{webhookId}/pause", summary="Tell a webhook nothing for a while")
async def pause_webhook(here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]) -> ShownWebhook:
    """What happens meanwhile is kept for it, at most 30 days."""
    return _shown(here, await _recorded(here, caller, "webhook.pause", lambda room: editing.pause(room, number)))


@router.post("/{webhookId}/resume", summary="Go on telling a paused or disabled webhook")
async def resume_webhook(here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]) -> ShownWebhook:
    """It is told what has waited for it. What happened while it was disabled was not kept."""
    return _shown(here, await _recorded(here, caller, "webhook.resume", lambda room: editing.resume(room, number)))


@router.post("/{webhookId}/test", status_code=202, summary="Send a test")
async def test_webhook(here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)]) -> ShownDelivery:
    """A `webhook.test` is sent, once. Look at the delivery for the answer. 409 when the webhook is not ACTIVE."""
    queued = await here.services.change(caller.workspace_id, lambda room: editing.test(room, number))
    return ShownDelivery(**delivery(queued))


@router.get("/{webhookId}/deliveries", summary="What a webhook was told, and is to be told")
async def list_deliveries(
    here: Here,
    caller: Admin,
    number: Annotated[int, Depends(webhook_number)],
    status: Annotated[DeliveryStatus | None, Query()] = None,
    event: Annotated[str | None, Query(max_length=bounds.TEXT, description="Such as `segment.entered`")] = None,
    since: Annotated[str | None, Query(description="Made at or after this instant")] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, description=f"At most {bounds.PAGE_MOST}")] = bounds.PAGE_DEFAULT,
) -> DeliveryPage:
    """Newest first, for 30 days."""
    size = min(limit, bounds.PAGE_MOST)
    wanted = Filter(status, event, id_at(_instant(since)) if since is not None else None)

    def question(tables: Tables) -> DeliveryPage:
        own = tables.workspace(caller.workspace_id)
        editing.known(own, number)
        found, total = own.webhook_deliveries.page(number, wanted, (page - 1) * size, size)
        return DeliveryPage(
            data=[ShownDelivery(**delivery(one)) for one in found],
            pagination=Pagination(page=page, limit=size, total=total, total_pages=-(-total // size)),
        )

    return await here.services.ask(question)


@router.get("/{webhookId}/deliveries/{deliveryId}", summary="A delivery with its content and every try")
async def get_delivery(
    here: Here,
    caller: Admin,
    number: Annotated[int, Depends(webhook_number)],
    one: Annotated[int, Depends(delivery_number)],
) -> DeliveryInFull:
    """What was sent each time, and what came back."""

    def question(tables: Tables) -> DeliveryInFull:
        own = tables.workspace(caller.workspace_id)
        return in_full(editing.delivery_of(own, number, one), own.webhook_deliveries.attempts(one))

    return await here.services.ask(question)


@router.post("/{webhookId}/deliveries/{deliveryId}/redeliver", status_code=202, summary="Send a delivery again")
async def redeliver(
    here: Here,
    caller: Admin,
    number: Annotated[int, Depends(webhook_number)],
    one: Annotated[int, Depends(delivery_number)],
) -> ShownDelivery:
    """By the same `webhook-id`, also what has arrived already. 409 while a try is under way."""
    queued = await here.services.change(caller.workspace_id, lambda room: editing.redeliver(room, number, one))
    return ShownDelivery(**delivery(queued))


@router.post("/{webhookId}/recover", status_code=202, summary="Send again what was given up")
async def recover(
    here: Here, caller: Admin, number: Annotated[int, Depends(webhook_number)], body: Recovery
) -> Recovered:
    """Everything DEAD that was made at or after an instant."""
    queued = 0
    while some := await here.services.change(
        caller.workspace_id, lambda room: editing.recover(room, number, body.since)
    ):
        queued += some
    return Recovered(queued=queued)


async def _recorded(here: Context, caller: Caller, action: str, work: Callable[[WorkingSet], T]) -> T:
    """Change a webhook so that the audit log says so."""

    def changed(tables: Tables) -> T:
        result = here.services.engine.within(tables, caller.workspace_id, work)
        named = result[0] if isinstance(result, tuple) else result
        target = ("whk", named.id) if isinstance(named, WebhookEndpoint) else None
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, action, target)
        return result

    return await here.services.write(changed)


def _shown(here: Context, endpoint: WebhookEndpoint) -> ShownWebhook:
    return ShownWebhook(**webhook(endpoint, here.now))


def _instant(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise Invalid.at("since", f"is {error}") from None
