"""Horizons of groups, of the score and of dates, by hand."""

from dataclasses import replace

import pytest

from ensue.base.clock import DAY, HOUR, from_iso, to_iso
from ensue.model.event import Event
from ensue.rules.grammar import parse_rule
from ensue.rules.naive import NaiveContact
from ensue.rules.verdict import Verdict
from tests.property.world import START, World

SOON = {"type": "event", "eventType": "a", "timeWindow": "1d", "operator": "gte", "value": 1}
LATE = {"type": "event", "eventType": "a", "timeWindow": "3d", "operator": "gte", "value": 1}
NEVER = {"type": "tag", "operator": "has", "value": "vip"}
ALWAYS = {"type": "tag", "operator": "not_has", "value": "vip"}


def no(condition):
    return {"operator": "NOT", "conditions": [condition]}


def verdict(operator, *conditions, contact=None, now=START):
    place = World(parse_rule({"operator": operator, "conditions": list(conditions)}), contact or NaiveContact())
    place.arrive(Event(1, "a", START, START, 1), START)
    return place.rule.evaluate(place, now)


@pytest.mark.parametrize(
    ("operator", "conditions", "expected"),
    [
        ("AND", [SOON, LATE], Verdict(True, START + DAY)),
        ("AND", [SOON, ALWAYS], Verdict(True, START + DAY)),
        ("AND", [no(SOON), no(LATE)], Verdict(False, START + 3 * DAY)),
        ("AND", [no(SOON), LATE], Verdict(False, START + DAY)),
        ("AND", [no(SOON), NEVER], Verdict(False, None)),
        ("OR", [SOON, LATE], Verdict(True, START + 3 * DAY)),
        ("OR", [SOON, ALWAYS], Verdict(True, None)),
        ("OR", [SOON, no(LATE)], Verdict(True, START + DAY)),
        ("OR", [no(SOON), no(LATE)], Verdict(False, START + DAY)),
        ("OR", [no(SOON), NEVER], Verdict(False, START + DAY)),
        ("NOT", [SOON], Verdict(False, START + DAY)),
        ("NOT", [SOON, LATE], Verdict(False, START + 3 * DAY)),
        ("NOT", [NEVER, no(LATE)], Verdict(True, START + 3 * DAY)),
        ("NOT", [NEVER], Verdict(True, None)),
    ],
)
def test_groups(operator, conditions, expected):
    assert verdict(operator, *conditions) == expected


def test_a_score_flips_no_later_than_it_decays():
    place = World(parse_rule({"type": "attribute", "field": "score", "operator": "gte", "value": 5}))
    place.score_decays_at = START + HOUR
    assert place.rule.evaluate(place, START) == Verdict(False, START + HOUR)
    assert place.rule.time_dependent
    assert place.rule.fields == {"score"}


def date(day, zone, now, operator="anniversary", **more):
    rule = parse_rule({"type": "date", "field": "attributes.day", "operator": operator, **more})
    place = World(rule, NaiveContact({"attributes": {"day": day}}, time_zone=zone))
    return rule.evaluate(place, from_iso(now))


@pytest.mark.parametrize(
    ("day", "zone", "now", "holds", "flips_at"),
    [
        ("1990-05-04", "Europe/Berlin", "2026-05-03T21:59:59Z", False, "2026-05-03T22:00:00Z"),
        ("1990-05-04", "Europe/Berlin", "2026-05-03T22:00:00Z", True, "2026-05-04T22:00:00Z"),
        ("1990-05-04", "Nowhere/Else", "2026-05-03T22:00:00Z", False, "2026-05-04T00:00:00Z"),
        # 29 February is 28 February in common years.
        ("2024-02-29", "UTC", "2026-02-28T00:00:00Z", True, "2026-03-01T00:00:00Z"),
        ("2024-02-29", "UTC", "2028-02-28T12:00:00Z", False, "2028-02-29T00:00:00Z"),
        # A day is 24 hours long, also when clocks change in it.
        ("2020-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z", True, "2026-03-29T23:00:00Z"),
        # 02:30 does not exist on that day: it is 03:30 summer time.
        ("2021-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:29:59Z", False, "2026-03-29T01:30:00Z"),
        # 02:30 comes twice: the first.
        ("2020-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:00:00Z", False, "2026-10-25T00:30:00Z"),
        # The day itself is no anniversary, nor is any before it.
        ("2026-05-04", "UTC", "2026-05-04T01:00:00Z", False, "2027-05-04T00:00:00Z"),
        ("2030-05-04", "UTC", "2026-05-04T01:00:00Z", False, "2031-05-04T00:00:00Z"),
        # An instant keeps its wall time in the contact's zone.
        ("2025-01-01T04:30:00Z", "America/New_York", "2026-01-01T04:29:59Z", False, "2026-01-01T04:30:00Z"),
    ],
)
def test_anniversaries(day, zone, now, holds, flips_at):
    assert date(day, zone, now) == Verdict(holds, from_iso(flips_at))


def test_anniversaries_without_a_gap_are_one():
    answer = date("2020-01-01", "UTC", "2026-06-01T00:00:00Z", value="365d")
    assert answer == Verdict(True, from_iso("2028-12-31T00:00:00Z"))


@pytest.mark.parametrize(
    ("operator", "now", "holds", "flips_at"),
    [
        ("within_next", "2026-05-01T00:00:00Z", False, "2026-05-01T22:00:00Z"),
        ("within_next", "2026-05-01T22:00:00Z", True, "2026-05-03T22:00:00Z"),
        ("within_next", "2026-05-03T22:00:00Z", False, None),
        ("within_last", "2026-05-03T21:00:00Z", False, "2026-05-03T22:00:00Z"),
        ("within_last", "2026-05-03T22:00:00Z", True, "2026-05-05T22:00:00Z"),
        ("within_last", "2026-05-05T22:00:00Z", False, None),
    ],
)
def test_near_dates(operator, now, holds, flips_at):
    expected = Verdict(holds, from_iso(flips_at) if flips_at else None)
    assert date("2026-05-04", "Europe/Berlin", now, operator, value="2d") == expected


def test_an_event_leaves_its_window_at_exactly_its_end():
    place = World(parse_rule(SOON))
    place.arrive(Event(1, "a", START, START, 1), START)
    assert place.rule.evaluate(place, START + DAY - 1) == Verdict(True, START + DAY)
    assert place.rule.evaluate(place, START + DAY) == Verdict(False, None)


def test_a_rule_says_what_it_reads():
    rule = parse_rule(
        {"operator": "OR", "conditions": [
            {"type": "attribute", "field": "attributes.address.city", "operator": "exists"},
            {"type": "date", "field": "createdAt", "operator": "anniversary"},
            {"type": "tag", "operator": "has", "value": "vip"},
            {"type": "channel", "channel": "EMAIL", "status": "OPTED_IN"},
            {"type": "segment", "operator": "in", "segmentId": "seg_000000000000a"},
            SOON, {**SOON, "where": None}, {**SOON, "operator": "lt"}, LATE,
        ]}
    )  # fmt: skip
    assert rule.fields == {"attributes.address", "createdAt", "timezone"}
    assert (set(rule.tags), set(rule.channels), set(rule.segments)) == ({"vip"}, {"EMAIL"}, {10})
    # At least one and fewer than one are told apart by the same state.
    assert len(rule.event_conditions) == 2
    assert [condition.event_types for condition in rule.event_conditions] == [{"a"}, {"a"}]
    assert rule.time_dependent
    assert not replace(rule, time_dependent=False).time_dependent
    assert not parse_rule(NEVER).time_dependent


@pytest.mark.parametrize(
    ("operator", "value", "hours", "expected"),
    [
        # Two leave together: there are three, then one, and never two.
        ("eq", 2, [0, 0, 1], Verdict(False, None)),
        ("eq", 1, [0, 0, 1], Verdict(False, START + DAY)),
        ("in", [2, 0], [0, 0, 1], Verdict(False, START + DAY + HOUR)),
        ("neq", 2, [0, 0, 1], Verdict(True, None)),
        ("between", [1, 2], [0, 0, 1], Verdict(False, START + DAY)),
        ("gte", 2, [0, 0, 1], Verdict(True, START + DAY)),
        ("lt", 2, [1, 0, 1], Verdict(False, START + DAY + HOUR)),
        ("gte", 0, [0], Verdict(True, None)),
        ("gt", -1, [0], Verdict(True, None)),
        ("lt", 0.5, [0], Verdict(False, START + DAY)),
    ],
)
def test_counts_as_they_run_out(operator, value, hours, expected):
    place = World(parse_rule({**SOON, "operator": operator, "value": value}))
    now = START + 2 * HOUR
    for number, hour in enumerate(hours, 1):
        place.arrive(Event(number, "a", START + hour * HOUR, START, 1), now)
    assert place.rule.evaluate(place, now) == expected


@pytest.mark.parametrize(
    ("first", "last", "holds"), [(0, 0, True), (-1, 0, True), (0, 1, True), (1, 2, False), (-2, -1, False)]
)
def test_both_ends_of_a_fixed_window_count(first, last, holds):
    ends = {"from": to_iso(START + first), "to": to_iso(START + last)}
    place = World(parse_rule({**SOON, "timeWindow": ends}))
    place.arrive(Event(1, "a", START, START, 1), START)
    assert place.rule.evaluate(place, START + DAY) == Verdict(holds, None)


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ({"operator": "gt", "value": 2}, True),
        ({"operator": "lt"}, True),
        ({"value": 4}, False),
        ({"timeWindow": "2d"}, False),
        ({"eventType": "b"}, False),
        ({"where": {"field": "pageUrl", "operator": "exists"}}, False),
        ({"aggregate": "sum", "property": "n"}, False),
    ],
)
def test_conditions_share_a_state_only_when_it_serves_both(change, shared):
    three = {**SOON, "value": 3}
    rule = parse_rule({"operator": "AND", "conditions": [three, {**three, **change}]})
    assert len(rule.event_conditions) == (1 if shared else 2)
