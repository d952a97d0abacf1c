"""Scoring rules over what is stored: what they would have done, and all scores worked out again."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.api.scoring_json import NewRule, RuleChanges, fields, rule_id
from ensue.base.ids import show
from ensue.engine.scoring import dry_run, rebuild, rules
from ensue.engine.view import view
from ensue.model.backfill import Backfill
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Scoring"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("scoring:read"))]
Writer = Annotated[Caller, Depends(allow("scoring:write"))]


class Draft(Body):
    """A rule that is not stored."""

    rule: NewRule


class DraftChanges(Body):
    """Changes of a stored rule that are not stored; none, to run it as it is."""

    rule: RuleChanges | None = None


class RebuildOrder(Body):
    """Whether only to say what would change."""

    dry_run: bool = True


class ShownDay(Answer):
    """One day (UTC) of a dry-run."""

    date: str
    matches: int
    contacts: int
    points: int


class ShownGain(Answer):
    """One contact of a dry-run: the rule's contribution as it is and as it would be."""

    contact_id: str
    email: str | None
    matches: int
    before: int
    after: int


class ShownDryRun(Answer):
    """What a rule would have done over the events from `since` on; `complete` when that is all of its type."""

    events: int
    since: ShownInstant | None
    complete: bool
    matches: int
    contacts: int
    points: int
    changed: int
    difference: int
    days: list[ShownDay]
    sample: list[ShownGain]


class ShownChange(Answer):
    """One contact of a diff, with its score as it is and as it would be."""

    contact_id: str
    email: str | None
    before: int
    after: int


class ShownDiff(Answer):
    """What a rebuild would change among the contacts looked at; `complete` when that is all of them."""

    dry_run: Literal[True] = True
    contacts: int
    raised: int
    lowered: int
    difference: int
    complete: bool
    sample: list[ShownChange]


class ShownRebuild(Answer):
    """How far a rebuild has come."""

    dry_run: Literal[False] = False
    id: str
    status: str
    total: int
    done: int
    raised: int
    lowered: int
    started_at: ShownInstant
    finished_at: ShownInstant | None
    error: str | None


@router.post("/scoring-rules/dry-run", summary="Run an unsaved scoring rule over history")
async def dry_run_draft(here: Here, caller: Reader, draft: Draft) -> ShownDryRun:
    """Who would have got how many points on which day, had the rule always been there."""
    wished = fields(draft.rule.model_dump())

    def question(tables: Tables) -> dry_run.DryRun:
        room = view(tables, caller.workspace_id, here.ids)
        return dry_run.dry_run(room, rules.draft(room.tables, wished))

    return _shown_dry_run(await here.services.ask(question))


@router.post(
    "/scoring-rules/rebuild",
    summary="Work all scores out again",
    responses={202: {"model": ShownRebuild, "description": "Begun in the background"}},
)
async def rebuild_scores(
    here: Here, caller: Writer, order: RebuildOrder, response: Response
) -> ShownDiff | ShownRebuild:
    """With `dryRun`, what would change; without, 202 and the work goes on in the background."""
    if order.dry_run:
        found = await here.services.ask(lambda tables: rebuild.diff(view(tables, caller.workspace_id, here.ids)))
        return ShownDiff(
            contacts=found.contacts,
            raised=found.raised,
            lowered=found.lowered,
            difference=found.difference,
            complete=found.complete,
            sample=[
                ShownChange(contact_id=show("ct", c.contact_id), email=c.email, before=c.before, after=c.after)
                for c in found.sample
            ],
        )
    response.status_code = 202
    return _shown_rebuild(await here.services.change(caller.workspace_id, rebuild.begin))


@router.get("/scoring-rules/rebuild", summary="How far the newest rebuild has come")
async def get_rebuild(here: Here, caller: Reader) -> ShownRebuild | None:
    """`null` when there was none."""
    found = await here.services.glance(
        lambda tables: tables.workspace(caller.workspace_id).backfills.newest(rebuild.KIND)
    )
    return _shown_rebuild(found) if found is not None else None


@router.post("/scoring-rules/{ruleId}/dry-run", summary="Run a scoring rule, or an edit of it, over history")
async def dry_run_rule(
    here: Here, caller: Reader, rule: Annotated[str, Path(alias="ruleId")], draft: DraftChanges | None = None
) -> ShownDryRun:
    """Contributions are compared with what the rule has given so far."""
    wanted = draft.rule if draft is not None else None
    changes = fields(wanted.model_dump(exclude_unset=True)) if wanted is not None else {}

    def question(tables: Tables) -> dry_run.DryRun:
        room = view(tables, caller.workspace_id, here.ids)
        stored = rules.get(room.tables, rule_id(rule))
        return dry_run.dry_run(room, rules.edited(room.tables, stored, changes))

    return _shown_dry_run(await here.services.ask(question))


def _shown_dry_run(found: dry_run.DryRun) -> ShownDryRun:
    return ShownDryRun(
        events=found.events,
        since=found.since,
        complete=found.complete,
        matches=found.matches,
        contacts=found.contacts,
        points=found.points,
        changed=found.changed,
        difference=found.difference,
        days=[ShownDay(**day._asdict()) for day in found.days],
        sample=[ShownGain(**gain._asdict() | {"contact_id": show("ct", gain.contact_id)}) for gain in found.sample],
    )


def _shown_rebuild(backfill: Backfill) -> ShownRebuild:
    return ShownRebuild(
        id=show("bf", backfill.id),
        status=backfill.status,
        total=backfill.total,
        done=backfill.done,
        raised=backfill.entered,
        lowered=backfill.exited,
        started_at=backfill.started_at,
        finished_at=backfill.finished_at,
        error=backfill.error,
    )
