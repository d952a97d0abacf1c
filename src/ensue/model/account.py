"""Who may come in: people, their sessions, memberships of workspaces, invitations, keys, and the record of it all."""

from typing import Literal

import msgspec

Role = Literal["OWNER", "ADMIN", "MEMBER", "VIEWER"]
KeyKind = Literal["SECRET", "WRITE"]
Result = Literal["OK", "REFUSED"]


class User(msgspec.Struct, frozen=True):
    """A person. `email_key` is the address as it is compared."""

    id: int
    email: str
    email_key: str
    name: str
    password_hash: str
    created_at: int
    updated_at: int


class UserSession(msgspec.Struct, frozen=True):
    """One sign-in of a person, on one device. `expires_at` is its absolute end."""

    id: int
    user_id: int
    digest: bytes
    address: str
    agent: str | None
    created_at: int
    seen_at: int
    expires_at: int


class Member(msgspec.Struct, frozen=True):
    """A person in a workspace."""

    user_id: int
    email: str
    name: str
    role: Role
    created_at: int


class Invitation(msgspec.Struct, frozen=True):
    """The offer of a role in a workspace to whoever holds the token and the address."""

    workspace_id: int
    id: int
    digest: bytes
    email: str
    email_key: str
    role: Role
    created_at: int
    expires_at: int


class ApiKey(msgspec.Struct, frozen=True):
    """A key of a workspace. `origins` and `event_types` bound what a WRITE key may send; None is no bound."""

    workspace_id: int
    id: int
    kind: KeyKind
    name: str
    prefix: str
    digest: bytes
    scopes: list[str]
    origins: list[str] | None
    event_types: list[str] | None
    created_by: int
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    used_at: int | None


class AuditLine(msgspec.Struct, frozen=True):
    """Who did what, to what, from where, and how it ended. `target` is a public id."""

    id: int
    at: int
    user_id: int | None
    key_id: int | None
    address: str
    action: str
    target: str | None
    result: Result
    detail: dict[str, object] | None
