"""Descriptions, explanations and matches."""

import pytest

from ensue.base import ids
from ensue.base.clock import DAY, HOUR, to_iso
from ensue.base.json import decode, encode
from ensue.model.event import Event
from ensue.rules.describe import describe
from ensue.rules.explain import explain
from ensue.rules.grammar import parse_rule
from ensue.rules.match import parse_match
from ensue.rules.naive import NaiveContact
from tests.property.world import START, World

AMOUNT = {"field": "metadata.amount", "operator": "gt", "value": 50}
PURCHASES = {"type": "event", "eventType": "purchase", "timeWindow": "30d", "operator": "gte", "value": 3}
NOT = {
    "operator": "NOT",
    "conditions": [{"type": "attribute", "field": "attributes.plan", "operator": "in", "value": ["a", True]}],
}
VIP = {"type": "tag", "operator": "has", "value": "vip"}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({**PURCHASES, "where": AMOUNT}, "purchase at least 3 times in the last 30 days where amount is over 50"),
        ({**PURCHASES, "operator": "eq", "value": 1, "timeWindow": "1h"}, "purchase exactly 1 time in the last 1 hour"),
        ({**PURCHASES, "operator": "between", "value": [1, 2]}, "purchase between 1 and 2 times in the last 30 days"),
        (
            {**PURCHASES, "aggregate": "sum", "property": "amount", "timeWindow": {"from": "2026-01-01T00:00:00Z"}},
            "the sum of amount over purchase is at least 3 from 2026-01-01T00:00:00.000Z",
        ),
        (
            {"type": "sequence", "steps": [{"eventType": "cart"}, {"eventType": "purchase", "where": AMOUNT}],
             "within": "2h", "lastStep": "absent", "timeWindow": "7d"},
            "cart, then not purchase where amount is over 50 within 2 hours in the last 7 days",
        ),
        (
            {"operator": "AND", "conditions": [VIP, {"operator": "OR", "conditions": [PURCHASES, NOT]}]},
            "has the tag “vip” and (purchase at least 3 times in the last 30 days or not (plan is one of “a” or true))",
        ),
        (
            {"type": "date", "field": "attributes.trialEnds", "operator": "within_next", "value": "1w"},
            "trialEnds is within the next 7 days",
        ),
    ],
)  # fmt: skip
def test_sentences(rule, sentence):
    assert describe(parse_rule(rule)) == sentence


def purchase(number, at, amount):
    return Event(number, "purchase", at, at, 1, {"amount": amount}, page_url="/shop")


def test_an_explanation_mirrors_the_rule_and_shows_the_events():
    rule = parse_rule({"operator": "AND", "conditions": [{**PURCHASES, "where": AMOUNT}, VIP]})
    place = World(rule, NaiveContact(tags=frozenset({"vip"})))
    for number in range(1, 31):
        place.arrive(purchase(number, START + number * HOUR, 40 + number), START + number * HOUR)
    now = START + 31 * HOUR
    answer = explain(rule, place, now)
    assert decode(encode(answer)) == answer
    leaves_at = to_iso(START + 28 * HOUR + 30 * DAY)
    assert (answer["operator"], answer["holds"], answer["flipsAt"]) == ("AND", True, leaves_at)
    count, tag = answer["conditions"]
    assert count["condition"] == {**PURCHASES, "where": AMOUNT}
    assert count["sentence"] == "purchase at least 3 times in the last 30 days where amount is over 50"
    # Amounts of 51 to 70 are over 50; the state keeps three of them, the explanation counts them all.
    assert (count["observed"], count["needed"]) == (20, {"operator": "gte", "value": 3})
    assert count["evidence"] == [ids.show("evt", number) for number in range(30, 10, -1)]
    assert (tag["observed"], tag["holds"], tag["flipsAt"], tag["evidence"]) == (True, True, None, [])


def test_an_explanation_of_a_sequence_shows_its_chain():
    steps = [{"eventType": "cart"}, {"eventType": "purchase"}]
    rule = parse_rule({"type": "sequence", "steps": steps, "within": "2h", "timeWindow": "7d"})
    place = World(rule)
    place.arrive(Event(1, "cart", START, START, 1), START)
    assert explain(rule, place, START)["observed"] is None
    place.arrive(purchase(2, START + HOUR, 1), START + HOUR)
    place.arrive(purchase(3, START + HOUR + 1, 1), START + HOUR + 1)
    answer = explain(rule, place, START + HOUR + 1)
    assert answer["observed"] == {"startedAt": to_iso(START)}
    assert answer["evidence"] == [ids.show("evt", 2), ids.show("evt", 1)]


@pytest.mark.parametrize(
    ("aggregate", "observed"), [("sum", 1), ("avg", 0.1), ("min", 0.1), ("max", 0.1), ("distinct", 1)]
)
def test_an_explanation_shows_the_aggregate(aggregate, observed):
    rule = parse_rule({**PURCHASES, "aggregate": aggregate, "property": "amount"})
    place = World(rule)
    for number in range(1, 11):
        place.arrive(purchase(number, START, 0.1), START)
    # Added up one by one, ten times 0.1 is 0.9999999999999999.
    assert explain(rule, place, START)["observed"] == observed


def test_an_explanation_of_fields_shows_their_values():
    rule = parse_rule(
        {"operator": "OR", "conditions": [
            {"type": "attribute", "field": "createdAt", "operator": "after", "value": "2026-01-01"},
            {"type": "attribute", "field": "attributes.plan", "operator": "exists"},
            {"type": "date", "field": "attributes.day", "operator": "within_last", "value": "1d"},
            {"type": "channel", "channel": "EMAIL", "status": "OPTED_IN"},
            {"type": "segment", "operator": "not_in", "segmentId": "seg_000000000000a"},
        ]}
    )  # fmt: skip
    contact = NaiveContact({"createdAt": START, "attributes": {"day": "2026-03-01"}})
    answer = explain(rule, World(rule, contact), START)
    observed = [condition["observed"] for condition in answer["conditions"]]
    assert observed == [to_iso(START), None, "2026-03-01T00:00:00", "UNKNOWN", False]
    assert decode(encode(answer)) == answer


CONTACT = NaiveContact(
    {"email": "ann@example.com", "attributes": {"plan": "gold"}}, frozenset({"vip"}), {"EMAIL": "OPTED_IN"},
    frozenset({10}), score=5,
)  # fmt: skip
EMAIL = {"field": "email", "operator": "ends_with", "value": "@EXAMPLE.com"}


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        (AMOUNT, True),
        ({**AMOUNT, "type": "attribute"}, True),
        ({**AMOUNT, "value": 60}, False),
        (EMAIL, True),
        ({"field": "pageUrl", "operator": "eq", "value": "/shop"}, True),
        ({"field": "type", "operator": "eq", "value": "purchase"}, True),
        ({"field": "referrer", "operator": "not_exists"}, True),
        ({"field": "attributes.plan", "operator": "neq", "value": "gold"}, False),
        ({"field": "score", "operator": "gte", "value": 5}, True),
        (VIP, True),
        ({"type": "channel", "channel": "EMAIL", "status": "OPTED_OUT"}, False),
        ({"type": "segment", "operator": "in", "segmentId": "seg_000000000000a"}, True),
        ({"operator": "AND", "conditions": [AMOUNT, EMAIL, VIP]}, True),
        ({"operator": "NOT", "conditions": [AMOUNT, EMAIL]}, False),
        ({"operator": "NOT", "conditions": [AMOUNT, {**VIP, "value": "x"}]}, False),
        ({"operator": "NOT", "conditions": [{**AMOUNT, "value": 60}, {**VIP, "value": "x"}]}, True),
        ({"operator": "OR", "conditions": [{**AMOUNT, "value": 60}, VIP]}, True),
        ({"operator": "OR", "conditions": [{**AMOUNT, "value": 60}] * 3}, False),
        ({"operator": "AND", "conditions": [VIP, {**AMOUNT, "value": 60}]}, False),
    ],
)
def test_matches(match, holds):
    place = World(parse_rule(VIP), CONTACT)
    assert parse_match(match, "condition").holds(purchase(1, START, 60), place) is holds


def test_a_match_says_what_it_reads():
    match = parse_match({"operator": "OR", "conditions": [AMOUNT, EMAIL, VIP]}, "condition")
    assert (set(match.fields), set(match.tags)) == ({"email"}, {"vip"})
    assert not match.channels | match.segments
    assert match.describe() == "amount is over 50 or email ends with “@EXAMPLE.com” or has the tag “vip”"
