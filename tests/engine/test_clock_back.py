"""The clock steps back and the server starts again: what time alone did before must not be done over it."""

from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.base.ids import Ids
from ensue.engine.contacts.merge import merge
from ensue.engine.engine import Engine
from tests.engine.world import World


def restart(world: World, back: int) -> None:
    world.clock.advance(-back)
    world.engine = Engine(world.clock, Ids(world.clock, floor=world.store.read(lambda tables: tables.largest_id())))


def test_the_ledger_of_a_merge_stays_before_what_follows_it(world):
    world.scoring_rule("buy", 10, max_score=1000)
    contact, other = world.contact(), world.contact()
    for each in (contact, other):
        world.post("buy", each)
    world.clock.advance(DAY)
    world.change(lambda room: merge(room, contact, other)[1])
    restart(world, HOUR)
    world.post("buy", contact)
    world.post("buy", contact, timestamp=world.now - 2 * DAY)
    assert world.score(contact) == 40 == world.ledger_sum(contact)


def test_decay_goes_on_after_the_steps_that_were_taken(world):
    world.scoring_rule("buy", 10, decay_points=1, decay_period=HOUR)
    contact = world.contact()
    world.post("buy", contact)
    world.forward(5 * HOUR)
    restart(world, 5 * HOUR)
    for _ in range(12):
        world.clock.advance(30 * MINUTE)
        world.post("buy", contact)
        world.run_due()
    assert world.score(contact) == world.ledger_sum(contact)


def test_a_stay_that_time_ended_is_over_before_the_next_begins(world):
    world.segment({"type": "event", "eventType": "buy", "operator": "gte", "value": 1, "timeWindow": "1h"})
    contact = world.contact()
    world.post("buy", contact)
    world.forward(HOUR)
    restart(world, 30 * MINUTE)
    world.post("buy", contact)
    (_, ended), (began, _) = world.rows("SELECT entered_at, exited_at FROM memberships ORDER BY id")
    assert began >= ended


def test_what_writes_nothing_keeps_no_id(world):
    contact = world.contact()
    kept = world.rows("SELECT latest_id FROM workspaces")
    world.clock.advance(HOUR)
    world.change(lambda room: None)
    assert world.rows("SELECT latest_id FROM workspaces") == kept
    world.post("buy", contact)
    assert world.rows("SELECT latest_id FROM workspaces") > kept
