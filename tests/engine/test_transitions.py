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


def counting(operator, value, aggregate="count"):
    condition = {
        "type": "event", "eventType": "buy", "aggregate": aggregate, "operator": operator, "value": value,
    }  # fmt: skip
    return condition if aggregate == "count" else condition | {"property": "metadata.n"}


def test_each_condition_that_reads_a_state_is_looked_at(world):
    """Conditions share a state when the same is kept for them; what one of them says, the other need not."""
    two = world.segment({"operator": "AND", "conditions": [counting("eq", 2)]})
    three = world.segment({"operator": "AND", "conditions": [counting("gte", 3)]})
    contact, seen = world.contact(), []
    for _ in range(4):
        world.post("buy", contact)
        seen.append(world.segments_of(contact))
    assert seen == [set(), {two}, {three}, {three}]


def test_each_condition_of_one_rule_that_reads_a_state_is_looked_at(world):
    either = world.segment({"operator": "OR", "conditions": [counting("gte", 3), counting("eq", 2)]})
    mean = world.segment({"operator": "OR", "conditions": [counting("gt", 5, "avg"), counting("eq", 2, "sum")]})
    contact, seen = world.contact(), []
    for number in (1, 1, 20, -20):
        world.post("buy", contact, {"n": number})
        seen.append(world.segments_of(contact))
    assert seen == [set(), {either, mean}, {either, mean}, {either, mean}]
