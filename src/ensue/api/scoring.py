"""Scoring rules."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from ensue.api.access import Caller, allow
from ensue.api.bodies import StrictRoute
from ensue.api.context import Here
from ensue.api.scoring_json import NewRule, RuleChanges, ShownRule, fields, rule_id, shown
from ensue.engine.scoring import rules
from ensue.engine.working_set import WorkingSet
from ensue.model.score import ScoringRule

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Scoring"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("scoring:read"))]
Writer = Annotated[Caller, Depends(allow("scoring:write"))]


@router.get("/scoring-rules", summary="All scoring rules")
async def list_scoring_rules(here: Here, caller: Reader) -> list[ShownRule]:
    """Oldest first."""
    rules = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).definitions.scoring_rules())
    return [shown(rule) for rule in rules]


@router.post("/scoring-rules", status_code=201, summary="Make a scoring rule")
async def create_scoring_rule(here: Here, caller: Writer, wanted: NewRule) -> ShownRule:
    """It counts what arrives from now on; a rebuild counts what came before."""
    wished = fields(wanted.model_dump())
    return shown(await here.services.change(caller.workspace_id, lambda room: rules.create(room, wished)))


@router.get("/scoring-rules/{ruleId}", summary="One scoring rule")
async def get_scoring_rule(here: Here, caller: Reader, rule: Annotated[str, Path(alias="ruleId")]) -> ShownRule:
    """The rule at its newest version."""
    return shown(
        await here.services.glance(lambda tables: rules.get(tables.workspace(caller.workspace_id), rule_id(rule)))
    )


@router.patch("/scoring-rules/{ruleId}", summary="Edit a scoring rule")
async def edit_scoring_rule(
    here: Here, caller: Writer, rule: Annotated[str, Path(alias="ruleId")], wanted: RuleChanges
) -> ShownRule:
    """A new version, for what arrives from now on. What was given before stays as it was given."""
    changes = fields(wanted.model_dump(exclude_unset=True))

    def work(room: WorkingSet) -> ScoringRule:
        return rules.edit(room, rule_id(rule), changes)

    return shown(await here.services.change(caller.workspace_id, work))


@router.delete("/scoring-rules/{ruleId}", status_code=204, summary="Delete a scoring rule")
async def delete_scoring_rule(here: Here, caller: Writer, rule: Annotated[str, Path(alias="ruleId")]) -> None:
    """What it gave stays, and goes on decaying; a rebuild takes it away."""
    await here.services.change(caller.workspace_id, lambda room: rules.delete(room, rule_id(rule)))
