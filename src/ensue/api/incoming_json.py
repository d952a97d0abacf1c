"""Incoming webhooks as requests say them and the API shows them."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from ensue.api.bodies import Answer, Body, ShownInstant, Text
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.webhooks import incoming
from ensue.model.webhook import IncomingEndpoint, IncomingRequest

DottedPath = Annotated[str, Field(min_length=1, max_length=bounds.INCOMING_PATH, examples=["data.customer.email"])]
Paths = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=bounds.ATTRIBUTE_NAME)], DottedPath],
    Field(max_length=bounds.INCOMING_FIELDS),
]
Secret = Annotated[str, Field(min_length=1, max_length=bounds.EXTERNAL_ID)]
Name = Annotated[Text, Field(max_length=bounds.NAME)]


class TypeSource(Body):
    """The event's type: always `value`, or `prefix` and what is at `path`."""

    value: Annotated[str, Field(max_length=bounds.EVENT_TYPE)] | None = None
    path: DottedPath | None = None
    prefix: Annotated[str, Field(max_length=bounds.EVENT_TYPE)] = ""


class ContactSource(Body):
    """Where the contact's fields are; `email` or `externalId` is needed."""

    email: DottedPath | None = None
    external_id: DottedPath | None = None
    first_name: DottedPath | None = None
    last_name: DottedPath | None = None
    phone: DottedPath | None = None
    attributes: Paths = Field(default_factory=dict)


class KeySource(Body):
    """What tells a repetition from a new event: what is at `path`, or in a header."""

    path: DottedPath | None = None
    header: Annotated[str, Field(min_length=1, max_length=bounds.NAME)] | None = None


class Mapping(Body):
    """Where each part of the event is in the payload. Without `metadata`, all of it is the event's metadata."""

    type: TypeSource
    contact: ContactSource | None = None
    contact_required: bool = True
    timestamp: DottedPath | None = None
    metadata: Paths | None = None
    idempotency_key: KeySource | None = None


class Verification(Body):
    """How a request proves itself. HMAC_SHA256 is of the body, in a `header`, after a `prefix`."""

    scheme: Literal["NONE", "STANDARD_WEBHOOKS", "HMAC_SHA256", "STRIPE"] = "NONE"
    header: Annotated[str, Field(min_length=1, max_length=bounds.NAME)] | None = None
    prefix: Annotated[str, Field(max_length=bounds.NAME)] = ""
    encoding: Literal["HEX", "BASE64"] = "HEX"


class NewIncoming(Body):
    """An incoming webhook to be made. `secret` is what the sender signs with."""

    name: Name
    mapping: Mapping
    verification: Verification = Verification()
    secret: Secret | None = None


class IncomingChanges(Body):
    """What to change."""

    name: Name | None = None
    mapping: Mapping | None = None
    verification: Verification | None = None
    secret: Secret | None = None
    status: Literal["ACTIVE", "PAUSED"] | None = None


class Sample(Body):
    """A mapping that need not be stored, and what it is tried on."""

    mapping: Mapping
    payload: dict[str, Any]
    headers: Annotated[dict[str, str], Field(max_length=bounds.INCOMING_FIELDS)] = Field(default_factory=dict)


class ShownIncoming(Answer):
    """An incoming webhook, without its token: `prefix` is the beginning, by which its owner knows it."""

    id: str
    name: str
    status: Literal["ACTIVE", "PAUSED"]
    prefix: str
    mapping: dict[str, Any]
    verification: dict[str, Any]
    has_secret: bool
    created_at: ShownInstant
    updated_at: ShownInstant


class IncomingWithUrl(ShownIncoming):
    """The only answers that hold the address are those that made it."""

    url: str


class ShownRequest(Answer):
    """What somebody posted, and what became of it. The body is null when it was not signed as it should be."""

    id: str
    at: ShownInstant
    outcome: Literal["ACCEPTED", "REPLAYED", "REFUSED"]
    code: str | None
    reason: str | None
    event_id: str | None
    contact_id: str | None
    content_type: str | None
    body: str | None


class Fault(Answer):
    """What keeps a payload from becoming an event."""

    path: str
    message: str


class Tried(Answer):
    """The event that a payload would become, if nothing is wrong with it."""

    type: str | None
    contact: dict[str, Any] | None
    timestamp: ShownInstant | None
    metadata: dict[str, Any]
    idempotency_key: str | None
    faults: list[Fault]


def incoming_number(incoming_id: Annotated[str, Path(alias="incomingId")]) -> int:
    """A dependency of routes with `{incomingId}`: the number of that id.

    Raises:
        NotFound: it is no such id.
    """
    number = read("inc", incoming_id)
    if number is None:
        raise NotFound(incoming.NO_SUCH_ENDPOINT)
    return number


def shown(endpoint: IncomingEndpoint) -> dict[str, Any]:
    """The fields of a `ShownIncoming`."""
    return {
        "id": show("inc", endpoint.id),
        "name": endpoint.name,
        "status": endpoint.status,
        "prefix": endpoint.prefix,
        "mapping": endpoint.mapping,
        "verification": endpoint.verification,
        "has_secret": endpoint.secret is not None,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def shown_request(request: IncomingRequest) -> ShownRequest:
    """A request as it is shown."""
    return ShownRequest(
        id=show("req", request.id),
        at=request.at,
        outcome=request.outcome,
        code=request.code,
        reason=request.reason,
        event_id=show("evt", request.event_id) if request.event_id is not None else None,
        contact_id=show("ct", request.contact_id) if request.contact_id is not None else None,
        content_type=request.content_type,
        body=request.body,
    )
