"""Merges while something else is under way: a wait, a backfill."""

from ensue.engine.contacts.merge import merge
from tests.engine import backfills
from tests.engine.flow import chain, node, run_of, sign_up

SIGNUP = {"type": "EVENT", "eventType": "signup"}


def bought(operator, value):
    return {"type": "event", "eventType": "buy", "aggregate": "count", "operator": operator, "value": value}


def group(*conditions):
    return {"operator": "AND", "conditions": list(conditions)}


def test_a_wait_on_a_count_sees_the_events_of_both(world):
    wait = node("wait", "wait_until", rules=group(bought("gte", 2)))
    world.campaign(SIGNUP, workflow=chain(wait, node("rest", "delay", duration="1d")))
    survivor, enrolment = sign_up(world)
    other = world.contact()
    world.post("buy", survivor)
    world.post("buy", other)
    assert run_of(world, enrolment).node_id == "wait"
    world.change(lambda room: merge(room, survivor, other)[1])
    assert run_of(world, enrolment).node_id == "rest"


def test_a_segment_that_is_being_backfilled_is_decided_once_over_both(world):
    world.scoring_rule("visit", 10)
    survivor, other = world.contact(), world.contact()
    world.post("visit", other)
    world.post("buy", other)
    score = {"type": "attribute", "field": "score", "operator": "gte", "value": 10}
    backfills.create(world, group(bought("eq", 0), score))
    # The survivor alone has bought nothing; with the score of both it would belong, but together they have bought.
    world.change(lambda room: merge(room, survivor, other)[1])
    assert world.rows("SELECT entered_by, exited_by FROM memberships") == []
