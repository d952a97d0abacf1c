"""Webhooks and their deliveries, as the API shows them."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from ensue.api.bodies import Answer, ShownInstant
from ensue.base import json
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.webhooks.editing import NO_SUCH_DELIVERY, NO_SUCH_ENDPOINT
from ensue.model.webhook import (
    AttemptOutcome,
    DeliveryStatus,
    DisabledBy,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)


class ShownWebhook(Answer):
    """An endpoint. PAUSED: what happens is kept for it; DISABLED: it is not, and `reason` says why."""

    id: str
    url: str
    description: str | None
    events: list[str]
    status: EndpointStatus
    reason: DisabledBy | None
    old_secret_until: ShownInstant | None = Field(description="Until when the secret before signs as well.")
    failing_since: ShownInstant | None = Field(description="The first failure since the last success.")
    last_success_at: ShownInstant | None
    created_at: ShownInstant
    updated_at: ShownInstant


class WebhookInWork(ShownWebhook):
    """An endpoint, and how many deliveries wait for it."""

    waiting: int


class WebhookWithSecret(ShownWebhook):
    """The only answers that hold a secret are those that made it."""

    secret: str


class ShownDelivery(Answer):
    """One thing that an endpoint is told; `id` is its `webhook-id` at every try."""

    id: str
    webhook_id: str
    event: str
    contact_id: str | None
    event_id: str | None
    status: DeliveryStatus
    attempts: int
    next_attempt_at: ShownInstant | None
    created_at: ShownInstant
    finished_at: ShownInstant | None


class ShownAttempt(Answer):
    """One try. `error` says why there was no answer; the response is its first 4 KiB."""

    number: int
    at: ShownInstant
    duration_ms: int | None
    outcome: AttemptOutcome
    error: str | None
    url: str
    request_headers: dict[str, str]
    status_code: int | None
    response_headers: dict[str, str] | None
    response_body: str | None


class DeliveryInFull(ShownDelivery):
    """A delivery with what is sent, null once the person it was about has been erased, and every try."""

    payload: dict[str, Any] | None
    log: list[ShownAttempt]


def webhook_number(webhook_id: Annotated[str, Path(alias="webhookId")]) -> int:
    """A dependency of routes with `{webhookId}`: the number of an endpoint's id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("whk", webhook_id)
    if number is None:
        raise NotFound(NO_SUCH_ENDPOINT)
    return number


def delivery_number(delivery_id: Annotated[str, Path(alias="deliveryId")]) -> int:
    """A dependency of routes with `{deliveryId}`: the number of a delivery's id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("whd", delivery_id)
    if number is None:
        raise NotFound(NO_SUCH_DELIVERY)
    return number


def webhook(endpoint: WebhookEndpoint, now: int) -> dict[str, Any]:
    """The fields of a `ShownWebhook`."""
    until = endpoint.previous_until
    return {
        "id": show("whk", endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.kinds,
        "status": endpoint.status,
        "reason": endpoint.reason,
        "old_secret_until": until if until is not None and until > now else None,
        "failing_since": endpoint.failing_since,
        "last_success_at": endpoint.delivered_at,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def delivery(one: WebhookDelivery) -> dict[str, Any]:
    """The fields of a `ShownDelivery`."""
    return {
        "id": show("whd", one.id),
        "webhook_id": show("whk", one.endpoint_id),
        "event": one.kind,
        "contact_id": show("ct", one.contact_id) if one.contact_id is not None else None,
        "event_id": show("evt", one.event_id) if one.event_id is not None else None,
        "status": one.status,
        "attempts": one.attempts,
        "next_attempt_at": one.due_at if one.status == "QUEUED" else None,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }


def in_full(one: WebhookDelivery, attempts: list[WebhookAttempt]) -> DeliveryInFull:
    """A delivery with its content and its tries."""
    payload = json.decode(one.body) if one.body is not None else None
    return DeliveryInFull(**delivery(one), payload=payload, log=[_attempt(tried) for tried in attempts])


def _attempt(tried: WebhookAttempt) -> ShownAttempt:
    return ShownAttempt(
        number=tried.attempt,
        at=tried.at,
        duration_ms=tried.took,
        outcome=tried.outcome,
        error=tried.error,
        url=tried.url,
        request_headers=tried.request_headers,
        status_code=tried.status_code,
        response_headers=tried.response_headers,
        response_body=tried.response_body,
    )
