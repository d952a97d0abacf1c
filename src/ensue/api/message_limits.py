"""When and how often the contacts of a workspace are written to, unless a campaign says otherwise."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from ensue.accounts import roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, StrictRoute
from ensue.api.context import Here
from ensue.engine.messages.limits import read_limits
from ensue.engine.working_set import WorkingSet
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Workspaces"], route_class=StrictRoute)


class Limits(Body):
    """Quiet hours, `{"from", "to"}` as times of day, caps as `{"count", "per", "channel"?}`; what is absent is off."""

    quiet_hours: dict[str, Any] | None = None
    frequency_caps: list[dict[str, Any]] = Field(default_factory=list)


class ShownLimits(Answer):
    """The limits that the messages of a workspace heed."""

    quiet_hours: dict[str, Any] | None
    frequency_caps: list[dict[str, Any]]


@router.get("/message-limits", summary="Quiet hours and frequency caps")
async def get_limits(here: Here, caller: Annotated[Caller, Depends(allow(roles.MEMBER))]) -> ShownLimits:
    """What a campaign that says nothing itself has to heed."""
    return _shown(
        await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).definitions.message_limits())
    )


@router.put("/message-limits", summary="Set quiet hours and frequency caps")
async def put_limits(here: Here, caller: Annotated[Caller, Depends(allow(roles.ADMIN))], limits: Limits) -> ShownLimits:
    """Set both. They hold for what is sent from now on, also for what is queued already."""
    value = limits.model_dump(by_alias=True)
    read_limits(value)

    def change(room: WorkingSet) -> None:
        room.tables.definitions.put_message_limits(value)
        room.tables.definitions.bump(room.now)

    def work(tables: Tables) -> None:
        here.services.engine.within(tables, caller.workspace_id, change)
        Recorder(tables, here.ids, here.caller(caller)).record(
            caller.workspace_id, "workspace.message_limits", ("ws", caller.workspace_id)
        )

    await here.services.write(work)
    return _shown(value)


def _shown(value: dict[str, Any] | None) -> ShownLimits:
    value = value or {}
    return ShownLimits(quiet_hours=value.get("quietHours"), frequency_caps=value.get("frequencyCaps") or [])
