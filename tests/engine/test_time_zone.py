"""Another time zone of the workspace: dates fall on other days, also for those to whom nothing happens."""

import msgspec
import pytest

from ensue.base.clock import HOUR
from ensue.base.ids import show
from ensue.engine.segments import editing
from tests.engine import backfills
from tests.engine.world import World

BIRTHDAY = {"type": "date", "field": "attributes.born", "operator": "anniversary"}


def move_to(world: World, time_zone: str) -> None:
    def work(tables):
        workspace = tables.accounts.workspaces.get(world.workspace)
        tables.accounts.workspaces.change(msgspec.structs.replace(workspace, time_zone=time_zone))
        return world.engine.within(tables, world.workspace, editing.follow_time_zone)

    world.store.write(work)


@pytest.fixture
def people(world):
    """Born on the day that it is in UTC, and on the next, which has just begun on Kiritimati."""
    return world.contact(attributes={"born": "2000-01-15"}), world.contact(attributes={"born": "2000-01-16"})


def test_the_members_of_a_segment_by_date_follow_the_time_zone(world, people):
    today, tomorrow = people
    segment = backfills.create(world, BIRTHDAY)
    backfills.finish(world)
    world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", segment)})
    assert world.members(segment) == {today}
    move_to(world, "Pacific/Kiritimati")
    assert backfills.status(world, segment) == "BACKFILLING"
    backfills.finish(world)
    assert world.members(segment) == {tomorrow}
    assert backfills.status(world, segment) == "READY"
    assert world.rows("SELECT * FROM enrolments") == []
    world.forward(24 * HOUR)
    assert world.members(segment) == set()


def test_a_segment_that_is_being_backfilled_is_not_ready_before_both_are_done(world, people):
    segment = backfills.create(world, BIRTHDAY)
    move_to(world, "Pacific/Kiritimati")
    statuses = [backfills.status(world, segment) for run in backfills.steps(world) if run.over]
    assert statuses == ["BACKFILLING", "READY"]
    assert world.members(segment) == {people[1]}


def test_a_segment_that_asks_for_no_date_is_left_alone(world):
    segment = backfills.create(world, backfills.attribute("plan", "pro"))
    backfills.finish(world)
    move_to(world, "Pacific/Kiritimati")
    assert backfills.status(world, segment) == "READY"
    assert world.ask(lambda tables: tables.backfills.running()) == []
