"""Segments that are made and changed as the API does it, and their backfills driven step by step."""

from collections.abc import Iterator
from functools import partial

from ensue.engine.segments import editing
from ensue.engine.segments.backfill_run import BackfillRun
from ensue.engine.segments.editing import Edit
from tests.engine.world import World

PURCHASES = {"type": "event", "eventType": "purchase", "operator": "gte"}


def at_least(count: int, **more):
    return {**PURCHASES, "value": count, **more}


def attribute(name: str, value: object, operator: str = "eq"):
    return {"type": "attribute", "field": f"attributes.{name}", "operator": operator, "value": value}


def group(operator: str, *conditions):
    return {"operator": operator, "conditions": list(conditions)}


def create(world: World, rules, name: str = "Buyers", kind: str = "DYNAMIC", *, triggers: bool = False) -> int:
    """A new segment; its backfill has not begun."""
    segment, _ = world.change(lambda room: editing.create(room, name, None, kind, rules, triggers=triggers))
    return segment.id


def edit(world: World, segment_id: int, rules, *, triggers: bool = False) -> None:
    world.change(lambda room: editing.edit(room, segment_id, Edit(rules=rules), triggers=triggers))


def delete(world: World, segment_id: int) -> None:
    world.change(lambda room: editing.delete(room, segment_id))


def steps(world: World) -> Iterator[BackfillRun]:
    """Every step of every running backfill, oldest first; stops between two of them whenever the caller does."""
    while running := world.ask(lambda tables: tables.backfills.running()):
        run = BackfillRun(running[0])
        while not run.over:
            if run.reads:
                world.ask(partial(run.read, now=world.now))
            else:
                run.written(goes_on=world.change(run.write))
            yield run


def finish(world: World) -> None:
    for _ in steps(world):
        pass


def latest(world: World, segment_id: int):
    return world.ask(lambda tables: tables.backfills.of_subject(segment_id, 1))[0]


def status(world: World, segment_id: int) -> str:
    segment = world.ask(lambda tables: tables.definitions.segment(segment_id))
    assert segment is not None
    return segment.status


def stays(world: World, segment_id: int, contact_id: int) -> list[tuple[str, str | None]]:
    """(entered by, exited by) of each stay, oldest first."""
    return world.rows(
        "SELECT entered_by, exited_by FROM memberships WHERE segment_id = ? AND contact_id = ? ORDER BY id",
        segment_id,
        contact_id,
    )
