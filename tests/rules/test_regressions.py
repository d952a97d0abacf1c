"""Defects that were found once, each in its smallest case."""

import pytest

from ensue.base.clock import DAY
from ensue.model.event import Event
from ensue.rules import bounds, naive
from ensue.rules.grammar import parse_rule
from ensue.rules.naive import NaiveContact
from tests.property.world import START, World

VIP = {"type": "tag", "operator": "has", "value": "vip"}
ABSENT = {"type": "sequence", "steps": [{"eventType": "a"}, {"eventType": "b"}], "lastStep": "absent"}


@pytest.fixture
def two_open_starts(monkeypatch):
    monkeypatch.setattr(bounds, "OPEN_STARTS", 2)


@pytest.mark.parametrize(("operator", "holds"), [("AND", False), ("OR", True), ("NOT", False)])
def test_groups_are_the_right_way_round(operator, holds):
    rule = parse_rule({"operator": operator, "conditions": [VIP, {**VIP, "value": "x"}]})
    place = World(rule, NaiveContact(tags=frozenset({"vip"})))
    assert rule.evaluate(place, START).holds is holds


def arrivals(rule, *days):
    place = World(parse_rule(rule))
    for number, day in enumerate(days, 1):
        at = START + day * DAY
        place.arrive(Event(number, "a", at, at, 1), at)
    return place


@pytest.mark.usefixtures("two_open_starts")
def test_a_start_left_to_the_log_is_no_horizon_once_its_time_is_over():
    place = arrivals({**ABSENT, "within": "3d", "timeWindow": "4d"}, 0, 1, 2)
    place.check(START + 6 * DAY, tight=True)


@pytest.mark.usefixtures("two_open_starts")
def test_starts_after_one_left_to_the_log_are_left_to_it_too():
    place = arrivals({**ABSENT, "within": "4d", "timeWindow": "5d"}, 4, 5, 7, 8)
    for day in range(8, 15):
        place.check(START + day * DAY, tight=False)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("operator", ["anniversary", "within_next", "within_last"])
def test_dates_at_the_ends_of_the_calendar(zone, day, operator):
    rule = parse_rule({"type": "date", "field": "attributes.day", "operator": operator, "value": "3d"})
    contact = NaiveContact({"attributes": {"day": day}}, time_zone=zone)
    place = World(rule, contact)
    for now in [START, *naive.edges(rule, [], contact, START)]:
        place.check(now, tight=True)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_anniversaries_in_the_last_hours_of_the_calendar(zone):
    rule = parse_rule({"type": "date", "field": "createdAt", "operator": "anniversary", "value": "365d"})
    place = World(rule, NaiveContact({"createdAt": START}, time_zone=zone))
    place.check(253_402_300_799_000, tight=False)
