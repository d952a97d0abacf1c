"""Incoming webhooks: addresses that others post to, and how what they post becomes an event."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from ensue.accounts import roles, tokens
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Body, StrictRoute
from ensue.api.context import Context, Here
from ensue.api.incoming_json import (
    Fault,
    IncomingChanges,
    IncomingWithUrl,
    NewIncoming,
    Sample,
    ShownIncoming,
    ShownRequest,
    Tried,
    Verification,
    incoming_number,
    shown,
    shown_request,
)
from ensue.base import bounds
from ensue.base.errors import Invalid
from ensue.engine.contacts import profile
from ensue.engine.webhooks import incoming, mapping, signing
from ensue.engine.working_set import WorkingSet
from ensue.model.webhook import IncomingEndpoint, IncomingRequest
from ensue.store.ports import Tables

router = APIRouter(
    prefix="/api/workspaces/{workspaceId}/incoming-webhooks", tags=["Incoming webhooks"], route_class=StrictRoute
)

PREFIX = "inw_"
"""How the token in an incoming webhook's address begins."""

# The address lets in whoever has it: making one is the administrators' affair, as making keys is.
Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]


@router.get("", summary="All incoming webhooks")
async def list_incoming(here: Here, caller: Admin) -> list[ShownIncoming]:
    """Oldest first."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).incoming.all())
    return [ShownIncoming(**shown(endpoint)) for endpoint in found]


@router.post("", status_code=201, summary="Make an incoming webhook")
async def create_incoming(here: Here, caller: Admin, wanted: NewIncoming) -> IncomingWithUrl:
    """Its address is in this answer and in no other: whoever has it can post events."""
    token = tokens.new(PREFIX)

    def work(room: WorkingSet) -> IncomingEndpoint:
        endpoint = IncomingEndpoint(
            workspace_id=caller.workspace_id,
            id=room.ids.next(),
            name=wanted.name,
            status="ACTIVE",
            digest=tokens.digest(token),
            prefix=tokens.shown(token),
            mapping=_kept(wanted.mapping),
            verification=_kept(wanted.verification),
            secret=_sealed(here, caller, wanted.secret, wanted.verification),
            created_at=room.now,
            updated_at=room.now,
        )
        return incoming.create(room, endpoint)

    endpoint = await _recorded(here, caller, "incoming.create", work)
    return IncomingWithUrl(**shown(endpoint), url=_url(here, token))


@router.post("/dry-run", summary="Try a mapping on a payload")
async def dry_run(here: Here, caller: Admin, body: Sample) -> Tried:
    """Nothing is stored. `faults` say why a real request would be refused; a mapping that makes no sense is a 400."""
    _ = here, caller
    compiled = mapping.parse(_kept(body.mapping))
    headers = {name.lower(): value for name, value in body.headers.items()}
    try:
        found = mapping.read(compiled, body.payload, headers)
        if found.fields is not None:
            profile.read(found.fields)
    except Invalid as error:
        faults = [Fault(path=detail.path, message=detail.message) for detail in error.details]
        return Tried(type=None, contact=None, timestamp=None, metadata={}, idempotency_key=None, faults=faults)
    return Tried(
        type=found.type,
        contact=found.fields,
        timestamp=found.timestamp,
        metadata=found.metadata,
        idempotency_key=found.key,
        faults=[],
    )


@router.get("/{incomingId}", summary="An incoming webhook")
async def get_incoming(here: Here, caller: Admin, number: Annotated[int, Depends(incoming_number)]) -> ShownIncoming:
    """Without its address."""
    found = await here.services.ask(lambda tables: incoming.known(tables.workspace(caller.workspace_id), number))
    return ShownIncoming(**shown(found))


@router.patch("/{incomingId}", summary="Change an incoming webhook")
async def change_incoming(
    here: Here, caller: Admin, number: Annotated[int, Depends(incoming_number)], body: IncomingChanges
) -> ShownIncoming:
    """Set the fields that are named. A PAUSED one answers 503, so that senders try again later."""

    def work(room: WorkingSet) -> IncomingEndpoint:
        endpoint = incoming.known(room.tables, number)
        fields: dict[str, Any] = {name: getattr(body, name) for name in ("name", "status") if getattr(body, name)}
        if body.mapping is not None:
            fields["mapping"] = _kept(body.mapping)
        if body.verification is not None:
            _refuse_old_secret(endpoint, body)
            fields["verification"] = _kept(body.verification)
        if body.secret is not None:
            fields["secret"] = _sealed(here, caller, body.secret, body.verification or endpoint.verification)
        return incoming.put(room, msgspec.structs.replace(endpoint, **fields, updated_at=room.now))

    return ShownIncoming(**shown(await _recorded(here, caller, "incoming.change", work)))


@router.post("/{incomingId}/rotate", summary="Give an incoming webhook a new address")
async def rotate_incoming(
    here: Here, caller: Admin, number: Annotated[int, Depends(incoming_number)]
) -> IncomingWithUrl:
    """The old one is gone at once."""
    token = tokens.new(PREFIX)

    def work(room: WorkingSet) -> IncomingEndpoint:
        endpoint = incoming.known(room.tables, number)
        fresh = {"digest": tokens.digest(token), "prefix": tokens.shown(token)}
        return incoming.put(room, msgspec.structs.replace(endpoint, **fresh, updated_at=room.now))

    endpoint = await _recorded(here, caller, "incoming.rotate", work)
    return IncomingWithUrl(**shown(endpoint), url=_url(here, token))


@router.delete("/{incomingId}", status_code=204, summary="Delete an incoming webhook")
async def delete_incoming(here: Here, caller: Admin, number: Annotated[int, Depends(incoming_number)]) -> Response:
    """Its address is gone at once. The events stay."""

    def work(room: WorkingSet) -> IncomingEndpoint:
        endpoint = incoming.known(room.tables, number)
        room.tables.incoming.remove(number)
        return endpoint

    await _recorded(here, caller, "incoming.delete", work)
    return Response(status_code=204)


@router.get("/{incomingId}/requests", summary="The latest requests of an incoming webhook")
async def list_requests(
    here: Here, caller: Admin, number: Annotated[int, Depends(incoming_number)]
) -> list[ShownRequest]:
    """Newest first, at most 100, with the reason of each refusal."""

    def question(tables: Tables) -> list[IncomingRequest]:
        own = tables.workspace(caller.workspace_id)
        incoming.known(own, number)
        return own.incoming.requests(number, bounds.INCOMING_REQUESTS)

    return [shown_request(request) for request in await here.services.ask(question)]


async def _recorded(
    here: Context, caller: Caller, action: str, work: Callable[[WorkingSet], IncomingEndpoint]
) -> IncomingEndpoint:
    """Change an endpoint so that the audit log says so."""

    def changed(tables: Tables) -> IncomingEndpoint:
        endpoint = here.services.engine.within(tables, caller.workspace_id, work)
        recorder = Recorder(tables, here.ids, here.caller(caller))
        recorder.record(caller.workspace_id, action, ("inc", endpoint.id), name=endpoint.name)
        return endpoint

    return await here.services.write(changed)


def _kept(body: Body) -> dict[str, Any]:
    return body.model_dump(by_alias=True, exclude_none=True)


def _sealed(
    here: Context, caller: Caller, secret: str | None, verification: Verification | dict[str, Any]
) -> bytes | None:
    if secret is None:
        return None
    scheme = verification.scheme if isinstance(verification, Verification) else verification.get("scheme")
    if scheme == "STANDARD_WEBHOOKS" and not signing.is_secret(secret):
        raise Invalid.at("secret", "must be whsec_ and 24 to 64 bytes in base64")
    return here.services.sealer.seal(caller.workspace_id, secret.encode())


def _refuse_old_secret(endpoint: IncomingEndpoint, body: IncomingChanges) -> None:
    """What one scheme signs with need not be what another can."""
    assert body.verification is not None
    scheme = body.verification.scheme
    if body.secret is None and scheme not in {"NONE", endpoint.verification.get("scheme")}:
        raise Invalid.at("secret", "is required with another scheme")


def _url(here: Context, token: str) -> str:
    return f"{here.base_url}/api/public/incoming/{token}"
