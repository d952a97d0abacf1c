"""Workspaces: making, changing and removing them."""

import re
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field

from ensue.accounts import bounds, removal, roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.context import Here, Me
from ensue.base import bounds as base_bounds
from ensue.base import ids
from ensue.base.clock import DAY, HOUR, MINUTE, SECOND
from ensue.base.errors import Conflict, NotFound
from ensue.engine.campaigns import upkeep
from ensue.engine.segments import editing as segments
from ensue.model.account import Role
from ensue.model.workspace import Workspace
from ensue.rules.faults import duration
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces", tags=["Workspaces"], route_class=StrictRoute)

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def _slug(value: str) -> str:
    if not _SLUG.fullmatch(value):
        raise ValueError("must be lower-case letters and digits, with single hyphens between them")
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Berlin or UTC")
    return value


def _horizon(value: str) -> str:
    length = duration(value)
    if length is None or length > bounds.TRIGGER_HORIZON_MOST:
        raise ValueError("must be a duration such as 72h or 7d, of at most 366 days")
    return value


Name = Annotated[Text, Field(max_length=bounds.NAME)]
Slug = Annotated[str, Field(max_length=bounds.SLUG), AfterValidator(_slug)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Duration = Annotated[str, AfterValidator(_horizon), Field(examples=["72h"])]


class NewWorkspace(Body):
    """A workspace to be made."""

    name: Name
    slug: Slug
    time_zone: TimeZone = "UTC"


class WorkspaceChange(Body):
    """What shall be different; what is absent stays."""

    name: Name | None = None
    time_zone: TimeZone | None = None
    trigger_horizon: Duration | None = None


class ShownWorkspace(Answer):
    """A workspace, and what the caller is in it (nothing, for a key)."""

    id: str
    name: str
    slug: str
    time_zone: str
    trigger_horizon: str = Field(description="An event that is older than this triggers no campaign.")
    role: Role | None
    created_at: ShownInstant
    updated_at: ShownInstant


@router.get("")
async def list_workspaces(here: Here, me: Me) -> list[ShownWorkspace]:
    """The workspaces that one is a member of, oldest first."""
    found = await here.services.ask(lambda tables: tables.accounts.workspaces.of_user(me))
    return [_shown(workspace, role) for workspace, role in found]


@router.post("", status_code=201)
async def create_workspace(here: Here, me: Me, wanted: NewWorkspace) -> ShownWorkspace:
    """Make a workspace and become its OWNER."""

    def work(tables: Tables) -> Workspace:
        accounts, now = tables.accounts, here.now
        if accounts.workspaces.has_slug(wanted.slug):
            raise Conflict(f"The slug {wanted.slug} is taken.", code="slug_taken")
        workspace = Workspace(
            id=here.ids.next(),
            name=wanted.name,
            slug=wanted.slug,
            time_zone=wanted.time_zone,
            trigger_horizon=base_bounds.TRIGGER_HORIZON,
            definitions_version=1,
            created_at=now,
            updated_at=now,
        )
        accounts.workspaces.add(workspace)
        accounts.of(workspace.id).members.put(me, "OWNER", now)
        recorder = Recorder(tables, here.ids, here.person(me))
        recorder.record(workspace.id, "workspace.create", ("ws", workspace.id), name=workspace.name)
        return workspace

    workspace = await here.services.write(work)
    here.access.forget()
    return _shown(workspace, "OWNER")


@router.get("/{workspaceId}")
async def get_workspace(here: Here, caller: Annotated[Caller, Depends(allow(roles.MEMBER))]) -> ShownWorkspace:
    """One workspace."""
    return await here.services.glance(lambda tables: _found(tables, caller))


@router.patch("/{workspaceId}")
async def change_workspace(
    here: Here, caller: Annotated[Caller, Depends(allow(roles.ADMIN))], change: WorkspaceChange
) -> ShownWorkspace:
    """Change the name, the time zone or the age past which an event triggers no campaign."""

    def work(tables: Tables) -> ShownWorkspace:
        before = tables.accounts.workspaces.get(caller.workspace_id)
        if before is None:
            raise NotFound("There is no such workspace.")
        tables.accounts.workspaces.change(
            Workspace(
                id=before.id,
                name=change.name or before.name,
                slug=before.slug,
                time_zone=change.time_zone or before.time_zone,
                trigger_horizon=duration(change.trigger_horizon) or before.trigger_horizon,
                definitions_version=before.definitions_version,
                created_at=before.created_at,
                updated_at=here.now,
            )
        )
        if change.time_zone not in (None, before.time_zone):
            here.services.engine.within(tables, before.id, segments.follow_time_zone)
            here.services.engine.within(tables, before.id, upkeep.follow_time_zone)
        Recorder(tables, here.ids, here.caller(caller)).record(
            before.id, "workspace.change", ("ws", before.id), **change.model_dump(exclude_none=True)
        )
        return _found(tables, caller)

    return await here.services.write(work)


@router.delete("/{workspaceId}", status_code=204)
async def delete_workspace(here: Here, caller: Annotated[Caller, Depends(allow(roles.OWNER))]) -> None:
    """Remove a workspace and everything in it, for good."""

    def work(tables: Tables) -> None:
        found = tables.accounts.workspaces.get(caller.workspace_id)
        if found is None:
            raise NotFound("There is no such workspace.")
        removal.close_workspace(tables, found.id, here.now)
        Recorder(tables, here.ids, here.caller(caller)).record_instance(
            "workspace.delete", ("ws", found.id), name=found.name
        )

    await here.services.write(work)
    here.access.forget()
    await removal.finish(here.services.write, caller.workspace_id)


def _found(tables: Tables, caller: Caller) -> ShownWorkspace:
    workspace = tables.accounts.workspaces.get(caller.workspace_id)
    if workspace is None:
        raise NotFound("There is no such workspace.")
    user_id = caller.principal.user_id
    role = tables.accounts.of(workspace.id).members.role(user_id) if user_id is not None else None
    return _shown(workspace, role)


def _shown(workspace: Workspace, role: Role | None) -> ShownWorkspace:
    return ShownWorkspace(
        id=ids.show("ws", workspace.id),
        name=workspace.name,
        slug=workspace.slug,
        time_zone=workspace.time_zone,
        trigger_horizon=_duration_text(workspace.trigger_horizon),
        role=role,
        created_at=workspace.created_at,
        updated_at=workspace.updated_at,
    )


def _duration_text(milliseconds: int) -> str:
    # Hours before days when it is the default, so that 72h reads as it was written in the documentation.
    if milliseconds == base_bounds.TRIGGER_HORIZON:
        return f"{milliseconds // HOUR}h"
    return next(f"{milliseconds // unit}{name}" for unit, name in _UNITS if milliseconds % unit == 0)
