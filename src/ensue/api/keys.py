"""API keys of a workspace, and public write keys for browsers."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path
from pydantic import AfterValidator, Field, model_validator

from ensue.accounts import bounds, keys, roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, ShownInstant, StrictRoute, Text
from ensue.api.context import Here
from ensue.base import bounds as base_bounds
from ensue.base import ids
from ensue.base.errors import Invalid, NotFound, Unauthenticated
from ensue.model.account import ApiKey, KeyKind
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/keys", tags=["Keys"], route_class=StrictRoute)

Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]


def _scope(value: str) -> str:
    if value not in roles.GRANTABLE:
        raise ValueError(f"must be one of {', '.join(roles.GRANTABLE)}")
    return value


def _origin(value: str) -> str:
    refusal = ValueError("must be an origin such as https://shop.example.com")
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        raise refusal from None
    if parts.scheme not in {"http", "https"} or value.lower() != f"{parts.scheme}://{parts.netloc}".lower():
        raise refusal
    if not parts.hostname or parts.username is not None:
        raise refusal
    return value.lower()


Scope = Annotated[str, AfterValidator(_scope)]
Origin = Annotated[str, Field(max_length=base_bounds.TEXT), AfterValidator(_origin)]
EventType = Annotated[Text, Field(max_length=base_bounds.EVENT_TYPE)]


class NewKey(Body):
    """A key to be made. SECRET has scopes; WRITE is public, only sends events, can be bound to origins and types."""

    name: Annotated[Text, Field(max_length=bounds.NAME)]
    kind: KeyKind = "SECRET"
    scopes: Annotated[list[Scope] | None, Field(min_length=1, max_length=len(roles.GRANTABLE))] = None
    expires_at: Instant | None = None
    allowed_origins: Annotated[list[Origin] | None, Field(min_length=1, max_length=bounds.KEY_ORIGINS)] = None
    event_types: Annotated[list[EventType] | None, Field(min_length=1, max_length=bounds.KEY_EVENT_TYPES)] = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "NewKey":
        if self.kind == "SECRET" and self.scopes is None:
            raise Invalid.at("scopes", "is required")
        if self.kind == "WRITE" and self.scopes is not None:
            raise Invalid.at("scopes", "must be absent: a write key can only send events")
        if self.kind == "SECRET" and self.allowed_origins is not None:
            raise Invalid.at("allowedOrigins", "is for write keys")
        if self.kind == "SECRET" and self.event_types is not None:
            raise Invalid.at("eventTypes", "is for write keys")
        return self


class ShownKey(Answer):
    """A key, without its text: `prefix` is the beginning, by which its owner knows it."""

    id: str
    kind: KeyKind
    name: str
    prefix: str
    scopes: list[str]
    allowed_origins: list[str] | None
    event_types: list[str] | None
    created_by: str
    created_at: ShownInstant
    expires_at: ShownInstant | None
    revoked_at: ShownInstant | None
    last_used_at: ShownInstant | None


class CreatedKey(ShownKey):
    """The only answer that holds the key itself."""

    key: str


@router.get("")
async def list_keys(here: Here, caller: Admin) -> list[ShownKey]:
    """All keys, oldest first, revoked ones too."""
    found = await here.services.ask(lambda tables: tables.accounts.of(caller.workspace_id).keys.all())
    return [_shown(key) for key in found]


@router.post("", status_code=201)
async def create_key(here: Here, caller: Admin, wanted: NewKey) -> CreatedKey:
    """Make a key. Its text is in this answer and nowhere else."""
    if wanted.expires_at is not None and wanted.expires_at <= here.now:
        raise Invalid.at("expiresAt", "must lie ahead")
    order = keys.Order(
        kind=wanted.kind,
        name=wanted.name,
        scopes=sorted(roles.INGEST) if wanted.scopes is None else sorted(set(wanted.scopes)),
        origins=wanted.allowed_origins,
        event_types=wanted.event_types,
        expires_at=wanted.expires_at,
    )

    def work(tables: Tables) -> tuple[ApiKey, str]:
        recorder = Recorder(tables, here.ids, here.caller(caller))
        maker = _maker(tables, caller)
        return keys.issue(tables, here.ids, caller.workspace_id, order, caller.principal.scopes, maker, recorder)

    key, text = await here.services.write(work)
    return CreatedKey(**_shown(key).model_dump(), key=text)


@router.delete("/{keyId}", status_code=204)
async def revoke_key(here: Here, caller: Admin, key_id: Annotated[str, Path(alias="keyId")]) -> None:
    """End a key at once."""
    number = ids.read("key", key_id)
    if number is None:
        raise NotFound("There is no such key.")

    def work(tables: Tables) -> None:
        keys.revoke(tables, caller.workspace_id, number, here.now, Recorder(tables, here.ids, here.caller(caller)))

    await here.services.write(work)
    here.access.forget()


def _maker(tables: Tables, caller: Caller) -> int:
    """The person who makes a key; for a key that makes another, whoever made that one."""
    if caller.principal.user_id is not None:
        return caller.principal.user_id
    own = tables.accounts.of(caller.workspace_id).keys.get(caller.principal.key_id or 0)
    if own is None:
        raise Unauthenticated("The API key is unknown or was revoked.")
    return own.created_by


def _shown(key: ApiKey) -> ShownKey:
    return ShownKey(
        id=ids.show("key", key.id),
        kind=key.kind,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        allowed_origins=key.origins,
        event_types=key.event_types,
        created_by=ids.show("usr", key.created_by),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.used_at,
    )
