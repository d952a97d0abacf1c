"""What is done for whom, and how far each one has come."""

from typing import Any

import msgspec


class Sweep(msgspec.Struct, frozen=True):
    """Work over a campaign's running enrolments with ids up to `upto`, in the order of (version, id).

    It has come to (`version`, `after`). After a pause that began at `since` it moves waits by `shift` milliseconds and
    lets the enrolments go on; of an archived campaign it ends them.
    """

    upto: int
    since: int
    shift: int = 0
    version: int = 0
    after: int = 0


class Campaign(msgspec.Struct, frozen=True):
    """A campaign at its newest version; the JSON of triggers, workflow and settings as saved."""

    id: int
    name: str
    type: str
    status: str
    version: int
    triggers: list[dict[str, Any]]
    workflow: dict[str, Any]
    settings: dict[str, Any]
    start_at: int | None
    end_at: int | None
    paused_at: int | None
    created_at: int
    updated_at: int
    sweep: Sweep | None = None


class Enrolment(msgspec.Struct, frozen=True):
    """One contact's run through one version of a campaign.

    `status` is ACTIVE, COMPLETED, EXITED or FAILED. `wake_at` is when the node it stands on wants to run, `deadline`
    when that node stops waiting of itself; `step` counts the log lines written so far. `occasion` is what of its
    trigger it is for: the day of a DATE trigger, the launch that took the contact in; None for any other trigger.
    """

    id: int
    campaign_id: int
    version: int
    contact_id: int
    entry_key: str
    status: str
    node_id: str
    node_entered_at: int
    wake_at: int | None
    trigger: str
    event_id: int | None
    depth: int
    step: int
    entered_at: int
    ended_at: int | None = None
    end_reason: str | None = None
    deadline: int | None = None
    occasion: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One line of an enrolment's log."""

    enrolment_id: int
    step: int
    node_id: str
    type: str
    outcome: str
    detail: dict[str, Any] | None
    at: int
