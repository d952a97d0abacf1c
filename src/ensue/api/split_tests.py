"""Tests between the branches of a split: how each does, and which one wins."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path

from ensue.api import campaign_lookup
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.engine.campaigns import split_tests
from ensue.model.campaign import Campaign
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Campaigns"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("campaigns:read"))]
Writer = Annotated[Caller, Depends(allow("campaigns:write"))]


class WinnerOrder(Body):
    """The branch that wins; null lets the split go on sharing out."""

    branch: str | None


class ShownBranch(Answer):
    """One branch: the runs that the draw sent along it; how many of them got a message, opened, clicked, met a goal.

    `routed` more took it because it had won. `rate` is what the metric counts, null when there is none or nobody.
    """

    name: str
    weight: int
    entered: int
    sent: int
    opened: int
    clicked: int
    goals: int
    routed: int
    rate: float | None


class ShownSplit(Answer):
    """A split and its test. `decideAt` is when it may be decided without being asked, as far as that is known."""

    node_id: str
    metric: Literal["GOAL", "OPENED", "CLICKED"] | None
    since: ShownInstant | None
    decide_at: ShownInstant | None
    winner: str | None
    decided_at: ShownInstant | None
    decided_by: Literal["MANUAL", "AUTO"] | None
    branches: list[ShownBranch]


@router.get("/campaigns/{campaignId}/splits/{nodeId}", summary="How the branches of a split do")
async def get_split(
    here: Here,
    caller: Reader,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    node_id: Annotated[str, Path(alias="nodeId")],
) -> ShownSplit:
    """Each branch with what became of those who took it, over all versions."""
    number = campaign_lookup.number(campaign_id)
    return await campaign_lookup.asked(
        here, caller, lambda tables: _shown(tables, campaign_lookup.stored(tables, number), node_id)
    )


@router.post("/campaigns/{campaignId}/splits/{nodeId}/winner", summary="Choose the winner of a split")
async def choose_winner(
    here: Here,
    caller: Writer,
    campaign_id: Annotated[str, Path(alias="campaignId")],
    node_id: Annotated[str, Path(alias="nodeId")],
    order: WinnerOrder,
) -> ShownSplit:
    """Whoever comes to the split for the first time takes this branch from now on; the others stay on theirs."""
    number = campaign_lookup.number(campaign_id)

    def work(tables: Tables) -> ShownSplit:
        own = tables.workspace(caller.workspace_id)
        campaign = campaign_lookup.stored(own, number)
        here.services.engine.within(
            tables, caller.workspace_id, lambda room: split_tests.choose(room, campaign, node_id, order.branch)
        )
        campaign_lookup.record(tables, here, caller, "campaign.choose_winner", number)
        return _shown(own, campaign, node_id)

    return await here.services.write(work)


def _shown(tables: WorkspaceTables, campaign: Campaign, node_id: str) -> ShownSplit:
    found = split_tests.results(tables, campaign, node_id)
    _, split = split_tests.split_of(campaign, node_id)
    metric = split.test.metric if split.test is not None else None
    test = tables.split_tests.get(campaign.id, node_id)
    return ShownSplit(
        node_id=node_id,
        metric=metric,  # type: ignore[arg-type]  # checked again by the model
        since=test.since if test is not None else None,
        decide_at=test.look_at if test is not None else None,
        winner=test.winner if test is not None else None,
        decided_at=test.decided_at if test is not None else None,
        decided_by=test.decided_by if test is not None else None,  # type: ignore[arg-type]  # likewise
        branches=[
            ShownBranch(
                name=one.name, weight=one.weight, entered=one.entered, sent=one.sent, opened=one.opened,
                clicked=one.clicked, goals=one.goals, routed=one.routed,
                rate=split_tests.rate(metric, one) if metric is not None else None,
            )
            for one in found
        ],
    )  # fmt: skip
