"""Scoring rules, what they would do and have done, and the history of a contact's score."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Body, Instant, ShownInstant, StrictRoute, Text
from ensue.api.context import Here
from ensue.base import bounds
from ensue.base.clock import DAY
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.scoring import dry_run, rebuild, rules
from ensue.engine.view import view
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.model.score import LedgerLine, ScoringRule
from ensue.rules.bounds import DURATION
from ensue.rules.faults import duration
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Scoring"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("scoring:read"))]
Writer = Annotated[Caller, Depends(allow("scoring:write"))]

_NAME = 200
_UNITS = (("w", 7 * DAY), ("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


class NewRule(Body):
    """Points for a type of event, when its condition holds."""

    name: Annotated[Text, Field(max_length=_NAME)]
    event_type: Annotated[str, Field(min_length=1, max_length=bounds.EVENT_TYPE)]
    delta: int
    active: bool = True
    condition: dict[str, Any] | None = None
    max_score: int | None = None
    min_score: int | None = None
    decay_points: int | None = None
    decay_days: int | None = None
    cooldown: str | None = None
    once: bool = False


def _without_default(schema: dict[str, Any]) -> None:
    # What is absent stays; the default only stands for that, and must not be sent.
    schema.pop("default", None)


class RuleChanges(Body):
    """What to change of a rule; null clears what may be empty."""

    name: Annotated[Text, Field(max_length=_NAME, json_schema_extra=_without_default)] = ""
    event_type: Annotated[
        str, Field(min_length=1, max_length=bounds.EVENT_TYPE, json_schema_extra=_without_default)
    ] = ""
    delta: int = 0
    active: bool = True
    condition: dict[str, Any] | None = None
    max_score: int | None = None
    min_score: int | None = None
    decay_points: int | None = None
    decay_days: int | None = None
    cooldown: str | None = None
    once: bool = False


class Draft(Body):
    """A rule that is not stored."""

    rule: NewRule


class DraftChanges(Body):
    """Changes of a stored rule that are not stored; none, to run it as it is."""

    rule: RuleChanges | None = None


class RebuildOrder(Body):
    """Whether only to say what would change."""

    dry_run: bool = True


class ShownRule(Answer):
    """A scoring rule."""

    id: str
    name: str
    active: bool
    event_type: str
    condition: dict[str, Any] | None
    delta: int
    max_score: int | None
    min_score: int | None
    decay_points: int | None
    decay_days: int | None
    cooldown: str | None
    once: bool
    version: int
    created_at: ShownInstant
    updated_at: ShownInstant


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


class ShownLine(Answer):
    """One line of the ledger: what a rule was asked for, what it gave, and the score before and after."""

    id: str
    rule_id: str
    version: int
    cause: str
    event_id: str | None
    event_at: ShownInstant | None
    at: ShownInstant
    asked: int
    given: int
    before: int
    after: int


class ShownScore(Answer):
    """The score at an instant."""

    at: ShownInstant
    score: int


@router.get("/scoring-rules", summary="All scoring rules")
async def list_scoring_rules(here: Here, caller: Reader) -> list[ShownRule]:
    """Oldest first."""
    rules = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).definitions.scoring_rules())
    return [_shown(rule) for rule in rules]


@router.post("/scoring-rules", status_code=201, summary="Make a scoring rule")
async def create_scoring_rule(here: Here, caller: Writer, wanted: NewRule) -> ShownRule:
    """It counts what arrives from now on; a rebuild counts what came before."""
    fields = _fields(wanted.model_dump())
    return _shown(await here.services.change(caller.workspace_id, lambda room: rules.create(room, fields)))


@router.post("/scoring-rules/dry-run", summary="Run an unsaved scoring rule over history")
async def dry_run_draft(here: Here, caller: Reader, draft: Draft) -> ShownDryRun:
    """Who would have got how many points on which day, had the rule always been there."""
    fields = _fields(draft.rule.model_dump())

    def question(tables: Tables) -> dry_run.DryRun:
        room = view(tables, caller.workspace_id, here.ids)
        return dry_run.dry_run(room, rules.draft(room.tables, fields))

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
    found = await here.services.glance(lambda tables: tables.workspace(caller.workspace_id).backfills.newest(rebuild.KIND))
    return _shown_rebuild(found) if found is not None else None


@router.get("/scoring-rules/{ruleId}", summary="One scoring rule")
async def get_scoring_rule(here: Here, caller: Reader, rule: Annotated[str, Path(alias="ruleId")]) -> ShownRule:
    """The rule at its newest version."""
    return _shown(await here.services.glance(lambda tables: rules.get(tables.workspace(caller.workspace_id), _rule_id(rule))))


@router.patch("/scoring-rules/{ruleId}", summary="Edit a scoring rule")
async def edit_scoring_rule(
    here: Here, caller: Writer, rule: Annotated[str, Path(alias="ruleId")], wanted: RuleChanges
) -> ShownRule:
    """A new version, for what arrives from now on. What was given before stays as it was given."""
    changes = _fields(wanted.model_dump(exclude_unset=True))

    def work(room: WorkingSet) -> ScoringRule:
        return rules.edit(room, _rule_id(rule), changes)

    return _shown(await here.services.change(caller.workspace_id, work))


@router.delete("/scoring-rules/{ruleId}", status_code=204, summary="Delete a scoring rule")
async def delete_scoring_rule(here: Here, caller: Writer, rule: Annotated[str, Path(alias="ruleId")]) -> None:
    """What it gave stays, and goes on decaying; a rebuild takes it away."""
    await here.services.change(caller.workspace_id, lambda room: rules.delete(room, _rule_id(rule)))


@router.post("/scoring-rules/{ruleId}/dry-run", summary="Run a scoring rule, or an edit of it, over history")
async def dry_run_rule(
    here: Here, caller: Reader, rule: Annotated[str, Path(alias="ruleId")], draft: DraftChanges | None = None
) -> ShownDryRun:
    """Contributions are compared with what the rule has given so far."""
    wanted = draft.rule if draft is not None else None
    changes = _fields(wanted.model_dump(exclude_unset=True)) if wanted is not None else {}

    def question(tables: Tables) -> dry_run.DryRun:
        room = view(tables, caller.workspace_id, here.ids)
        stored = rules.get(room.tables, _rule_id(rule))
        return dry_run.dry_run(room, rules.edited(room.tables, stored, changes))

    return _shown_dry_run(await here.services.ask(question))


@router.get("/contacts/{contactId}/score-history", summary="How a contact's score came about")
async def get_score_history(
    request: Request,
    response: Response,
    here: Here,
    caller: Reader,
    contact: Annotated[str, Path(alias="contactId")],
    at: Annotated[Instant | None, Query()] = None,
    limit: Annotated[int, Query(ge=1)] = bounds.PAGE_DEFAULT,
    cursor: Annotated[str | None, Query()] = None,
) -> list[ShownLine] | ShownScore:
    """The ledger, newest first; `Link` leads to the next page. With `at`, only the score at that instant."""
    below = read("led", cursor) if cursor is not None else None
    if cursor is not None and below is None:
        raise Invalid.at("cursor", "is not one that this list gave")
    most = min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> tuple[int, list[LedgerLine]]:
        own = tables.workspace(caller.workspace_id)
        contact_id = _contact(tables, caller.workspace_id, contact)
        if at is not None:
            return own.ledger.score_at(contact_id, at), []
        return 0, own.ledger.of_contact(contact_id, below, most + 1)

    score, lines = await here.services.ask(question)
    if at is not None:
        return ShownScore(at=at, score=score)
    if len(lines) > most:
        url = request.url.include_query_params(cursor=show("led", lines[most - 1].id))
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    return [_shown_line(line) for line in lines[:most]]


def _rule_id(text: str) -> int:
    return read("sr", text) or 0


def _contact(tables: Tables, workspace_id: int, text: str) -> int:
    contacts = tables.workspace(workspace_id).contacts
    contact_id = read("ct", text)
    if contact_id is not None and not tables.workspace(workspace_id).populations.contacts([contact_id]):
        contact_id = contacts.survivor(contact_id)
    if contact_id is None:
        raise NotFound("There is no such contact in this workspace.")
    return contact_id


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, as fields of the model.

    Raises:
        Invalid: the cooldown is no duration.
    """
    if "decay_days" in given:
        days = given.pop("decay_days")
        given["decay_period"] = days * DAY if days is not None else None
    if "cooldown" in given:
        given["cooldown_text"] = text = given["cooldown"]
        given["cooldown"] = length = duration(text)
        if text is not None and (length is None or length > DURATION):
            raise Invalid.at(
                "cooldown", f"must be a duration such as 30m, 12h or 7d, of at most {DURATION // DAY} days"
            )
    return given


def _shown(rule: ScoringRule) -> ShownRule:
    return ShownRule(
        id=show("sr", rule.id),
        name=rule.name,
        active=rule.active,
        event_type=rule.event_type,
        condition=rule.condition,
        delta=rule.delta,
        max_score=rule.max_score,
        min_score=rule.min_score,
        decay_points=rule.decay_points,
        decay_days=rule.decay_period // DAY if rule.decay_period is not None else None,
        cooldown=rule.cooldown_text or _written(rule.cooldown),
        once=rule.once,
        version=rule.version,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
    )


def _written(length: int | None) -> str | None:
    if length is None:
        return None
    return next((f"{length // size}{unit}" for unit, size in _UNITS if length % size == 0), None)


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


def _shown_line(line: LedgerLine) -> ShownLine:
    return ShownLine(
        id=show("led", line.id),
        rule_id=show("sr", line.rule_id),
        version=line.version,
        cause=line.cause,
        event_id=show("evt", line.event_id) if line.event_id is not None else None,
        event_at=line.event_at,
        at=line.at,
        asked=line.asked,
        given=line.given,
        before=line.before,
        after=line.after,
    )
