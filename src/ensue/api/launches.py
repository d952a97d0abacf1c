"""Audiences on their way into campaigns, and the arming of dates: how far each has come."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path

from ensue.api import campaign_lookup
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.api.paging import PageNumber, PageSize, Place, place
from ensue.base import bounds
from ensue.base.ids import read, show
from ensue.engine.campaigns import date_timers, launches
from ensue.model.campaign import Campaign
from ensue.model.launch import RUNNING, Launch
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Campaigns"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("campaigns:read"))]
Writer = Annotated[Caller, Depends(allow("campaigns:write"))]

_BACKFILLS = 20


class ShownLaunch(Answer):
    """The members of a segment, or (null) everybody, being put into a campaign. `total` is null until it is counted."""

    id: str
    campaign_id: str
    trigger: Literal["BROADCAST", "SCHEDULE"]
    segment_id: str | None
    status: Literal["RUNNING", "PAUSED", "DONE", "CANCELLED", "SKIPPED"]
    reason: str | None
    per_minute: int | None
    as_of: ShownInstant
    total: int | None
    done: int
    enrolled: int
    skipped: int
    next_at: ShownInstant | None
    started_at: ShownInstant
    finished_at: ShownInstant | None


class LaunchPage(Answer):
    """A page of launches, and when the next ones begin."""

    data: list[ShownLaunch]
    pagination: Place
    next: list[ShownInstant]


class ShownArming(Answer):
    """How far the arming of a campaign's dates has come: `armed` of the `done` contacts have a date to come."""

    id: str
    version: int
    status: str
    total: int
    done: int
    armed: int
    started_at: ShownInstant
    finished_at: ShownInstant | None
    error: str | None


@router.get("/campaigns/{campaignId}/launches", summary="List the launches of a campaign")
async def list_launches(
    here: Here,
    caller: Reader,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> LaunchPage:
    """When a broadcast or a schedule put many in, and how far that has come; newest first."""
    number, size = campaign_lookup.number(campaign_id), min(limit, bounds.PAGE_MOST)

    def found(tables: WorkspaceTables) -> LaunchPage:
        campaign = campaign_lookup.stored(tables, number)
        total, some = tables.launches.page(number, size, (page - 1) * size)
        coming = sorted(tables.schedules.of_campaign(number).values())
        data = [_shown(launch, campaign) for launch in some]
        return LaunchPage(data=data, pagination=place(page, size, total), next=coming)

    return await campaign_lookup.asked(here, caller, found)


@router.post("/campaigns/{campaignId}/launches/{launchId}/cancel", summary="Cancel a launch")
async def cancel_launch(
    here: Here,
    caller: Writer,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    launch_id: Annotated[str, Path(alias="launchId")],
) -> ShownLaunch:
    """Take nobody else in. Those who are in stay in. 409 when it is over."""
    number, launch_number = campaign_lookup.number(campaign_id), read("lch", launch_id) or 0

    def work(tables: Tables) -> ShownLaunch:
        own = tables.workspace(caller.workspace_id)
        campaign = campaign_lookup.stored(own, number)
        launch = here.services.engine.within(
            tables, caller.workspace_id, lambda room: launches.cancel(room, number, launch_number)
        )
        campaign_lookup.record(tables, here, caller, "campaign.cancel_launch", number)
        return _shown(launch, campaign)

    return await here.services.write(work)


@router.get("/campaigns/{campaignId}/dates", summary="How far the arming of dates has come")
async def list_armings(
    here: Here, caller: Reader, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> list[ShownArming]:
    """The work through all contacts that going live, or another DATE trigger, began; newest first."""
    number = campaign_lookup.number(campaign_id)

    def found(tables: WorkspaceTables) -> list[ShownArming]:
        campaign_lookup.stored(tables, number)
        return [
            ShownArming(
                id=show("bf", one.id), version=one.version, status=one.status, total=one.total, done=one.done,
                armed=one.entered, started_at=one.started_at, finished_at=one.finished_at, error=one.error,
            )
            for one in tables.backfills.of_subject(number, _BACKFILLS)
            if one.kind == date_timers.KIND
        ]  # fmt: skip

    return await campaign_lookup.asked(here, caller, found)


def _shown(launch: Launch, campaign: Campaign) -> ShownLaunch:
    running = launch.status == RUNNING
    return ShownLaunch(
        id=show("lch", launch.id),
        campaign_id=show("cmp", launch.campaign_id),
        trigger=launch.trigger,  # type: ignore[arg-type]  # checked again by the model
        segment_id=show("seg", launch.segment_id) if launch.segment_id is not None else None,
        status="PAUSED" if running and campaign.status == "PAUSED" else launch.status,  # type: ignore[arg-type]  # likewise
        reason=launch.reason,
        per_minute=launch.per_minute,
        as_of=launch.as_of,
        total=launch.total,
        done=launch.done,
        enrolled=launch.enrolled,
        skipped=launch.skipped,
        next_at=launch.next_at if running else None,
        started_at=launch.started_at,
        finished_at=launch.finished_at,
    )
