"""A contact made or changed is evaluated as an event is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY
from ensue.base.errors import Conflict, Invalid
from ensue.base.ids import show
from ensue.engine import contacts, identity
from ensue.model.cause import Cause
from tests.engine.world import World

CHANGE = Cause("CHANGE")


def attribute(field, operator="exists", value=None):
    condition = {"type": "attribute", "field": field, "operator": operator}
    return condition if value is None else condition | {"value": value}


def events(event_type, operator, value, **more):
    return {
        "type": "event", "eventType": event_type, "aggregate": "count", "operator": operator, "value": value, **more
    }  # fmt: skip


def all_of(*conditions):
    return {"operator": "AND", "conditions": list(conditions)}


def none_of(*conditions):
    return {"operator": "NOT", "conditions": list(conditions)}


def entered(effects):
    return {change.segment_id for change in effects.entered}


def test_a_new_contact_is_in_every_segment_it_belongs_to(world):
    silent = world.segment(all_of(events("purchase", "lte", 0)))
    not_vip = world.segment(none_of({"type": "tag", "operator": "has", "value": "vip"}))
    gold = world.segment(all_of(attribute("attributes.plan", "eq", "gold")))
    new = world.segment(all_of({"type": "date", "field": "createdAt", "operator": "within_last", "value": "7d"}))
    buyers = world.segment(all_of(events("purchase", "gte", 1)))
    not_gold = world.segment(all_of({"type": "segment", "segmentId": show("seg", gold), "operator": "not_in"}))

    contact, effects = world.create(email="Ann@Example.com", attributes={"plan": "gold"})

    assert entered(effects) == {silent, not_vip, gold, new}
    assert world.segments_of(contact) == {silent, not_vip, gold, new}
    assert world.members(buyers) == set()
    assert world.members(not_gold) == set()

    world.forward(7 * DAY)
    assert contact not in world.members(new)
    exited_at = world.rows("SELECT exited_at FROM memberships WHERE segment_id = ?", new)
    assert exited_at == [(world.stored(contact).created_at + 7 * DAY,)]
