"""Campaigns run over history without doing anything: begun here, worked on in the background, looked at here."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path

from ensue.api import campaign_lookup
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, ShownInstant, StrictRoute
from ensue.api.campaigns import CampaignFields
from ensue.api.context import Context, Here
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.campaigns import dry_run
from ensue.engine.working_set import WorkingSet
from ensue.model.dry_run import DryRun
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Campaigns"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("campaigns:read"))]


class Span(Body):
    """Over what happened in `since < t <= until`: the last 90 days when nothing is said, at most 366."""

    since: Instant | None = None
    until: Instant | None = None


class Draft(Span):
    """A campaign that need not be saved; its status and times are not looked at."""

    campaign: CampaignFields


class ShownDay(Answer):
    """One day (UTC): runs that would have begun, firings that would have taken nobody in, messages sent."""

    date: str
    enrolled: int
    skipped: int
    sent: int


class ShownRehearsedNode(Answer):
    """A node: how often it would have been left with each outcome (WAITING: not yet), and by each branch.

    `messages` says how many it would have SENT, and how many not, by reason.
    """

    id: str
    outcomes: dict[str, int]
    branches: dict[str, int]
    messages: dict[str, int]


class ShownEntry(Answer):
    """One of those who would have been taken in."""

    contact_id: str
    email: str | None
    trigger: str
    at: ShownInstant


class ShownCampaignDryRun(Answer):
    """What a campaign would have done, as far as `done` of `total` contacts say. `ends` counts its runs by status."""

    id: str
    campaign_id: str | None
    status: Literal["RUNNING", "DONE", "FAILED"]
    error: str | None
    since: ShownInstant
    until: ShownInstant
    total: int
    done: int
    contacts: int
    enrolled: int
    sent: int
    skipped: dict[str, int]
    ends: dict[str, int]
    days: list[ShownDay]
    nodes: list[ShownRehearsedNode]
    sample: list[ShownEntry]
    started_at: ShownInstant
    finished_at: ShownInstant | None


@router.post("/campaigns/dry-run", status_code=202, summary="Run an unsaved campaign over history")
async def dry_run_draft(here: Here, caller: Reader, draft: Draft) -> ShownCampaignDryRun:
    """Begin to find out what it would have done, had it always been live. 400 when it could not go live."""
    fields = draft.campaign.given()
    return await _begin(here, caller, lambda room: dry_run.begin(room, None, fields, draft.since, draft.until))


@router.post("/campaigns/{campaignId}/dry-run", status_code=202, summary="Run a campaign over history")
async def dry_run_campaign(
    here: Here, caller: Reader, campaign_id: Annotated[str, Path(alias="campaignId")], span: Span | None = None
) -> ShownCampaignDryRun:
    """Begin to find out what its newest version would have done, had it always been live."""
    number, asked = campaign_lookup.number(campaign_id), span or Span()

    def work(room: WorkingSet) -> DryRun:
        campaign = campaign_lookup.stored(room.tables, number)
        fields = {name: getattr(campaign, name) for name in ("type", "triggers", "workflow", "settings")}
        return dry_run.begin(room, number, fields, asked.since, asked.until)

    return await _begin(here, caller, work)


@router.get("/campaigns/dry-runs/{dryRunId}", summary="What a dry-run has found")
async def get_dry_run(
    here: Here, caller: Reader, dry_run_id: Annotated[str, Path(alias="dryRunId")]
) -> ShownCampaignDryRun:
    """How far it has come, and what it has found so far. The latest one of a workspace is kept."""
    number = read("dry", dry_run_id)

    def found(tables: WorkspaceTables) -> ShownCampaignDryRun:
        run = tables.dry_runs.get(number) if number is not None else None
        if run is None:
            raise NotFound("There is no such dry-run in this workspace.")
        return _shown(run, tables)

    return await campaign_lookup.asked(here, caller, found)


async def _begin(here: Context, caller: Caller, work: Callable[[WorkingSet], DryRun]) -> ShownCampaignDryRun:
    def begun(tables: Tables) -> ShownCampaignDryRun:
        run: DryRun = here.services.engine.within(tables, caller.workspace_id, work)
        return _shown(run, tables.workspace(caller.workspace_id))

    return await here.services.write(begun)


def _shown(run: DryRun, tables: WorkspaceTables) -> ShownCampaignDryRun:
    found = dry_run.Found(run.found)
    entered = [one["contactId"] for one in found.sample]
    emails = {contact.id: contact.email for contact in tables.populations.contacts(entered)}
    nodes = dict.fromkeys((node["id"] for node in run.body["workflow"].get("nodes", [])), None)
    return ShownCampaignDryRun(
        id=show("dry", run.id),
        campaign_id=show("cmp", run.campaign_id) if run.campaign_id is not None else None,
        status=run.status,  # type: ignore[arg-type]  # checked again by the model
        error=run.error,
        since=run.since,
        until=run.until,
        total=run.total,
        done=run.done,
        contacts=found.contacts,
        enrolled=found.ends.total(),
        sent=sum(day[2] for day in found.days.values()),
        skipped=dict(found.skipped),
        ends=dict(found.ends),
        days=[
            ShownDay(date=date, enrolled=enrolled, skipped=skipped, sent=sent)
            for date, (enrolled, skipped, sent) in sorted(found.days.items())
        ],
        nodes=[
            ShownRehearsedNode(
                id=node_id, outcomes=found.nodes.get(node_id, {}), branches=found.branches.get(node_id, {}),
                messages=found.sends.get(node_id, {}),
            )
            for node_id in nodes
        ],
        sample=[
            ShownEntry(
                contact_id=show("ct", one["contactId"]), email=emails.get(one["contactId"]), trigger=one["trigger"],
                at=one["at"],
            )
            for one in found.sample
        ],
        started_at=run.started_at,
        finished_at=run.finished_at,
    )  # fmt: skip
