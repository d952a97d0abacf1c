"""Campaigns: made, edited, started and stopped; and what became of those who came in."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from ensue.api import campaign_json, campaign_lookup
from ensue.api.access import Caller, allow
from ensue.api.bodies import Body, Instant, StrictRoute, Text
from ensue.api.campaign_json import (
    CampaignStats,
    EnrolmentPage,
    EnrolmentStatus,
    Executed,
    LoggedEnrolment,
    ShownCampaign,
    ShownEnrolment,
    ShownSkip,
    SkipPage,
    Status,
    Type,
)
from ensue.api.campaign_texts import refuse_unsound
from ensue.api.context import Context, Here
from ensue.api.paging import PageNumber, PageSize, place
from ensue.base import bounds
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.campaigns import editing, execution, sweep
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.store.ports import Tables, WorkspaceTables

T = TypeVar("T")

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Campaigns"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("campaigns:read"))]
Writer = Annotated[Caller, Depends(allow("campaigns:write"))]
Name = Annotated[Text, Field(max_length=bounds.CAMPAIGN_NAME)]


class CampaignFields(Body):
    """What can be said of a campaign; `docs/reference/campaigns.md` says what triggers, workflow and settings are."""

    type: Type = "AUTOMATED"
    status: Status = "DRAFT"
    triggers: list[dict[str, Any]] = Field(default_factory=list)
    workflow: dict[str, Any] = Field(default_factory=lambda: {"nodes": [], "edges": []})
    settings: dict[str, Any] = Field(default_factory=dict)
    start_at: Instant | None = None
    end_at: Instant | None = None

    def given(self) -> dict[str, Any]:
        """The fields that the request names."""
        return self.model_dump(exclude_unset=True)


class NewCampaign(CampaignFields):
    """A campaign to be made: DRAFT, or at once ACTIVE."""

    name: Name


class CampaignEdit(CampaignFields):
    """What is to be different. Changing what an active campaign does makes a new version."""

    name: Name = ""


class ResumeOrder(Body):
    """What happens to waits: SHIFT moves them by the length of the pause; CONTINUE leaves them as they were."""

    overdue: Literal["SHIFT", "CONTINUE"] = "SHIFT"


class ExecuteOrder(Body):
    """Who is to be put in: one contact, or everybody who is in a segment now."""

    contact_id: str | None = None
    segment_id: str | None = None


@router.get("/campaigns", summary="List campaigns")
async def list_campaigns(here: Here, caller: Reader) -> list[ShownCampaign]:
    """All campaigns, oldest first."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).definitions.campaigns())
    return [campaign_json.shown(campaign) for campaign in found]


@router.post("/campaigns", status_code=201, summary="Create a campaign")
async def create_campaign(here: Here, caller: Writer, wanted: NewCampaign) -> ShownCampaign:
    """Make a campaign. A draft may be half done; what can never be right is refused, by path."""
    await here.services.ask(lambda _tables: refuse_unsound(wanted.given().get("workflow")))
    return await _change(here, caller, "campaign.create", lambda room: editing.create(room, wanted.given()))


@router.get("/campaigns/{campaignId}", summary="Get a campaign")
async def get_campaign(
    here: Here, caller: Reader, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> ShownCampaign:
    """One campaign, at its newest version."""
    number = campaign_lookup.number(campaign_id)
    return campaign_json.shown(
        await campaign_lookup.asked(here, caller, lambda tables: campaign_lookup.stored(tables, number))
    )


@router.patch("/campaigns/{campaignId}", summary="Change a campaign")
async def edit_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")], edit: CampaignEdit
) -> ShownCampaign:
    """Change fields, and the status: DRAFT → ACTIVE ⇄ PAUSED → COMPLETED → ARCHIVED. 409 for any other way."""
    number = campaign_lookup.number(campaign_id)
    await here.services.ask(lambda _tables: refuse_unsound(edit.given().get("workflow")))
    return await _change(here, caller, "campaign.edit", lambda room: editing.edit(room, number, edit.given()))


@router.delete("/campaigns/{campaignId}", status_code=204, summary="Delete a campaign")
async def delete_campaign(here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")]) -> None:
    """Delete a campaign. 409 while it is ACTIVE or PAUSED, or somebody is in it."""
    number = campaign_lookup.number(campaign_id)

    def work(tables: Tables) -> None:
        here.services.engine.within(tables, caller.workspace_id, lambda room: editing.remove(room, number))
        campaign_lookup.record(tables, here, caller, "campaign.delete", number)

    await here.services.write(work)


@router.post("/campaigns/{campaignId}/activate", summary="Start a campaign")
async def activate_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> ShownCampaign:
    """Let a campaign go live. 400 with every reason, by path, when its workflow is not finished."""
    return await _to(here, caller, campaign_id, "ACTIVE")


@router.post("/campaigns/{campaignId}/pause", summary="Pause a campaign")
async def pause_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> ShownCampaign:
    """Take nobody in, and freeze those who are in where they are."""
    return await _to(here, caller, campaign_id, "PAUSED")


@router.post("/campaigns/{campaignId}/resume", summary="Resume a paused campaign")
async def resume_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")], order: ResumeOrder | None = None
) -> ShownCampaign:
    """Go on, and catch up on what came in or changed during the pause.

    Waits are moved by the length of the pause, unless `overdue` is CONTINUE: then what came due meanwhile goes on now.
    """
    return await _to(here, caller, campaign_id, "ACTIVE", order.overdue if order is not None else "SHIFT")


@router.post("/campaigns/{campaignId}/complete", summary="Complete a campaign")
async def complete_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> ShownCampaign:
    """Take nobody in any more; those who are in finish."""
    return await _to(here, caller, campaign_id, "COMPLETED")


@router.post("/campaigns/{campaignId}/archive", summary="Archive a campaign")
async def archive_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")]
) -> ShownCampaign:
    """Put a draft, paused or completed campaign away; whoever is still in it leaves."""
    return await _to(here, caller, campaign_id, "ARCHIVED")


@router.post("/campaigns/{campaignId}/execute", status_code=202, summary="Put contacts into a campaign by hand")
async def execute_campaign(
    here: Here, caller: Writer, campaign_id: Annotated[str, Path(alias="campaignId")], order: ExecuteOrder
) -> Executed:
    """Put in one contact, or all members of a segment, under the campaign's re-entry rules. 409 when it is not ACTIVE.

    Members are taken in a bounded number at a time; should the server stop between, sending it again takes in the rest.
    """
    number = campaign_lookup.number(campaign_id)
    if (order.contact_id is None) is (order.segment_id is None):
        raise Invalid.at("contactId", "is required, or segmentId instead, and not both")
    if order.contact_id is not None:
        counts = await _execute_one(here, caller, number, order.contact_id)
    else:
        counts = await _execute_segment(here, caller, number, read("seg", order.segment_id or "") or 0)
    enrolled = counts.pop(execution.ENROLLED, 0)
    return Executed(enrolled=enrolled, skipped=counts.total(), reasons=dict(counts))


@router.get("/campaigns/{campaignId}/enrollments", summary="List the runs of a campaign")
async def list_enrollments(
    here: Here,
    caller: Reader,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    status: EnrolmentStatus | None = None,
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> EnrolmentPage:
    """Who came in, newest first."""
    number, size = campaign_lookup.number(campaign_id), min(limit, bounds.PAGE_MOST)

    def found(tables: WorkspaceTables) -> EnrolmentPage:
        campaign_lookup.stored(tables, number)
        total, enrolments = tables.enrolments.page(number, status, size, (page - 1) * size)
        shown = [ShownEnrolment(**campaign_json.fields(enrolment)) for enrolment in enrolments]
        return EnrolmentPage(data=shown, pagination=place(page, size, total))

    return await campaign_lookup.asked(here, caller, found)


@router.get("/campaigns/{campaignId}/skips", summary="List whom a campaign did not take in")
async def list_skips(
    here: Here,
    caller: Reader,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> SkipPage:
    """Triggers that fired without taking the contact in, newest first."""
    number, size = campaign_lookup.number(campaign_id), min(limit, bounds.PAGE_MOST)

    def found(tables: WorkspaceTables) -> SkipPage:
        campaign_lookup.stored(tables, number)
        total, rows = tables.enrolments.skips(number, size, (page - 1) * size)
        shown = [
            ShownSkip(
                id=show("skp", skip_id),
                contact_id=show("ct", contact_id),
                event_id=show("evt", event_id) if event_id is not None else None,
                reason=reason,
                at=at,
            )
            for skip_id, contact_id, event_id, reason, at in rows
        ]
        return SkipPage(data=shown, pagination=place(page, size, total))

    return await campaign_lookup.asked(here, caller, found)


@router.get("/campaigns/{campaignId}/stats", summary="What became of those who came in")
async def get_stats(here: Here, caller: Reader, campaign_id: Annotated[str, Path(alias="campaignId")]) -> CampaignStats:
    """Counts over all versions, by status, by reason to skip, and by node."""
    number = campaign_lookup.number(campaign_id)

    def found(tables: WorkspaceTables) -> CampaignStats:
        workflow, enrolments = campaign_lookup.stored(tables, number).workflow, tables.enrolments
        by_node = enrolments.counts_by_node(number)
        counts, skips = enrolments.counts(number), enrolments.skips_by_reason(number)
        return campaign_json.stats(counts, skips, by_node, tables.split_tests.messages_by_node(number), workflow)

    return await campaign_lookup.asked(here, caller, found)


@router.get("/enrollments/{enrollmentId}", summary="One run with its log")
async def get_enrollment(
    here: Here, caller: Reader, enrollment_id: Annotated[str, Path(alias="enrollmentId")]
) -> LoggedEnrolment:
    """Where a contact is in a campaign, and every step on the way."""
    number = read("enr", enrollment_id)

    def found(tables: WorkspaceTables) -> LoggedEnrolment:
        enrolment = tables.enrolments.get(number) if number is not None else None
        if enrolment is None:
            raise NotFound("There is no such enrollment in this workspace.")
        steps = [campaign_json.step(line) for line in tables.enrolments.steps(enrolment.id)]
        return LoggedEnrolment(**campaign_json.fields(enrolment), steps=steps)

    return await campaign_lookup.asked(here, caller, found)


async def _change(here: Context, caller: Caller, action: str, work: Callable[[WorkingSet], Campaign]) -> ShownCampaign:
    """Change a campaign so that the audit log says so."""

    def changed(tables: Tables) -> Campaign:
        engine = here.services.engine
        campaign = engine.within(tables, caller.workspace_id, work)
        if campaign.sweep is not None:
            # A few go on at once; of many the rest follows in transactions of their own.
            sweep.advance(engine.room(tables, caller.workspace_id), campaign.id, bounds.SWEEP_ENROLMENTS)
        campaign_lookup.record(tables, here, caller, action, campaign.id)
        return campaign

    return campaign_json.shown(await here.services.write(changed))


async def _to(here: Context, caller: Caller, campaign_id: str, status: str, overdue: str = "SHIFT") -> ShownCampaign:
    number = campaign_lookup.number(campaign_id)

    def work(room: WorkingSet) -> Campaign:
        return editing.change_status(room, editing.named(room, number), status, overdue)

    return await _change(here, caller, f"campaign.{status.lower()}", work)


async def _execute_one(here: Context, caller: Caller, number: int, contact: str) -> Counter[str]:
    contact_id = read("ct", contact) or 0
    effects = await here.services.change(caller.workspace_id, lambda room: execution.one(room, number, contact_id))
    counts = Counter(skipped.reason for skipped in effects.skipped)
    counts[execution.ENROLLED] = len(effects.enrolled)
    return counts


async def _execute_segment(here: Context, caller: Caller, number: int, segment_id: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    after: int | None = 0
    while after is not None:
        some, after = await _execute_some(here, caller, number, segment_id, after)
        counts += some
    return counts


def _execute_some(
    here: Context, caller: Caller, number: int, segment_id: int, after: int
) -> Awaitable[tuple[Counter[str], int | None]]:
    return here.services.change(caller.workspace_id, lambda room: execution.members(room, number, segment_id, after))
