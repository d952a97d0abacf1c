"""Who is asking, and may they: the one door of every request."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Path, Request

from ensue.accounts import bounds, roles
from ensue.accounts.passwords import Passwords
from ensue.accounts.recent import Recent
from ensue.accounts.throttle import Throttle
from ensue.api import cookies, csrf
from ensue.api.services import Services
from ensue.base import ids
from ensue.base.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from ensue.model.account import ApiKey, Role, UserSession
from ensue.store.ports import Tables

Headers = list[tuple[bytes, bytes]]
Kind = Literal["SESSION", "API_KEY", "WRITE_KEY"]

_NO_SUCH_WORKSPACE = "There is no such workspace."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking.

    Attributes:
        user_id: the person, for a session.
        key_id: the key, for a key.
        scopes: what they may do here. Of a session outside a workspace: none.
        event_types: the only types that a write key may send; None is all that write keys may.
    """

    kind: Kind
    user_id: int | None
    key_id: int | None
    scopes: frozenset[str]
    event_types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that was admitted to a workspace."""

    principal: Principal
    workspace_id: int


class _Key:
    """A key that works, ready to be compared with a request."""

    __slots__ = ("caller", "expires_at", "origins", "workspace")

    def __init__(self, key: ApiKey, scopes: frozenset[str]) -> None:
        kind: Kind = "WRITE_KEY" if key.kind == "WRITE" else "API_KEY"
        event_types = frozenset(key.event_types) if key.event_types is not None else None
        self.caller = Caller(Principal(kind, None, key.id, scopes, event_types), key.workspace_id)
        self.workspace = ids.show("ws", key.workspace_id)
        self.expires_at = key.expires_at
        self.origins = frozenset(origin.encode() for origin in key.origins) if key.origins is not None else None


class Access:
    """Answers from what was read within the last second; otherwise with one read of an index.

    Use it on the event loop: it is neither thread-safe nor slow.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clock = services.engine.clock
        self._keys: Recent[bytes, _Key] = Recent()
        self._sessions: Recent[bytes, UserSession] = Recent()
        self._callers: Recent[tuple[int, str], Caller] = Recent()
        public = urlsplit(services.config.public_url or "")
        self.public_origin = f"{public.scheme}://{public.netloc}".encode() if public.netloc else None
        self.secure = public.scheme == "https"
        self.passwords = Passwords()
        self.throttle = Throttle(self._clock)

    async def admit(self, method: str, headers: Headers, workspace: str, scope: str) -> Caller:
        """Let a request into a workspace.

        Raises:
            Unauthenticated: no credentials, or none that work.
            NotFound: no such workspace, or not one that they may know of.
            Forbidden: their role or key does not include the scope, or the change may be forged.
        """
        sent = dict(headers)
        token = _bearer(sent)
        if token is not None:
            key = await self._key(token, sent.get(b"origin"))
            if key.workspace != workspace:
                raise NotFound(_NO_SUCH_WORKSPACE)
            caller = key.caller
        else:
            caller = await self._member((await self._session(method, sent)).user_id, workspace)
        if scope not in caller.principal.scopes:
            raise _lacking(scope)
        return caller

    async def by_key(self, token: bytes, origin: bytes | None) -> Caller:
        """The caller of a key that came in some other way than `Authorization: Bearer`, such as a write key of an SDK.

        Raises:
            Unauthenticated: no such key, or it has expired or was revoked.
            Forbidden: the key may not be used from this origin.
        """
        return (await self._key(token, origin)).caller

    async def identify(self, method: str, headers: Headers) -> Principal:
        """Who is asking, outside a workspace.

        Raises:
            Unauthenticated: no credentials, or none that work.
            Forbidden: the change may be forged.
        """
        sent = dict(headers)
        token = _bearer(sent)
        if token is not None:
            return (await self._key(token, sent.get(b"origin"))).caller.principal
        return Principal("SESSION", (await self._session(method, sent)).user_id, None, frozenset())

    async def session(self, method: str, headers: Headers) -> UserSession:
        """The session of the cookie, whatever else was sent.

        Raises:
            Unauthenticated: there is none, or it has ended.
            Forbidden: the change may be forged.
        """
        return await self._session(method, dict(headers))

    def forget(self) -> None:
        """Believe nothing any more: call it after a key, a member or a session has changed."""
        self._keys.clear()
        self._sessions.clear()
        self._callers.clear()

    async def _key(self, token: bytes, origin: bytes | None) -> _Key:
        now = self._clock.now()
        digest = sha256(token).digest()
        key = self._keys.get(digest, now)
        if key is None:
            key = self._keys.put(digest, await self._read_key(digest, now), now)
        if key.expires_at is not None and now >= key.expires_at:
            raise Unauthenticated("The API key has expired.")
        if key.origins is not None and (origin is None or origin.lower() not in key.origins):
            raise Forbidden("This key may not be used from this origin.", code="origin_refused")
        return key

    async def _read_key(self, digest: bytes, now: int) -> _Key:
        def read(tables: Tables) -> tuple[ApiKey, Role | None] | None:
            key = tables.accounts.key_by_digest(digest)
            return (key, tables.accounts.of(key.workspace_id).members.role(key.created_by)) if key else None

        found = await self._services.glance(read)
        if found is None or found[0].revoked_at is not None:
            raise Unauthenticated("The API key is unknown or was revoked.")
        key, role = found
        if key.kind == "WRITE":
            scopes = roles.INGEST
        elif role is None:
            raise Unauthenticated("The person who made this API key is no longer a member.")
        else:
            # Asked anew each time, so that a key never outlives the role that allowed it.
            scopes = roles.expand(key.scopes) & roles.SCOPES[role]
        if key.used_at is None or now - key.used_at >= bounds.SEEN_EVERY:
            self._later(lambda tables: tables.accounts.of(key.workspace_id).keys.touch(key.id, now))
        return _Key(key, scopes)

    async def _session(self, method: str, sent: dict[bytes, bytes]) -> UserSession:
        token = cookies.read(sent.get(b"cookie", b""), only_secure=self.secure)
        if token is None:
            raise Unauthenticated("Sign in, or send an API key.")
        now = self._clock.now()
        digest = sha256(token).digest()
        session = self._sessions.get(digest, now)
        if session is None:
            session = await self._services.glance(lambda tables: tables.accounts.sessions.by_digest(digest))
            if session is None:
                raise Unauthenticated("The session has ended. Sign in again.")
            self._note_use(session, now)
            self._sessions.put(digest, session, now)
        if now >= ends_at(session):
            raise Unauthenticated("The session has ended. Sign in again.")
        csrf.require_same_origin(method, sent, self.public_origin)
        return session

    def _note_use(self, session: UserSession, now: int) -> None:
        if bounds.SEEN_EVERY <= now - session.seen_at < bounds.SESSION_IDLE:
            self._later(lambda tables: tables.accounts.sessions.touch(session.id, now))

    async def _member(self, user_id: int, workspace: str) -> Caller:
        now = self._clock.now()
        caller = self._callers.get((user_id, workspace), now)
        if caller is not None:
            return caller
        workspace_id = ids.read("ws", workspace)
        if workspace_id is None:
            raise NotFound(_NO_SUCH_WORKSPACE)
        role = await self._services.glance(lambda tables: tables.accounts.of(workspace_id).members.role(user_id))
        if role is None:
            raise NotFound(_NO_SUCH_WORKSPACE)
        caller = Caller(Principal("SESSION", user_id, None, roles.SCOPES[role]), workspace_id)
        return self._callers.put((user_id, workspace), caller, now)

    def _later(self, work: Callable[[Tables], None]) -> None:
        """Write something that nobody waits for and that may be lost."""
        try:
            written: Awaitable[None] = self._services.write(work)
        except Unavailable:
            return
        asyncio.ensure_future(written).add_done_callback(lambda done: done.cancelled() or done.exception())


def ends_at(session: UserSession) -> int:
    """The instant at which a session ends if it is not used again."""
    return min(session.expires_at, session.seen_at + bounds.SESSION_IDLE)


def allow(scope: str) -> Callable[[Request, str], Coroutine[Any, Any, Caller]]:
    """A dependency of routes with `{workspaceId}`: `caller: Annotated[Caller, Depends(allow("contacts:read"))]`.

    It raises as `Access.admit` does, and refuses write keys: they can only send events.
    """

    async def admitted(request: Request, workspace: Annotated[str, Path(alias="workspaceId")]) -> Caller:
        access: Access = request.app.state.access
        caller = await access.admit(request.method, request.headers.raw, workspace, scope)
        if caller.principal.kind == "WRITE_KEY":
            raise Forbidden("A write key can only send events.")
        return caller

    return admitted


def require(caller: Caller, scope: str) -> None:
    """Check one more scope of a caller.

    Raises:
        Forbidden: they do not have it.
    """
    if scope not in caller.principal.scopes:
        raise _lacking(scope)


async def signed_in(request: Request) -> Principal:
    """A dependency of routes for people, outside a workspace: `me: Annotated[Principal, Depends(signed_in)]`.

    Raises:
        Unauthenticated: nobody is signed in.
        Forbidden: a key was sent instead of a session.
    """
    access: Access = request.app.state.access
    principal = await access.identify(request.method, request.headers.raw)
    if principal.user_id is None:
        raise Forbidden("This needs a person who is signed in, not a key.", code="session_required")
    return principal


def _bearer(sent: dict[bytes, bytes]) -> bytes | None:
    """The key in the Authorization header. Any other scheme is a proxy's affair."""
    value = sent.get(b"authorization")
    return value[7:].strip() if value is not None and value[:7].lower() == b"bearer " else None


def _lacking(scope: str) -> Forbidden:
    match scope:
        case roles.OWNER:
            return Forbidden("This needs the role OWNER.")
        case roles.MEMBER:
            return Forbidden("This needs a member, or a key with the scope admin.")
        case _:
            return Forbidden(f"This needs the scope {scope}.")
