"""Scoring rules made, edited and deleted. What they gave before stays as it was given; see `engine.rebuild`."""

from typing import Any

import msgspec

from ensue.base import bounds
from ensue.base.clock import DAY
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.engine.working_set import WorkingSet
from ensue.model.score import ScoringRule
from ensue.rules.match import parse_match
from ensue.store.ports import WorkspaceTables

_NOT_TERMS = frozenset({"name", "version", "created_at", "updated_at"})


def create(room: WorkingSet, fields: dict[str, Any]) -> ScoringRule:
    """A new rule; `fields` are those of `ScoringRule` that a person chooses. It counts what arrives from now on.

    Raises:
        Invalid: naming each field. Conflict: there are as many rules as there may be.
    """
    if len(room.tables.definitions.scoring_rules()) >= bounds.SCORING_RULES:
        raise Conflict(f"A workspace has at most {bounds.SCORING_RULES} scoring rules.", code="too_many_scoring_rules")
    rule = draft(room.tables, fields)
    rule = msgspec.structs.replace(rule, id=room.ids.next(), created_at=room.now, updated_at=room.now)
    _store(room, rule)
    return rule


def edit(room: WorkingSet, rule_id: int, changes: dict[str, Any]) -> ScoringRule:
    """Change some fields. When that changes what the rule gives, it is a new version, for what arrives from now on.

    Raises:
        NotFound: there is no such rule. Invalid: naming each field.
    """
    before = get(room.tables, rule_id)
    rule = edited(room.tables, before, changes)
    if rule == before:
        return before
    version = before.version if _terms(rule) == _terms(before) else before.version + 1
    rule = msgspec.structs.replace(rule, version=version, updated_at=room.now)
    _store(room, rule)
    return rule


def delete(room: WorkingSet, rule_id: int) -> None:
    """Delete a rule. The points that it gave stay, and go on decaying by its terms.

    Raises:
        NotFound: there is no such rule.
    """
    get(room.tables, rule_id)
    room.tables.definitions.remove_scoring_rule(rule_id, room.now)
    room.tables.definitions.bump(room.now)


def get(tables: WorkspaceTables, rule_id: int | None) -> ScoringRule:
    """A rule that is in use.

    Raises:
        NotFound: there is no such rule.
    """
    rule = tables.definitions.scoring_rule(rule_id) if rule_id is not None else None
    if rule is None:
        raise NotFound("There is no such scoring rule in this workspace.")
    return rule


def draft(tables: WorkspaceTables, fields: dict[str, Any]) -> ScoringRule:
    """A rule that is not stored: version 1, without an id.

    Raises:
        Invalid: naming each field.
    """
    rule = ScoringRule(**{"id": 0, "version": 1, "active": True, **fields})
    _refuse_unsound(tables, rule)
    return rule


def edited(tables: WorkspaceTables, rule: ScoringRule, changes: dict[str, Any]) -> ScoringRule:
    """A rule with some fields changed, not stored, still at its version.

    Raises:
        Invalid: naming each field.
    """
    changed = msgspec.structs.replace(rule, **changes)
    _refuse_unsound(tables, changed)
    return changed


def _store(room: WorkingSet, rule: ScoringRule) -> None:
    room.tables.definitions.put_scoring_rule(rule)
    room.tables.definitions.bump(room.now)


def _terms(rule: ScoringRule) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(rule).items() if name not in _NOT_TERMS}


def _refuse_unsound(tables: WorkspaceTables, rule: ScoringRule) -> None:
    faults = [
        (path, f"must be {-bounds.POINTS} to {bounds.POINTS}")
        for path, value in (("delta", rule.delta), ("maxScore", rule.max_score), ("minScore", rule.min_score))
        if value is not None and abs(value) > bounds.POINTS
    ]
    if rule.min_score is not None and rule.max_score is not None and rule.min_score > rule.max_score:
        faults.append(("minScore", "must not be over maxScore"))
    faults += _decay_faults(rule)
    faults += _condition_faults(tables, rule)
    if faults:
        raise Invalid.of(faults)


def _decay_faults(rule: ScoringRule) -> list[tuple[str, str]]:
    points, period = rule.decay_points, rule.decay_period
    faults = []
    if points is not None and not 1 <= points <= bounds.POINTS:
        faults.append(("decayPoints", f"must be 1 to {bounds.POINTS}"))
    if period is not None and not DAY <= period <= bounds.DECAY_DAYS * DAY:
        faults.append(("decayDays", f"must be 1 to {bounds.DECAY_DAYS}"))
    if points is None and period is not None:
        faults.append(("decayPoints", "is required with decayDays"))
    if period is None and points is not None:
        faults.append(("decayDays", "is required with decayPoints"))
    return faults


def _condition_faults(tables: WorkspaceTables, rule: ScoringRule) -> list[tuple[str, str]]:
    if rule.condition is None:
        return []
    try:
        match = parse_match(rule.condition, "condition")
    except Invalid as error:
        return [(detail.path, detail.message) for detail in error.details]
    missing = [segment_id for segment_id in match.segments if tables.definitions.segment(segment_id) is None]
    return [("condition", "asks about a segment that is not in this workspace")] if missing else []
