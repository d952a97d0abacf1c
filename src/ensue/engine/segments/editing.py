"""Segments made, changed and deleted. What that means for contacts who are there already is left to a backfill.

Everything here runs inside a write transaction; every change of a definition makes the compiled ones out of date.
"""

from typing import Any, NamedTuple

import msgspec

from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.definitions import Definitions
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.model.segment import Segment
from ensue.rules.grammar import parse_rule
from ensue.rules.rule import Rule

NO_SUCH_SEGMENT = "There is no such segment in this workspace."


class Dependents(NamedTuple):
    """What asks about a segment: (id, name) each."""

    segments: list[tuple[int, str]]
    campaigns: list[tuple[int, str]]
    scoring_rules: list[tuple[int, str]]
    forms: list[tuple[int, str]]

    @property
    def any(self) -> bool:
        """Whether anything does."""
        return bool(self.segments or self.campaigns or self.scoring_rules or self.forms)


class Edit(NamedTuple):
    """What of a segment changes; None leaves it as it is. With `describes` the description is set, perhaps to None."""

    name: str | None = None
    description: str | None = None
    describes: bool = False
    rules: dict[str, Any] | None = None


def create(
    room: WorkingSet,
    name: str,
    description: str | None,
    kind: str,
    rules: dict[str, Any] | None,
    *,
    triggers: bool = False,
) -> tuple[Segment, Backfill | None]:
    """A new DYNAMIC or STATIC segment, and the backfill that fills it when it has rules.

    `triggers` says whether the entries that the backfill finds may start campaigns.

    Raises:
        Invalid: a DYNAMIC one without rules, or rules that are unsound or ask about a segment that does not exist.
    """
    if kind == "DYNAMIC" and rules is None:
        raise Invalid.at("rules", "are required for a DYNAMIC segment")
    rule = sound(room.definitions, rules) if rules is not None else None
    status = "READY" if rule is None else "BACKFILLING"
    segment_id = room.ids.next()
    json = rule.json if rule is not None else None
    segment = Segment(segment_id, name, description, kind, 1, json, status, room.now, room.now)
    room.tables.definitions.put_segment(segment)
    if kind == "DYNAMIC":
        _register(room, None, rule)
    backfill = None
    if rule is not None:
        backfill = _begin(room, segment, "SEGMENT" if kind == "DYNAMIC" else "FILL", triggers=triggers)
    room.tables.definitions.bump(room.now)
    return segment, backfill


def edit(room: WorkingSet, segment_id: int, edit: Edit, *, triggers: bool = False) -> tuple[Segment, Backfill | None]:
    """Change a segment. Other rules make a new version and the backfill that brings its members in line.

    Raises:
        NotFound: there is no such segment. Conflict: rules for a STATIC one, which were for filling it once.
        Invalid: unsound rules, a segment that does not exist, or a circle.
    """
    compiled = room.definitions.segments.get(segment_id)
    if compiled is None:
        raise NotFound(NO_SUCH_SEGMENT)
    old = compiled.segment
    segment = msgspec.structs.replace(
        old,
        name=old.name if edit.name is None else edit.name,
        description=edit.description if edit.describes else old.description,
        updated_at=room.now,
    )
    backfill = None
    if edit.rules is not None:
        if old.type != "DYNAMIC":
            raise Conflict(
                "A STATIC segment is a list; its rules filled it once, when it was made.", code="static_segment"
            )
        rule = sound(room.definitions, edit.rules, segment)
        if compiled.rule is None or rule.key != compiled.rule.key:
            segment = msgspec.structs.replace(segment, version=old.version + 1, rules=rule.json, status="BACKFILLING")
            _register(room, compiled.rule, rule, segment_id)
            room.tables.backfills.cancel(segment_id, room.now)
            backfill = _begin(room, segment, "SEGMENT", triggers=triggers)
    room.tables.definitions.put_segment(segment)
    room.tables.definitions.bump(room.now)
    return segment, backfill


def follow_time_zone(room: WorkingSet) -> list[Backfill]:
    """Bring members in line with another time zone of the workspace; begins a backfill for each segment it concerns.

    It starts no campaign: nothing has happened to anybody.
    """
    begun = []
    for compiled in room.definitions.segments.values():
        if compiled.segment.type == "DYNAMIC" and compiled.rule is not None and "timezone" in compiled.rule.fields:
            room.tables.definitions.put_segment(msgspec.structs.replace(compiled.segment, status="BACKFILLING"))
            begun.append(_begin(room, compiled.segment, "SEGMENT", triggers=False))
    if begun:
        room.tables.definitions.bump(room.now)
    return begun


def delete(room: WorkingSet, segment_id: int) -> None:
    """Delete a segment. The stays in it are ended in the background; what was is kept as history.

    Raises:
        NotFound: there is no such segment. Conflict: something asks about it; each is named.
    """
    compiled = room.definitions.segments.get(segment_id)
    if compiled is None:
        raise NotFound(NO_SUCH_SEGMENT)
    _refuse_in_use(compiled.segment, dependents(room, segment_id))
    room.tables.backfills.cancel(segment_id, room.now)
    if compiled.rule is not None:
        _register(room, compiled.rule, None, segment_id)
    room.tables.definitions.remove_segment(segment_id)
    _begin(room, compiled.segment, "CLOSE", triggers=False)
    room.tables.definitions.bump(room.now)


def dependents(room: WorkingSet, segment_id: int) -> Dependents:
    """What asks about a segment: rules of other segments, scoring rules, and campaigns that are not archived.

    Campaigns also by an older version that somebody still runs through; forms put people on its list.
    """
    definitions = room.definitions
    text = show("seg", segment_id)
    running = set(room.tables.definitions.running_mentions(text))
    return Dependents(
        [
            (outer, definitions.segments[outer].segment.name)
            for outer in sorted(definitions.watching_segment(segment_id))
            if outer != segment_id
        ],
        [
            (campaign.id, campaign.name)
            for campaign in definitions.campaigns.values()
            if campaign.id in running
            or (
                campaign.status != "ARCHIVED"
                and _mentions([campaign.triggers, campaign.workflow, campaign.settings], text)
            )
        ],
        [
            (compiled.rule.id, compiled.rule.name)
            for compiled in definitions.scoring.values()
            if compiled.match is not None and segment_id in compiled.match.segments
        ],
        room.tables.forms.filling(segment_id),
    )


def sound(definitions: Definitions, rules: dict[str, Any], segment: Segment | None = None) -> Rule:
    """The rule of some JSON, as one that a segment (a new one, or this one) may have.

    Raises:
        Invalid: unsound, or asking about a segment that does not exist, or that asks about this one in turn.
    """
    rule = parse_rule(rules)
    unknown = sorted(inner for inner in rule.segments if inner not in definitions.segments)
    if unknown:
        names = ", ".join(show("seg", inner) for inner in unknown)
        raise Invalid.at("rules", f"ask about a segment that does not exist: {names}", code="unknown_segment")
    if segment is not None:
        circle = _circle(definitions, segment.id, rule.segments, ())
        if circle:
            names = " → ".join([segment.name, *(definitions.segments[step].segment.name for step in circle)])
            raise Invalid.at(
                "rules", f"segments must not ask about each other in a circle: {names}", code="segment_cycle"
            )
    return rule


def _circle(
    definitions: Definitions, goal: int, inner: frozenset[int], path: tuple[int, ...]
) -> tuple[int, ...] | None:
    """A way from some segments to one of which it must not be asked, ending with that one."""
    for step in sorted(inner):
        if step == goal:
            return (*path, step)
        rule = definitions.segments[step].rule
        found = _circle(definitions, goal, rule.segments, (*path, step)) if rule is not None else None
        if found:
            return found
    return None


def _register(room: WorkingSet, old: Rule | None, new: Rule | None, segment_id: int | None = None) -> None:
    """Keep account of the conditions over events that come into use, and of those that nobody uses any more."""
    definitions, tables = room.definitions, room.tables.definitions
    before = {condition.key for condition in old.event_conditions} if old is not None else set()
    after = {condition.key for condition in new.event_conditions} if new is not None else set()
    registered = tables.conditions()
    for key in sorted(after - before):
        if key not in definitions.conditions:
            if key in registered:
                tables.retire_condition(key)
            tables.register_condition(key, room.ids.next())
    for key in sorted(before - after):
        if definitions.watching_condition(key) <= {segment_id}:
            tables.retire_condition(key)


def _begin(room: WorkingSet, segment: Segment, kind: str, *, triggers: bool) -> Backfill:
    """Begin a backfill. Contacts that are made from now on have greater ids, and look after themselves."""
    backfill_id = room.ids.next()
    backfill = Backfill(
        backfill_id, kind, segment.id, segment.version, "RUNNING", triggers,
        cursor=0, upto=backfill_id, total=0, done=0, entered=0, exited=0, started_at=room.now,
    )  # fmt: skip
    room.tables.backfills.add(backfill)
    return backfill


def _refuse_in_use(segment: Segment, using: Dependents) -> None:
    if not using.any:
        return
    kinds = (("segments", "seg", using.segments), ("campaigns", "cmp", using.campaigns))
    details = [
        Detail(kind, f"{name} ({show(prefix, item)}) asks about it")
        for kind, prefix, items in (*kinds, ("scoringRules", "sr", using.scoring_rules), ("forms", "frm", using.forms))
        for item, name in items
    ]
    names = ", ".join(name for _, name in (*using.segments, *using.campaigns, *using.scoring_rules, *using.forms))
    raise Conflict(
        f"{segment.name} cannot be deleted, because it is in use by {names}.", details, code="segment_in_use"
    )


def _mentions(value: object, text: str) -> bool:
    match value:
        case dict():
            return any(_mentions(item, text) for item in value.values())
        case list():
            return any(_mentions(item, text) for item in value)
        case _:
            return value == text
