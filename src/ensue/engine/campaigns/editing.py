"""Campaigns made, edited, started, paused, resumed, completed, archived and deleted.

DRAFT → ACTIVE ⇄ PAUSED → COMPLETED → ARCHIVED; ACTIVE may be completed too, and a draft or a paused one archived.
PAUSED takes nobody in and freezes those who are in. COMPLETED takes nobody in and lets those who are in finish.
ARCHIVED ends them. Once a campaign has been active, every edit makes a new version; those who are in stay on theirs.
"""

from typing import Any

import msgspec

from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.engine.campaigns import upkeep
from ensue.engine.campaigns.version import validate
from ensue.engine.templates import refuse_unfit
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign, Sweep

TYPES = ("AUTOMATED", "BROADCAST")
STATUSES = ("DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "ARCHIVED")
OVERDUE = ("SHIFT", "CONTINUE")

_BODY = ("triggers", "workflow", "settings", "start_at", "end_at")
_NEXT = {
    "DRAFT": ("ACTIVE", "ARCHIVED"),
    "ACTIVE": ("PAUSED", "COMPLETED"),
    "PAUSED": ("ACTIVE", "COMPLETED", "ARCHIVED"),
    "COMPLETED": ("ARCHIVED",),
    "ARCHIVED": (),
}


def named(room: WorkingSet, campaign_id: int) -> Campaign:
    """A campaign by its id.

    Raises:
        NotFound: there is no such campaign.
    """
    campaign = room.tables.definitions.campaign(campaign_id)
    if campaign is None:
        raise NotFound("There is no such campaign in this workspace.")
    return campaign


def create(room: WorkingSet, fields: dict[str, Any]) -> Campaign:
    """A new campaign, DRAFT or at once ACTIVE. `fields` are those of `Campaign`.

    Raises:
        Invalid: it cannot be saved, or cannot go live, by path.
    """
    status = fields.get("status", "DRAFT")
    if status not in ("DRAFT", "ACTIVE"):
        raise Invalid.at("status", "must be DRAFT or ACTIVE for a new campaign")
    campaign = Campaign(
        id=room.ids.next(),
        name=fields["name"],
        type=fields.get("type", "AUTOMATED"),
        status=status,
        version=1,
        triggers=fields.get("triggers", []),
        workflow=fields.get("workflow", {"nodes": [], "edges": []}),
        settings=fields.get("settings", {}),
        start_at=fields.get("start_at"),
        end_at=fields.get("end_at"),
        paused_at=None,
        created_at=room.now,
        updated_at=room.now,
    )
    _check(room, campaign)
    return _keep(room, campaign, None)


def edit(room: WorkingSet, campaign_id: int, fields: dict[str, Any]) -> Campaign:
    """Change fields of a campaign, and its status when `status` is among them.

    Raises:
        NotFound: there is no such campaign. Invalid: it cannot be saved or go live like this, by path.
        Conflict: it is archived, or its status cannot become that.
    """
    old = named(room, campaign_id)
    status = fields.get("status", old.status)
    edited = msgspec.structs.replace(old, **{name: value for name, value in fields.items() if name != "status"})
    if edited != old:
        if old.status in ("COMPLETED", "ARCHIVED"):
            raise Conflict(f"A campaign that is {old.status} cannot be edited.", code="campaign_ended")
        if old.status != "DRAFT" and any(getattr(edited, name) != getattr(old, name) for name in _BODY):
            edited = msgspec.structs.replace(edited, version=old.version + 1)
        _check(room, msgspec.structs.replace(edited, status=status))
        edited = _keep(room, msgspec.structs.replace(edited, updated_at=room.now), old)
    return change_status(room, edited, status) if status != old.status else edited


def change_status(room: WorkingSet, campaign: Campaign, status: str, overdue: str = "SHIFT") -> Campaign:
    """Start, pause, resume, complete or archive a campaign; nothing happens when that is its status already.

    `overdue` says what a resumed campaign does with waits: SHIFT moves them by the length of the pause, CONTINUE leaves
    them as they were, so that what came due during the pause goes on now.

    Raises:
        Invalid: it cannot go live like this, by path. Conflict: its status cannot become that.
    """
    if status == campaign.status:
        return campaign
    if status not in _NEXT[campaign.status]:
        allowed = " or ".join(_NEXT[campaign.status]) or "nothing else any more"
        raise Conflict(
            f"A campaign that is {campaign.status} can become {allowed}, not {status}.", code="campaign_status"
        )
    if campaign.sweep is not None:
        raise Conflict("Its enrolments are still being resumed or ended; try again in a moment.", code="campaign_busy")
    changed = msgspec.structs.replace(
        campaign, status=status, paused_at=room.now if status == "PAUSED" else None, updated_at=room.now
    )
    _check(room, changed)
    if campaign.status == "PAUSED":
        # They are looked at again, whatever the campaign is now.
        room.tables.messages.release(campaign.id, room.now)
    held = campaign.paused_at is not None or status == "ARCHIVED"
    if held and room.tables.enrolments.any_running(campaign.id):
        since = campaign.paused_at if campaign.paused_at is not None else room.now
        shift = room.now - since if overdue == "SHIFT" else 0
        changed = msgspec.structs.replace(changed, sweep=Sweep(upto=room.ids.next(), since=since, shift=shift))
    return _keep(room, changed, campaign)


def remove(room: WorkingSet, campaign_id: int) -> None:
    """Delete a campaign that is not running; what it did remains in the history of its contacts.

    Raises:
        NotFound: there is no such campaign. Conflict: it is ACTIVE or PAUSED, or somebody is in it.
    """
    campaign = named(room, campaign_id)
    if campaign.status in ("ACTIVE", "PAUSED"):
        raise Conflict(
            f"A campaign that is {campaign.status} cannot be deleted; complete it first.", code="campaign_active"
        )
    if room.tables.enrolments.any_running(campaign_id):
        raise Conflict("Contacts are still in this campaign; archive it first.", code="campaign_in_use")
    room.tables.definitions.remove_campaign(campaign_id)
    room.tables.definitions.bump(room.now)


def check_live(room: WorkingSet, body: dict[str, Any]) -> None:
    """Refuse a body (type, triggers, workflow, settings) that could not go live.

    Raises:
        Invalid: with everything that is wrong, by path.
    """
    validate(body, _segments(room), live=True, broadcast=body["type"] == "BROADCAST")


def _segments(room: WorkingSet) -> dict[int, str]:
    return {segment.id: segment.type for segment in room.tables.definitions.segments()}


def _check(room: WorkingSet, campaign: Campaign) -> None:
    if campaign.start_at is not None and campaign.end_at is not None and campaign.start_at >= campaign.end_at:
        raise Invalid.at("endAt", "must be after startAt")
    segments = _segments(room)
    body = {"triggers": campaign.triggers, "workflow": campaign.workflow, "settings": campaign.settings}
    if campaign.status not in ("COMPLETED", "ARCHIVED"):
        validate(body, segments, live=campaign.status != "DRAFT", broadcast=campaign.type == "BROADCAST")
        refuse_unfit(room, campaign.workflow)


def _keep(room: WorkingSet, campaign: Campaign, before: Campaign | None) -> Campaign:
    room.tables.definitions.put_campaign(campaign)
    room.tables.definitions.bump(room.now)
    upkeep.follow(room, before, campaign)
    return campaign
