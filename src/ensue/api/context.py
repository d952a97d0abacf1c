"""What a handler reaches for in its request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ensue.accounts.audit import Actor
from ensue.api.access import Access, Caller, Principal, signed_in
from ensue.api.services import Services
from ensue.base.ids import Ids
from ensue.model.account import UserSession


@dataclass(frozen=True, slots=True)
class Context:
    """The running parts, and where the request comes from."""

    services: Services
    access: Access
    address: str
    # How the caller reaches us, without a slash at the end.
    base_url: str
    # Whether that is over HTTPS.
    secure: bool

    @property
    def ids(self) -> Ids:
        """Where new ids come from."""
        return self.services.engine.ids

    @property
    def now(self) -> int:
        """The present instant."""
        return self.services.engine.ids.instant()

    def caller(self, caller: Caller) -> Actor:
        """A caller as the audit log names them."""
        return Actor(caller.principal.user_id, caller.principal.key_id, self.address)

    def person(self, user_id: int | None) -> Actor:
        """A person as the audit log names them; None is somebody unknown."""
        return Actor(user_id, None, self.address)


async def _context(request: Request) -> Context:
    services: Services = request.app.state.services
    access: Access = request.app.state.access
    return Context(
        services=services,
        access=access,
        address=request.client.host if request.client else "",
        base_url=services.config.public_url or str(request.base_url).rstrip("/"),
        secure=access.secure or request.url.scheme == "https",
    )


Here = Annotated[Context, Depends(_context)]
"""`here: Here` in a handler."""


async def _me(principal: Annotated[Principal, Depends(signed_in)]) -> int:
    assert principal.user_id is not None
    return principal.user_id


Me = Annotated[int, Depends(_me)]
"""`me: Me` in a handler: the id of the person who is signed in."""


async def _current(request: Request) -> UserSession:
    access: Access = request.app.state.access
    return await access.session(request.method, request.headers.raw)


Current = Annotated[UserSession, Depends(_current)]
"""`current: Current` in a handler: the session that the request came with."""
