"""Segments: made, tried, changed with a diff first, and deleted when nothing asks about them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute, Text
from ensue.api.contact_json import Named
from ensue.api.context import Here
from ensue.api.segment_json import (
    Card,
    Kind,
    SegmentInWork,
    ShownBackfill,
    ShownSegment,
    card,
    in_work,
    segment_id,
    shown_backfill,
    shown_segment,
)
from ensue.base import bounds
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.segments import editing
from ensue.engine.segments.bulk import Crowd
from ensue.engine.segments.editing import NO_SUCH_SEGMENT, Edit
from ensue.engine.view import View, view
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/segments", tags=["Segments"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("segments:read"))]
Writer = Annotated[Caller, Depends(allow("segments:write"))]
Rules = Annotated[dict[str, Any], Field(description="A group or a condition; see the rule language")]


class NewSegment(Body):
    """A segment to be made. `triggers`: may those who are in it from the start enter campaigns by that?"""

    name: Annotated[Text, Field(max_length=bounds.NAME)]
    description: Annotated[str, Field(max_length=bounds.TEXT)] | None = None
    type: Kind = "DYNAMIC"
    rules: Rules | None = None
    triggers: bool = False


class SegmentChanges(Body):
    """What to change. Other rules make a new version; `triggers` is about whom the change lets enter or exit."""

    name: Annotated[Text, Field(max_length=bounds.NAME)] | None = None
    description: Annotated[str, Field(max_length=bounds.TEXT)] | None = None
    rules: Rules | None = None
    triggers: bool = False


class Draft(Body):
    """Rules that are not stored."""

    rules: Rules


class ListedSegment(ShownSegment):
    """A segment, with the number of its members when that was asked for."""

    total_members: int | None


class SegmentWithMembers(Answer):
    """A segment, how many are in it, and a few of them."""

    segment: SegmentInWork
    total_members: int
    sample_contacts: list[Card]


class Preview(Answer):
    """For how many contacts rules hold now, and a few of them."""

    count: int
    sample: list[Card]


class Diff(Answer):
    """Whom other rules would let enter and exit, now."""

    entering: Preview
    exiting: Preview


class Version(Answer):
    """The rules of one version, and since when."""

    version: int
    rules: dict[str, Any] | None
    created_at: ShownInstant


class Impact(Answer):
    """What asks about a segment, and so keeps it from being deleted."""

    segments: list[Named]
    campaigns: list[Named]
    scoring_rules: list[Named]
    forms: list[Named]


@router.get("", summary="All segments")
async def list_segments(
    here: Here, caller: Reader, counts: Annotated[bool, Query(description="Count the members of each")] = False
) -> list[ListedSegment]:
    """Oldest first."""

    def question(tables: Tables) -> list[ListedSegment]:
        own = tables.workspace(caller.workspace_id)
        members = own.memberships.counts() if counts else None
        return [
            ListedSegment(**shown_segment(s), total_members=members.get(s.id, 0) if members is not None else None)
            for s in own.definitions.segments()
        ]

    return await here.services.ask(question)


@router.post("", status_code=201, summary="Make a segment")
async def create_segment(here: Here, caller: Writer, body: NewSegment) -> SegmentInWork:
    """It is filled in the background; `backfill` says how far that has come. From now on every event counts."""
    segment, backfill = await here.services.change(
        caller.workspace_id,
        lambda room: editing.create(room, body.name, body.description, body.type, body.rules, triggers=body.triggers),
    )
    return in_work(segment, backfill)


@router.post("/preview", summary="Count whom rules would hold for")
async def preview_segment(here: Here, caller: Reader, body: Draft) -> Preview:
    """Nothing is stored."""

    def question(tables: Tables) -> Preview:
        seen = view(tables, caller.workspace_id, here.ids)
        crowd = Crowd(seen.tables, editing.sound(seen.definitions, body.rules), seen.now)
        return _preview(seen.tables, *crowd.survey(sample=bounds.SAMPLE))

    return await here.services.ask(question)


@router.get("/{segmentId}", summary="A segment with a few of its members")
async def get_segment(
    here: Here, caller: Reader, segment: Annotated[str, Path(alias="segmentId")]
) -> SegmentWithMembers:
    """How many are in it, and the first of them."""
    number = segment_id(segment)

    def question(tables: Tables) -> SegmentWithMembers:
        own = tables.workspace(caller.workspace_id)
        found = own.definitions.segment(number)
        if found is None:
            raise NotFound(NO_SUCH_SEGMENT)
        total, stays = own.memberships.page(number, 0, bounds.SAMPLE)
        latest = own.backfills.of_subject(number, 1)
        return SegmentWithMembers(
            segment=in_work(found, latest[0] if latest else None),
            total_members=total,
            sample_contacts=_cards(own, [stay.contact_id for stay in stays]),
        )

    return await here.services.ask(question)


@router.patch("/{segmentId}", summary="Change a segment", response_model=SegmentInWork | Diff)
async def change_segment(
    here: Here,
    caller: Writer,
    segment: Annotated[str, Path(alias="segmentId")],
    body: SegmentChanges,
    dry_run: Annotated[
        bool, Query(alias="dryRun", description="Only say whom the rules would let enter and exit")
    ] = False,
) -> SegmentInWork | Diff:
    """Other rules make a new version, to which the members are brought in the background."""
    number = segment_id(segment)
    if dry_run:
        if body.rules is None:
            raise Invalid.at("rules", "are what a dry run is about")
        return await _diff(here, caller, number, body.rules)
    changes = Edit(body.name, body.description, "description" in body.model_fields_set, body.rules)
    changed, backfill = await here.services.change(
        caller.workspace_id, lambda room: editing.edit(room, number, changes, triggers=body.triggers)
    )
    return in_work(changed, backfill)


@router.delete("/{segmentId}", status_code=204, summary="Delete a segment")
async def delete_segment(here: Here, caller: Writer, segment: Annotated[str, Path(alias="segmentId")]) -> Response:
    """Refused with 409 while anything asks about it; see `impact`. Who was in it when stays known."""
    number = segment_id(segment)
    await here.services.change(caller.workspace_id, lambda room: editing.delete(room, number))
    return Response(status_code=204)


@router.post("/{segmentId}/diff", summary="Say whom other rules would let enter and exit")
async def diff_segment(
    here: Here, caller: Reader, segment: Annotated[str, Path(alias="segmentId")], body: Draft
) -> Diff:
    """Nothing is stored."""
    return await _diff(here, caller, segment_id(segment), body.rules)


@router.get("/{segmentId}/versions", summary="Every version of a segment's rules")
async def list_versions(here: Here, caller: Reader, segment: Annotated[str, Path(alias="segmentId")]) -> list[Version]:
    """Newest first."""
    number = segment_id(segment)

    def question(tables: Tables) -> list[Version]:
        own = tables.workspace(caller.workspace_id)
        _known(own, number)
        found = own.definitions.segment_versions(number)
        return [Version(version=version, rules=rules, created_at=at) for version, rules, at in found]

    return await here.services.ask(question)


@router.get("/{segmentId}/backfills", summary="The backfills of a segment, with their progress")
async def list_backfills(
    here: Here, caller: Reader, segment: Annotated[str, Path(alias="segmentId")]
) -> list[ShownBackfill]:
    """Newest first, at most 50."""
    number = segment_id(segment)

    def question(tables: Tables) -> list[ShownBackfill]:
        own = tables.workspace(caller.workspace_id)
        _known(own, number)
        return [shown_backfill(backfill) for backfill in own.backfills.of_subject(number, bounds.PAGE_DEFAULT)]

    return await here.services.ask(question)


@router.get("/{segmentId}/impact", summary="What asks about a segment")
async def get_impact(here: Here, caller: Reader, segment: Annotated[str, Path(alias="segmentId")]) -> Impact:
    """Other segments, campaigns and scoring rules."""
    number = segment_id(segment)

    def question(tables: Tables) -> Impact:
        seen = _seeing(tables, here, caller, number)
        using = editing.dependents(seen, number)
        return Impact(
            segments=[Named(id=show("seg", i), name=name) for i, name in using.segments],
            campaigns=[Named(id=show("cmp", i), name=name) for i, name in using.campaigns],
            scoring_rules=[Named(id=show("sr", i), name=name) for i, name in using.scoring_rules],
            forms=[Named(id=show("frm", i), name=name) for i, name in using.forms],
        )

    return await here.services.ask(question)


async def _diff(here: Here, caller: Caller, number: int, rules: dict[str, Any]) -> Diff:
    def question(tables: Tables) -> Diff:
        seen = _seeing(tables, here, caller, number)
        rule = editing.sound(seen.definitions, rules, seen.definitions.segments[number].segment)
        crowd = Crowd(seen.tables, rule, seen.now)
        members = seen.tables.populations.members(number)
        return Diff(
            entering=_preview(seen.tables, *crowd.survey(~members, bounds.SAMPLE)),
            exiting=_preview(seen.tables, *crowd.survey_others(members, bounds.SAMPLE)),
        )

    return await here.services.ask(question)


def _seeing(tables: Tables, here: Here, caller: Caller, number: int) -> View:
    """A view of the workspace that has the segment in it."""
    seen = view(tables, caller.workspace_id, here.ids)
    if number not in seen.definitions.segments:
        raise NotFound(NO_SUCH_SEGMENT)
    return seen


def _known(tables: WorkspaceTables, number: int) -> None:
    if tables.definitions.segment(number) is None:
        raise NotFound(NO_SUCH_SEGMENT)


def _preview(tables: WorkspaceTables, count: int, sample: list[int]) -> Preview:
    return Preview(count=count, sample=_cards(tables, sample))


def _cards(tables: WorkspaceTables, contact_ids: list[int]) -> list[Card]:
    return [
        card(contact) for contact in sorted(tables.populations.contacts(contact_ids), key=lambda contact: contact.id)
    ]
