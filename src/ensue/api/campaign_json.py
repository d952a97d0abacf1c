"""Campaigns, enrolments and their logs as the API shows them."""

from typing import Any, Literal

from ensue.api.bodies import Answer, ShownInstant
from ensue.api.paging import Place
from ensue.base.ids import show
from ensue.model.campaign import Campaign, Enrolment, Step

Type = Literal["AUTOMATED", "BROADCAST"]
Status = Literal["DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "ARCHIVED"]
EnrolmentStatus = Literal["ACTIVE", "COMPLETED", "EXITED", "FAILED"]


class ShownCampaign(Answer):
    """A campaign at its newest version."""

    id: str
    name: str
    type: Type
    status: Status
    version: int
    triggers: list[dict[str, Any]]
    workflow: dict[str, Any]
    settings: dict[str, Any]
    start_at: ShownInstant | None
    end_at: ShownInstant | None
    paused_at: ShownInstant | None
    created_at: ShownInstant
    updated_at: ShownInstant


class ShownEnrolment(Answer):
    """One contact's run. `wakeAt` is when the node it stands on is looked at next, unless something happens before.

    `occasion` is what of its trigger it is for: the day of a DATE trigger, or the launch that took the contact in.
    """

    id: str
    campaign_id: str
    campaign_version: int
    contact_id: str
    entry_key: str | None
    status: EnrolmentStatus
    node_id: str
    node_entered_at: ShownInstant
    wake_at: ShownInstant | None
    trigger: str
    event_id: str | None
    occasion: str | None
    entered_at: ShownInstant
    ended_at: ShownInstant | None
    end_reason: str | None


class ShownStep(Answer):
    """A line of an enrolment's log: a node that it has left, or (type `campaign`) what ended it as a whole."""

    step: int
    node_id: str
    type: str
    outcome: str
    detail: dict[str, Any] | None
    at: ShownInstant


class LoggedEnrolment(ShownEnrolment):
    """A run with its log, oldest line first."""

    steps: list[ShownStep]


class EnrolmentPage(Answer):
    """A page of runs."""

    data: list[ShownEnrolment]
    pagination: Place


class ShownSkip(Answer):
    """A trigger that fired without taking the contact in, and why."""

    id: str
    contact_id: str
    event_id: str | None
    reason: str
    at: ShownInstant


class SkipPage(Answer):
    """A page of skips."""

    data: list[ShownSkip]
    pagination: Place


class NodeMessages(Answer):
    """What became of the messages of a node: how many were queued in all, and how many of them came how far."""

    queued: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    failed: int
    unknown: int
    unsubscribed: int


class NodeStats(Answer):
    """How many came to a node, how many of them stand there now, and how often it was left with each outcome.

    `messages` is null for a node that has queued none.
    """

    id: str
    entered: int
    here: int
    passed: int
    outcomes: dict[str, int]
    messages: NodeMessages | None


class CampaignStats(Answer):
    """What became of everybody, over all versions; `skipped` by reason."""

    entered: int
    active: int
    completed: int
    exited: int
    failed: int
    skipped: dict[str, int]
    nodes: list[NodeStats]


class Executed(Answer):
    """How many were taken in, and how many not, by reason."""

    enrolled: int
    skipped: int
    reasons: dict[str, int]


def shown(campaign: Campaign) -> ShownCampaign:
    """A campaign."""
    return ShownCampaign(
        id=show("cmp", campaign.id),
        name=campaign.name,
        type=campaign.type,  # type: ignore[arg-type]  # checked again by the model
        status=campaign.status,  # type: ignore[arg-type]  # likewise
        version=campaign.version,
        triggers=campaign.triggers,
        workflow=campaign.workflow,
        settings=campaign.settings,
        start_at=campaign.start_at,
        end_at=campaign.end_at,
        paused_at=campaign.paused_at,
        created_at=campaign.created_at,
        updated_at=campaign.updated_at,
    )


def fields(enrolment: Enrolment) -> dict[str, Any]:
    """The fields of a shown enrolment."""
    return {
        "id": show("enr", enrolment.id),
        "campaign_id": show("cmp", enrolment.campaign_id),
        "campaign_version": enrolment.version,
        "contact_id": show("ct", enrolment.contact_id),
        "entry_key": enrolment.entry_key or None,
        "status": enrolment.status,
        "node_id": enrolment.node_id,
        "node_entered_at": enrolment.node_entered_at,
        "wake_at": enrolment.wake_at,
        "trigger": enrolment.trigger,
        "event_id": show("evt", enrolment.event_id) if enrolment.event_id is not None else None,
        "occasion": enrolment.occasion,
        "entered_at": enrolment.entered_at,
        "ended_at": enrolment.ended_at,
        "end_reason": enrolment.end_reason,
    }


def step(line: Step) -> ShownStep:
    """A line of a log."""
    return ShownStep(
        step=line.step, node_id=line.node_id, type=line.type, outcome=line.outcome, detail=line.detail, at=line.at
    )


def stats(
    by_status: dict[str, int],
    skipped: dict[str, int],
    by_node: list[tuple[str, str, int]],
    messages: dict[str, dict[str, int]],
    workflow: dict[str, Any],
) -> CampaignStats:
    """Counts, with the nodes in the order of the newest workflow and those of older versions behind them."""
    order = [node["id"] for node in workflow.get("nodes", [])]
    found: dict[str, tuple[dict[str, int], list[int]]] = {node_id: ({}, [0]) for node_id in order}
    for node_id, outcome, count in by_node:
        outcomes, here = found.setdefault(node_id, ({}, [0]))
        if outcome:
            outcomes[outcome] = count
        else:
            here[0] = count
    return CampaignStats(
        entered=sum(by_status.values()),
        active=by_status.get("ACTIVE", 0),
        completed=by_status.get("COMPLETED", 0),
        exited=by_status.get("EXITED", 0),
        failed=by_status.get("FAILED", 0),
        skipped=skipped,
        nodes=[_node(node_id, here[0], outcomes, messages.get(node_id)) for node_id, (outcomes, here) in found.items()],
    )


def _node(node_id: str, here: int, outcomes: dict[str, int], messages: dict[str, int] | None) -> NodeStats:
    # A line that says DEPTH_LIMIT is of a wait that stays.
    passed = sum(count for outcome, count in outcomes.items() if outcome != "DEPTH_LIMIT")
    return NodeStats(
        id=node_id,
        entered=here + passed,
        here=here,
        passed=passed,
        outcomes=outcomes,
        messages=NodeMessages(**messages) if messages is not None else None,
    )
