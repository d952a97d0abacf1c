"""Stays in segments that end and begin around one another."""

from ensue.base.clock import MINUTE


def lately(world):
    condition = {
        "type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1, "timeWindow": "1m",
    }  # fmt: skip
    return world.segment({"operator": "AND", "conditions": [condition]})


def stays(world, contact):
    return world.rows("SELECT entered_at, exited_at FROM memberships WHERE contact_id = ? ORDER BY id", contact)


def test_a_stay_ends_and_the_next_begins_in_one_transaction(world):
    lately(world)
    contact, start = world.contact(), world.now
    world.post("buy", contact)
    world.clock.advance(5 * MINUTE)

    # Nobody has looked at the timers since: the event finds the first stay still open.
    world.post("buy", contact)

    assert stays(world, contact) == [(start, start + MINUTE), (start + 5 * MINUTE, None)]


def test_a_stay_ends_and_the_next_begins_at_one_instant(world):
    lately(world)
    contact, start = world.contact(), world.now
    world.post("buy", contact)
    world.clock.advance(MINUTE)
    world.post("buy", contact)

    assert stays(world, contact) == [(start, start + MINUTE), (start + MINUTE, None)]
