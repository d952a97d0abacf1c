"""Bounces and complaints from outside: where a workspace takes reports of them, and the token that lets in."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ensue.accounts import roles, tokens
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.base.errors import NotFound
from ensue.base.ids import show
from ensue.store.ports import Tables

router = APIRouter(
    prefix="/api/workspaces/{workspaceId}/feedback-token", tags=["Suppressions"], route_class=StrictRoute
)

Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]


class ShownToken(Answer):
    """Since when there is a token; null when there is none, and so nothing can be reported."""

    created_at: ShownInstant | None


class CreatedToken(Answer):
    """The only answer that holds the token: a part of the address to report to."""

    created_at: ShownInstant
    url: str


@router.get("", summary="Whether reports are taken")
async def get_token(here: Here, caller: Admin) -> ShownToken:
    """Whether there is an address that bounces and complaints can be reported to."""
    created_at = await here.services.ask(
        lambda tables: tables.workspace(caller.workspace_id).feedback_tokens.created_at()
    )
    return ShownToken(created_at=created_at)


@router.post("", status_code=201, summary="Make the address for reports")
async def create_token(here: Here, caller: Admin) -> CreatedToken:
    """An address that whoever knows it can report bounces and complaints to. The one before works no more."""
    token = tokens.new(f"{show('fb', caller.workspace_id)}_")

    def work(tables: Tables) -> int:
        now = here.now
        tables.workspace(caller.workspace_id).feedback_tokens.put(tokens.digest(token), now)
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, "feedback_token.create")
        return now

    created_at = await here.services.write(work)
    return CreatedToken(created_at=created_at, url=f"{here.base_url}/api/public/feedback/{token}")


@router.delete("", status_code=204, summary="Take no more reports")
async def remove_token(here: Here, caller: Admin) -> None:
    """The address works no more."""

    def work(tables: Tables) -> None:
        if not tables.workspace(caller.workspace_id).feedback_tokens.remove():
            raise NotFound("There is no token.")
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, "feedback_token.delete")

    await here.services.write(work)
