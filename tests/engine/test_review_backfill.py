"""What time does to a contact that a running backfill has not come to yet."""

from ensue.base.clock import DAY, HOUR
from ensue.base.ids import show
from tests.engine import backfills


def test_a_timer_enters_nobody_for_a_backfill_that_shall_start_no_campaign(world):
    world.scoring_rule("visit", 10, decay_points=1, decay_period=DAY)
    contact = world.contact()
    world.post("visit", contact)
    world.clock.advance(HOUR)
    begun = world.now
    scored = backfills.create(world, {"type": "attribute", "field": "score", "operator": "gte", "value": 1})
    world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", scored)})
    # The decay of a point makes the engine look at every segment on the score, before the backfill is there.
    world.forward(DAY)
    backfill = backfills.latest(world, scored)
    assert world.rows("SELECT entered_by, entered_at FROM memberships") == [(f"BACKFILL:{backfill.id}", begun)]
    assert world.rows("SELECT * FROM enrolments") == []
    backfills.finish(world)
    assert (backfills.latest(world, scored).entered, backfills.status(world, scored)) == (1, "READY")
