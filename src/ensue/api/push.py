"""Push from the site's own side: the workspace's key, and tokens for pages of people it knows."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ensue.accounts import roles
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, ShownInstant, StrictRoute
from ensue.api.contact_json import contact_number
from ensue.api.context import Context, Here
from ensue.base.clock import HOUR
from ensue.base.errors import Invalid
from ensue.engine import push
from ensue.engine.contacts import identity
from ensue.engine.working_set import WorkingSet

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Push"], route_class=StrictRoute)

_TOKEN_LIFE = HOUR
_TOKEN_LIFE_MOST = 24 * HOUR


class ShownPushKey(Answer):
    """What a page passes to `pushManager.subscribe` as `applicationServerKey`."""

    public_key: str


class TokenOrder(Body):
    """How long a token shall work."""

    expires_at: Instant | None = None


class PushToken(Answer):
    """A token with which a browser subscribes as a contact's."""

    token: str
    expires_at: ShownInstant


@router.get(
    "/push/key",
    summary="The key that browsers subscribe with",
    responses={503: {"description": "It could not be made now"}},
)
async def get_key(here: Here, caller: Annotated[Caller, Depends(allow(roles.MEMBER))]) -> ShownPushKey:
    """The public half of the workspace's VAPID key. It is made at the first question and then stays the same."""
    return await shown_key(here, caller.workspace_id)


async def shown_key(here: Context, workspace_id: int) -> ShownPushKey:
    """The key of a workspace; a transaction is needed only for the first time."""
    known = await here.services.glance(lambda tables: tables.workspace(workspace_id).push_keys.get())
    if known is not None:
        return ShownPushKey(public_key=known.public)

    def work(room: WorkingSet) -> str:
        return push.key_of(room.tables, lambda raw: here.services.sealer.seal(workspace_id, raw), room.now)

    return ShownPushKey(public_key=await here.services.change(workspace_id, work))


@router.post("/contacts/{contactId}/push-token", status_code=201, summary="A token for the page of a contact")
async def make_token(
    here: Here,
    caller: Annotated[Caller, Depends(allow("contacts:write"))],
    number: Annotated[int, Depends(contact_number)],
    wanted: TokenOrder,
) -> PushToken:
    """Make a token for the page of somebody who is signed in to the site. It works for an hour, or as asked."""
    end = wanted.expires_at if wanted.expires_at is not None else here.now + _TOKEN_LIFE
    if not here.now < end <= here.now + _TOKEN_LIFE_MOST:
        raise Invalid.at("expiresAt", "must lie ahead, and not more than a day")
    end = end // 1000 * 1000
    own = await here.services.ask(lambda tables: identity.stored(tables.workspace(caller.workspace_id), number).id)
    return PushToken(token=push.contact_token(here.services.signer, own, end), expires_at=end)
