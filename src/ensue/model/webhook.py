"""Who is told, and by whom we are told: endpoints of both directions, and what went through them."""

from typing import Any, Literal

import msgspec

SENDER_HEADER = "ensue-workspace"
"""In what is posted: the id of the workspace that tells it, so that it notices when it is told its own."""

EndpointStatus = Literal["ACTIVE", "PAUSED", "DISABLED"]
"""Whether what happens is noted for an endpoint (ACTIVE, PAUSED) and whether it is told (ACTIVE)."""

DisabledBy = Literal["GONE", "FAILING", "BACKLOG"]
"""Why an endpoint was disabled: it answered 410, or nothing but failures for days, or too much waits for it."""

DeliveryStatus = Literal["QUEUED", "SENDING", "DELIVERED", "DEAD", "CANCELLED"]
"""CANCELLED is what was about a person who has been erased, or waited until nobody could want it any more."""

AttemptOutcome = Literal["DELIVERED", "FAILED", "UNKNOWN"]
"""UNKNOWN: nobody came back from it, so it may or may not have arrived."""


class WebhookEndpoint(msgspec.Struct, frozen=True):
    """An address that is told what happens. Times in milliseconds; secrets are sealed.

    `failing_since` is the first failure after the last success, `delivered_at` that success.
    """

    id: int
    url: str
    description: str | None
    kinds: list[str]
    status: EndpointStatus
    reason: DisabledBy | None
    secret: bytes
    previous_secret: bytes | None
    previous_until: int | None
    failing_since: int | None
    delivered_at: int | None
    created_at: int
    updated_at: int


class WebhookDelivery(msgspec.Struct, frozen=True):
    """One thing that one endpoint is to be told.

    `due_at` is the next try, the end of the lease while one is under way, None when there will be none. `attempts`
    counts all tries and fences them off from each other; `tries` counts those since it was last queued.
    """

    id: int
    endpoint_id: int
    kind: str
    contact_id: int | None
    event_id: int | None
    body: str | None
    status: DeliveryStatus
    due_at: int | None
    attempts: int
    tries: int
    created_at: int
    finished_at: int | None = None


class WebhookAttempt(msgspec.Struct, frozen=True):
    """One try: what was sent, apart from the body, and what came back, at most its first 64 KiB."""

    delivery_id: int
    attempt: int
    at: int
    took: int | None
    outcome: AttemptOutcome
    error: str | None
    url: str
    request_headers: dict[str, str]
    status_code: int | None = None
    response_headers: dict[str, str] | None = None
    response_body: str | None = None


class IncomingEndpoint(msgspec.Struct, frozen=True):
    """An address that others post to. `digest` is of its token; `mapping` and `verification` are the JSON as saved."""

    workspace_id: int
    id: int
    name: str
    status: Literal["ACTIVE", "PAUSED"]
    digest: bytes
    prefix: str
    mapping: dict[str, Any]
    verification: dict[str, Any]
    secret: bytes | None
    created_at: int
    updated_at: int


class IncomingRequest(msgspec.Struct, frozen=True):
    """What somebody posted to an incoming endpoint, and what became of it."""

    id: int
    endpoint_id: int
    at: int
    outcome: Literal["ACCEPTED", "REPLAYED", "REFUSED"]
    code: str | None
    reason: str | None
    event_id: int | None
    contact_id: int | None
    content_type: str | None
    body: str | None
