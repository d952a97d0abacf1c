"""Where others post to: no account is needed, the token in the address says which workspace it is for."""

from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request

from ensue.accounts import tokens
from ensue.api.bodies import Answer, read_bounded
from ensue.api.services import Services
from ensue.base import bounds, json
from ensue.base.errors import EnsueError, Invalid, NotFound, Unauthenticated, Unavailable
from ensue.base.ids import show
from ensue.base.sealing import SealBroken
from ensue.engine.webhooks import incoming, mapping, verification
from ensue.engine.webhooks.incoming import Posted
from ensue.engine.webhooks.mapping import Found
from ensue.model.webhook import IncomingEndpoint

router = APIRouter(prefix="/api/public/incoming", tags=["Public"])

_FORM = "application/x-www-form-urlencoded"
_PARTS = 1_000
_PAUSED_SECONDS = 300
_CONTENT_TYPE = 200


class Received(Answer):
    """The event that it has become, or (`replayed`) had become before."""

    event_id: str
    replayed: bool


@router.post("/{token}", summary="Post to an incoming webhook")
async def receive(request: Request, token: str) -> Received:
    """JSON or a URL-encoded form, at most 64 KiB, as the sender makes it; the webhook's mapping says what it means.

    401 when it is not signed as it should be, 409 when it comes from this workspace itself, 503 while the webhook is
    paused.
    """
    services: Services = request.app.state.services
    endpoint = await services.glance(lambda tables: tables.incoming_by_digest(tokens.digest(token)))
    if endpoint is None:
        raise NotFound(incoming.NO_SUCH_ENDPOINT)
    if endpoint.status == "PAUSED":
        raise Unavailable("This webhook is paused.", retry_after=_PAUSED_SECONDS)
    body = await read_bounded(request, bounds.BODY)
    headers = {name.lower(): value for name, value in request.headers.items()}
    content_type = headers.get("content-type", "")[:_CONTENT_TYPE]
    try:
        _verify(services, endpoint, headers, body)
        incoming.refuse_own(endpoint, headers)
        posted = Posted(content_type, _text(body))
        found = _read(endpoint, headers, body)
        outcome = await services.change(
            endpoint.workspace_id, lambda room: incoming.receive(room, endpoint, found, posted)
        )
    except Unavailable:
        raise
    except EnsueError as error:
        # Whoever cannot sign must not be able to leave anything behind but that.
        seen = Posted(content_type, None if isinstance(error, Unauthenticated) else _text(body))
        await services.change(endpoint.workspace_id, partial(incoming.refuse, endpoint, seen, error))
        raise
    return Received(event_id=show("evt", outcome.event.id), replayed=outcome.replayed)


def _verify(services: Services, endpoint: IncomingEndpoint, headers: dict[str, str], body: bytes) -> None:
    try:
        secret = services.sealer.open(endpoint.workspace_id, endpoint.secret).decode() if endpoint.secret else None
    except SealBroken:
        raise Unavailable("The secret of this webhook cannot be opened.") from None
    now = services.engine.clock.now()
    verification.check(verification.parse(endpoint.verification), secret, headers, body, now)


def _read(endpoint: IncomingEndpoint, headers: dict[str, str], body: bytes) -> Found:
    return mapping.read(mapping.parse(endpoint.mapping), _payload(headers.get("content-type", ""), body), headers)


def _payload(content_type: str, body: bytes) -> dict[str, Any]:
    """What was posted. Many senders call JSON something else, so what is no form is JSON."""
    if content_type.split(";")[0].strip().lower() == _FORM:
        return _form(body)
    payload = json.decode_strict(body)
    if not isinstance(payload, dict):
        raise Invalid.at("$", "must be an object")
    return payload


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_PARTS, errors="strict")
    except ValueError:
        raise Invalid(f"The body is not a URL-encoded form of at most {_PARTS} fields in UTF-8.") from None
    payload: dict[str, Any] = {}
    for name, value in pairs:
        if name not in payload:
            payload[name] = value
        elif isinstance(payload[name], list):
            payload[name].append(value)
        else:
            payload[name] = [payload[name], value]
    json.refuse_poison(payload)
    return payload


def _text(body: bytes) -> str:
    return body.decode(errors="replace").replace("\0", "�")
