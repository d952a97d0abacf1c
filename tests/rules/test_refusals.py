"""What is not understood is refused when a rule is saved, every fault by its path."""

import pytest

from ensue.base.errors import Invalid
from ensue.rules import bounds
from ensue.rules.grammar import parse_rule
from ensue.rules.match import parse_match

TAG = {"type": "tag", "operator": "has", "value": "vip"}
COUNT = {"type": "event", "eventType": "buy", "operator": "gte", "value": 1}
SUM = {**COUNT, "aggregate": "sum", "property": "amount"}
SEQUENCE = {"type": "sequence", "steps": [{"eventType": "a"}, {"eventType": "b"}], "within": "2h"}
PLAN = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "gold"}
DATE = {"type": "date", "field": "attributes.day", "operator": "within_next", "value": "3d"}


def group(*conditions, operator="AND"):
    return {"operator": operator, "conditions": list(conditions)}


def without(condition, *names):
    return {name: value for name, value in condition.items() if name not in names}


def nested(depth):
    tree = TAG
    for _ in range(depth):
        tree = group(tree)
    return tree


REFUSED = [
    (None, "rules"),
    ([], "rules"),
    ({}, "rules.type"),
    (group(), "rules.conditions"),
    ({"operator": "AND"}, "rules.conditions"),
    ({"operator": "XOR", "conditions": [TAG]}, "rules.operator"),
    ({"conditions": [TAG]}, "rules.operator"),
    ({**group(TAG), "extra": 1}, "rules.extra"),
    (group(TAG, 5), "rules.conditions[1]"),
    (group(group({**TAG, "operator": "is"})), "rules.conditions[0].conditions[0].operator"),
    ({**PLAN, "type": "attributes"}, "rules.type"),
    ({**PLAN, "type": 5}, "rules.type"),
    ({**PLAN, "field": "plan"}, "rules.field"),
    ({**PLAN, "field": "attributes."}, "rules.field"),
    ({**PLAN, "field": "attributes.a..b"}, "rules.field"),
    ({**PLAN, "field": "attributes" + ".a" * (bounds.FIELD_PARTS + 1)}, "rules.field"),
    ({**PLAN, "field": "metadata.plan"}, "rules.field"),
    ({**PLAN, "field": "x" * 201}, "rules.field"),
    ({**PLAN, "operator": "like"}, "rules.operator"),
    ({**PLAN, "operator": ["eq"]}, "rules.operator"),
    (without(PLAN, "operator"), "rules.operator"),
    (without(PLAN, "value"), "rules.value"),
    ({**PLAN, "value": None}, "rules.value"),
    ({**PLAN, "value": ["gold"]}, "rules.value"),
    ({**PLAN, "value": {"a": 1}}, "rules.value"),
    ({**PLAN, "value": 2**53 + 1}, "rules.value"),
    ({**PLAN, "value": float("nan")}, "rules.value"),
    ({**PLAN, "value": "a\x00b"}, "rules.value"),
    ({**PLAN, "value": "\ud800"}, "rules.value"),
    ({**PLAN, "value": "x" * (bounds.TEXT + 1)}, "rules.value"),
    ({**PLAN, "operator": "exists"}, "rules.value"),
    ({**PLAN, "operator": "gt", "value": True}, "rules.value"),
    ({**PLAN, "operator": "in"}, "rules.value"),
    ({**PLAN, "operator": "in", "value": []}, "rules.value"),
    ({**PLAN, "operator": "in", "value": [["a"]]}, "rules.value"),
    ({**PLAN, "operator": "in", "value": ["a"] * (bounds.LIST + 1)}, "rules.value"),
    ({**PLAN, "operator": "between", "value": [1]}, "rules.value"),
    ({**PLAN, "operator": "between", "value": [2, 1]}, "rules.value"),
    ({**PLAN, "operator": "between", "value": [1, "2"]}, "rules.value"),
    ({**PLAN, "operator": "contains", "value": ""}, "rules.value"),
    ({**PLAN, "operator": "starts_with", "value": 5}, "rules.value"),
    ({**PLAN, "operator": "before", "value": "soon"}, "rules.value"),
    ({**PLAN, "operator": "before", "value": "2026-02-30"}, "rules.value"),
    ({**PLAN, "field": "email", "value": 5}, "rules.value"),
    ({**PLAN, "field": "score", "value": "5"}, "rules.value"),
    ({**PLAN, "field": "score", "operator": "contains", "value": 5}, "rules.operator"),
    ({**PLAN, "field": "createdAt", "operator": "gt", "value": "2026-01-01"}, "rules.operator"),
    (without(COUNT, "eventType"), "rules.eventType"),
    ({**COUNT, "eventType": ""}, "rules.eventType"),
    ({**COUNT, "eventType": "x" * 201}, "rules.eventType"),
    (without(COUNT, "operator", "value"), "rules.operator"),
    (without(COUNT, "value"), "rules.value"),
    ({**COUNT, "operator": "exists"}, "rules.operator"),
    ({**COUNT, "operator": "contains"}, "rules.operator"),
    ({**COUNT, "value": "3"}, "rules.value"),
    ({**COUNT, "value": True}, "rules.value"),
    ({**COUNT, "operator": "in", "value": [1, "2"]}, "rules.value"),
    ({**COUNT, "timeWindow": "7d", "value": 1001}, "rules.value"),
    ({**COUNT, "timeWindow": "7d", "operator": "between", "value": [1, 1001]}, "rules.value"),
    ({**COUNT, "timeWindow": "7 days"}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": "0d"}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": "-1d"}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": "99999d"}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": 7}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": {}}, "rules.timeWindow"),
    ({**COUNT, "timeWindow": {"from": "2026-01-01"}}, "rules.timeWindow.from"),
    ({**COUNT, "timeWindow": {"since": "2026-01-01T00:00:00Z"}}, "rules.timeWindow.since"),
    ({**COUNT, "timeWindow": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}, "rules.timeWindow"),
    ({**COUNT, "aggregate": "median"}, "rules.aggregate"),
    ({**COUNT, "property": "amount"}, "rules.property"),
    (without(SUM, "property"), "rules.property"),
    ({**SUM, "property": "metadata."}, "rules.property"),
    ({**SUM, "operator": "exists"}, "rules.operator"),
    ({**SUM, "aggregate": "distinct", "value": 1001}, "rules.value"),
    ({**COUNT, "where": 5}, "rules.where"),
    ({**COUNT, "where": group(PLAN)}, "rules.where.conditions[0].field"),
    ({**COUNT, "where": group(TAG)}, "rules.where.conditions[0].type"),
    ({**COUNT, "where": group({"field": "pageUrl", "operator": "eq", "value": 5})}, "rules.where.conditions[0].value"),
    (without(SEQUENCE, "steps"), "rules.steps"),
    ({**SEQUENCE, "steps": [{"eventType": "a"}]}, "rules.steps"),
    ({**SEQUENCE, "steps": [{"eventType": "a"}] * 11}, "rules.steps"),
    ({**SEQUENCE, "steps": [{"eventType": "a"}, "b"]}, "rules.steps[1]"),
    ({**SEQUENCE, "steps": [{"eventType": "a"}, {"type": "b"}]}, "rules.steps[1].eventType"),
    (without(SEQUENCE, "within"), "rules.within"),
    ({**SEQUENCE, "lastStep": "maybe"}, "rules.lastStep"),
    ({**SEQUENCE, "lastStep": "absent", "timeWindow": "2h"}, "rules.timeWindow"),
    ({**TAG, "value": ""}, "rules.value"),
    ({"type": "channel", "channel": "FAX", "status": "OPTED_IN"}, "rules.channel"),
    ({"type": "channel", "channel": "EMAIL", "status": "YES"}, "rules.status"),
    ({"type": "segment", "operator": "in", "segmentId": "seg_1"}, "rules.segmentId"),
    ({"type": "segment", "operator": "in", "segmentId": "evt_0000000000001"}, "rules.segmentId"),
    ({**DATE, "field": "email"}, "rules.field"),
    ({**DATE, "operator": "before"}, "rules.operator"),
    (without(DATE, "value"), "rules.value"),
    ({**DATE, "operator": "anniversary", "value": "367d"}, "rules.value"),
    (nested(bounds.DEPTH + 1), "rules" + ".conditions[0]" * bounds.DEPTH),
    (group(*[TAG] * bounds.NODES), f"rules.conditions[{bounds.NODES - 1}]"),
]


@pytest.mark.parametrize(("value", "path"), REFUSED)
def test_refused_at_its_path(value, path):
    with pytest.raises(Invalid) as refusal:
        parse_rule(value)
    assert path in [detail.path for detail in refusal.value.details]


@pytest.mark.parametrize(
    "value",
    [TAG, COUNT, SUM, SEQUENCE, PLAN, DATE, group(TAG, group(PLAN, operator="NOT"), operator="OR"),
     nested(bounds.DEPTH), group(*[TAG] * (bounds.NODES - 1)),
     {**PLAN, "value": 2**53}, {**PLAN, "value": ""}, {**PLAN, "operator": "in", "value": ["a"] * bounds.LIST},
     {**COUNT, "value": 2**53}, {**COUNT, "value": 1000, "timeWindow": "7d"}, {**SUM, "property": "pageUrl"},
     {**COUNT, "timeWindow": {"to": "2026-01-01T00:00:00+01:00"}}, {**COUNT, "timeWindow": None},
     {**SEQUENCE, "lastStep": "absent", "timeWindow": "3h"}, {**without(DATE, "value"), "operator": "anniversary"}],
)  # fmt: skip
def test_taken(value):
    rule = parse_rule(value)
    assert rule.json == value
    assert parse_rule(rule.json).key == rule.key


def test_every_fault_is_named_at_once():
    rule = group({**PLAN, "operator": "like", "extra": 1}, {**COUNT, "where": group({"field": "x"})}, {"type": "tag"})
    with pytest.raises(Invalid) as refusal:
        parse_rule(rule)
    assert [detail.path for detail in refusal.value.details] == [
        "rules.conditions[0].operator",
        "rules.conditions[0].extra",
        "rules.conditions[1].where.conditions[0].field",
        "rules.conditions[1].where.conditions[0].operator",
        "rules.conditions[2].operator",
        "rules.conditions[2].value",
    ]


def test_a_rule_that_is_all_wrong_says_so_in_bounded_space():
    with pytest.raises(Invalid) as refusal:
        parse_rule(group(*[5] * 100_000))
    assert len(refusal.value.details) <= bounds.NODES + 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (COUNT, "condition.type"),
        (SEQUENCE, "condition.type"),
        (group(DATE), "condition.conditions[0].type"),
        ({"field": "amount", "operator": "eq", "value": 1}, "condition.field"),
        ({"field": "metadata.amount", "operator": "eq"}, "condition.value"),
        ({"field": "email", "operator": "eq", "value": 1}, "condition.value"),
        ({"operator": "eq", "value": 1}, "condition.field"),
        ({**TAG, "value": 5}, "condition.value"),
        ({**TAG, "type": "tags"}, "condition.type"),
        ([], "condition"),
    ],
)
def test_matches_are_refused_at_their_path(value, path):
    with pytest.raises(Invalid) as refusal:
        parse_match(value, "condition")
    assert path in [detail.path for detail in refusal.value.details]
