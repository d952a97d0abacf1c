"""What becomes of a delivery: leased for a try, and settled when the try is over.

A try holds a lease. Who comes back after it was taken by another writes nothing: the number of the attempt fences the
two off. What nobody came back from is tried again, so a receiver may hear of the same thing twice, by the same id.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from ensue.base import bounds
from ensue.base.ids import id_at
from ensue.base.retries import next_try
from ensue.engine.webhooks.interests import TEST
from ensue.model.webhook import (
    AttemptOutcome,
    DeliveryStatus,
    DisabledBy,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from ensue.store.ports import Tables, WorkspaceTables

_EVERY_ID = 2**63 - 1
GONE = 410


class Claim(NamedTuple):
    """A delivery that is leased for its next try, which is number `attempt`, and where it goes to."""

    workspace_id: int
    endpoint: WebhookEndpoint
    delivery: WebhookDelivery
    attempt: int


class Try(NamedTuple):
    """How a try went: `error` says why there was no answer; `retry_after` is what the other side asked for, in ms."""

    at: int
    took: int
    url: str
    request_headers: dict[str, str]
    error: str | None = None
    status_code: int | None = None
    response_headers: dict[str, str] | None = None
    response_body: str | None = None
    retry_after: int | None = None


class Place(NamedTuple):
    """An endpoint of a workspace."""

    workspace_id: int
    endpoint_id: int


def ready(tables: Tables, now: int) -> tuple[list[Place], int | None]:
    """(endpoints that have something due and room for a try, the next instant at which more comes due)."""
    places: list[Place] = []
    later: list[int | None] = []
    for workspace_id, endpoint_id, due_at in tables.webhooks_waiting():
        own = tables.workspace(workspace_id)
        if due_at > now:
            later.append(due_at)
        elif _room(own, endpoint_id, now) > 0:
            places.append(Place(workspace_id, endpoint_id))
        else:
            later.append(own.webhook_deliveries.next_due(endpoint_id, now))
    return places, min((at for at in later if at is not None), default=None)


def claim(tables: Tables, places: Collection[Place], now: int, most: int) -> list[Claim]:
    """Lease what is due at these endpoints, at most so many in all; the first ones get theirs first."""
    shares: dict[Place, int] = {}
    for place in places:
        room = _room(tables.workspace(place.workspace_id), place.endpoint_id, now)
        shares[place] = min(max(room, 0), most - sum(shares.values()))
    claims: list[Claim | None] = []
    # In one order everywhere, so that two processes never wait for each other.
    for place, share in sorted(shares.items()):
        own = tables.workspace(place.workspace_id)
        endpoint = own.webhook_endpoints.get(place.endpoint_id)
        if endpoint is not None and endpoint.status == "ACTIVE" and share > 0:
            due = own.webhook_deliveries.due(place.endpoint_id, now, share)
            claims += [_take(own, endpoint, delivery, now) for delivery in due]
    return [claimed for claimed in claims if claimed is not None]


def settle(own: WorkspaceTables, claimed: Claim, tried: Try, now: int, draw: Callable[[], float]) -> DisabledBy | None:
    """Write how a try went; why the endpoint was disabled for it, if it was. `draw`: see `base.retries`."""
    delivery = claimed.delivery
    delivered = tried.status_code is not None and 200 <= tried.status_code < 300
    status, due_at = _verdict(claimed, tried, now, draw)
    finished_at = now if due_at is None else None
    if not own.webhook_deliveries.settle(delivery.id, claimed.attempt, status, due_at, finished_at):
        return None
    own.webhook_deliveries.note([_attempt(claimed, tried, "DELIVERED" if delivered else "FAILED")])
    if delivery.kind == TEST and tried.status_code != GONE:
        # It says nothing about what is told otherwise.
        return None
    if delivered:
        own.webhook_endpoints.succeeded(delivery.endpoint_id, now)
        return None
    own.webhook_endpoints.failed(delivery.endpoint_id, now)
    return _give_up(own, delivery.endpoint_id, tried, now)


def tidy(own: WorkspaceTables, now: int) -> tuple[bool, list[int]]:
    """Remove some of what is old or of endpoints that are gone, and disable endpoints for which too much waits.

    (whether there may be more to remove, the endpoints that were disabled)
    """
    limit, more, disabled = bounds.WEBHOOK_AT_A_TIME, False, []
    for endpoint_id in own.webhook_endpoints.removed():
        if own.webhook_deliveries.remove(endpoint_id, _EVERY_ID, limit) < limit:
            own.webhook_endpoints.forget(endpoint_id)
        else:
            more = True
    for endpoint in own.webhook_endpoints.all():
        more |= own.webhook_deliveries.remove(endpoint.id, id_at(now - bounds.WEBHOOK_KEPT), limit) == limit
        if endpoint.status in {"ACTIVE", "PAUSED"} and _overflowing(own, endpoint.id):
            disable(own, endpoint, "BACKLOG", now)
            disabled.append(endpoint.id)
    return more, disabled


def disable(own: WorkspaceTables, endpoint: WebhookEndpoint, reason: DisabledBy, now: int) -> None:
    """Tell an endpoint nothing any more. What waits for it is kept, until it is resumed or too old."""
    own.webhook_endpoints.put(msgspec.structs.replace(endpoint, status="DISABLED", reason=reason, updated_at=now))
    own.definitions.bump(now)


def _room(own: WorkspaceTables, endpoint_id: int, now: int) -> int:
    return bounds.WEBHOOK_TRIES_AT_ONCE_PER_ENDPOINT - own.webhook_deliveries.under_way(endpoint_id, now)


def _take(own: WorkspaceTables, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: int) -> Claim | None:
    if not own.webhook_deliveries.take(delivery, now + bounds.WEBHOOK_LEASE):
        return None
    claimed = Claim(own.workspace_id, endpoint, delivery, delivery.attempts + 1)
    if delivery.status == "SENDING":
        lost = Try(delivery.due_at or now, bounds.WEBHOOK_LEASE, endpoint.url, {}, "Nobody came back from this try.")
        own.webhook_deliveries.note([_attempt(claimed._replace(attempt=delivery.attempts), lost, "UNKNOWN")])
    return claimed


def _verdict(claimed: Claim, tried: Try, now: int, draw: Callable[[], float]) -> tuple[DeliveryStatus, int | None]:
    """(what the delivery is now, when it is tried again)."""
    if tried.status_code is not None and 200 <= tried.status_code < 300:
        return "DELIVERED", None
    if tried.status_code == GONE or claimed.delivery.kind == TEST:
        return "DEAD", None
    again = next_try(claimed.delivery.tries + 1, now, draw, tried.retry_after)
    return ("QUEUED", again) if again is not None else ("DEAD", None)


def _give_up(own: WorkspaceTables, endpoint_id: int, tried: Try, now: int) -> DisabledBy | None:
    endpoint = own.webhook_endpoints.get(endpoint_id)
    if endpoint is None or endpoint.status == "DISABLED":
        return None
    if tried.status_code == GONE:
        reason: DisabledBy = "GONE"
    elif endpoint.failing_since is not None and now - endpoint.failing_since >= bounds.WEBHOOK_FAILING:
        reason = "FAILING"
    else:
        return None
    disable(own, endpoint, reason, now)
    return reason


def _overflowing(own: WorkspaceTables, endpoint_id: int) -> bool:
    return own.webhook_deliveries.waiting(endpoint_id, bounds.WEBHOOK_BACKLOG + 1) > bounds.WEBHOOK_BACKLOG


def _attempt(claimed: Claim, tried: Try, outcome: AttemptOutcome) -> WebhookAttempt:
    return WebhookAttempt(
        claimed.delivery.id,
        claimed.attempt,
        tried.at,
        tried.took,
        outcome,
        tried.error,
        tried.url,
        tried.request_headers,
        tried.status_code,
        tried.response_headers,
        tried.response_body,
    )
