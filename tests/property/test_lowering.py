"""What SQL says about a rule is what the evaluator says, for every contact of a generated workspace."""

import itertools
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ensue.base import json
from ensue.base.clock import DAY, HOUR
from ensue.base.ids import show
from ensue.engine.segments.bulk import Crowd
from ensue.model.contact import Contact
from ensue.rules.grammar import parse_rule
from tests.stores import STORES

NOW = 1_768_471_200_000
EXAMPLES = int(os.environ.get("ENSUE_EXAMPLES", "150"))
WORKSPACE, SEGMENT = 1, 7

NUMBERS = [0, 1, 1.0, 2, -1, 0.1, 0.3, 50, 50.5, 1e16, 2**53, -(2**53), 1e-300]
TEXTS = ["1", "a", "A", "b", "ß", "\u00e9", "😀"]
STORED = [*NUMBERS, *TEXTS, True, False, None, "", [1], ["a"], {"a": 1}, {"b": 2}, 2**53 + 1, 2**63, 2**70, 10**300]
numbers = st.sampled_from(NUMBERS)
stored = st.sampled_from(STORED)
documents = st.dictionaries(st.sampled_from(["a", "b", "n", "odd name"]), stored, max_size=3)
texts = st.sampled_from(TEXTS)
scalars = numbers | texts | st.booleans()


@st.composite
def comparisons(draw, operands=scalars):
    operator = draw(st.sampled_from(
        ["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in", "between", "exists", "not_exists", "contains"]
    ))  # fmt: skip
    match operator:
        case "exists" | "not_exists":
            return {"operator": operator}
        case "in" | "not_in":
            return {"operator": operator, "value": draw(st.lists(operands, min_size=1, max_size=3))}
        case "between":
            return {"operator": operator, "value": sorted(draw(st.tuples(numbers, numbers)))}
        case "contains":
            return {"operator": operator, "value": draw(texts)}
        case "eq" | "neq":
            return {"operator": operator, "value": draw(operands)}
        case _:
            return {"operator": operator, "value": draw(numbers | texts)}


def grouped(leaves):
    group = lambda children: st.fixed_dictionaries(  # noqa: E731 - it is handed on at once
        {"operator": st.sampled_from(["AND", "OR", "NOT"]), "conditions": st.lists(children, min_size=1, max_size=3)}
    )
    return st.recursive(leaves, group, max_leaves=4)


wheres = grouped(
    st.builds(
        lambda field, comparison: {"field": field, **comparison},
        st.sampled_from(["metadata.n", "metadata.a", "metadata.a.b", "metadata.odd name"]),
        comparisons(),
    )
    | st.builds(
        lambda field, value: {"field": field, **value},
        st.sampled_from(["pageUrl", "sessionId", "type"]),
        st.sampled_from([{"operator": "eq", "value": "a"}, {"operator": "neq", "value": "a"}, {"operator": "exists"}]),
    )
)
windows = st.sampled_from(
    [{}, {"timeWindow": "2h"}, {"timeWindow": "1d"}, {"timeWindow": {"to": "2026-01-15T09:00:00Z"}}]
)
event_type = st.sampled_from(["x", "y", "never"])


@st.composite
def event_conditions(draw):
    aggregate = draw(st.sampled_from(["count", "count", "count", "min", "max", "sum", "avg", "distinct"]))
    operands = st.sampled_from([0, 1, 2, 3, 1.5]) if aggregate in {"count", "distinct"} else numbers
    operator = draw(st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in", "between"]))
    value = draw(operands)
    if operator in {"in", "not_in"}:
        value = [value, draw(operands)]
    elif operator == "between":
        value = sorted([value, draw(operands)])
    condition = {
        "type": "event",
        "eventType": draw(event_type),
        "aggregate": aggregate,
        "operator": operator,
        "value": value,
    }
    if aggregate != "count":
        condition["property"] = draw(st.sampled_from(["metadata.n", "metadata.a.b", "pageUrl"]))
    if draw(st.booleans()):
        condition["where"] = draw(wheres)
    return condition | draw(windows)


attribute_conditions = st.builds(
    lambda field, comparison: {"type": "attribute", "field": field, **comparison},
    st.sampled_from(["attributes.n", "attributes.a", "attributes.a.b", "attributes.odd name"]),
    comparisons(),
) | st.sampled_from(
    [
        {"type": "attribute", "field": "email", "operator": "exists"},
        {"type": "attribute", "field": "firstName", "operator": "neq", "value": "a"},
        {"type": "attribute", "field": "firstName", "operator": "gte", "value": "b"},
        {"type": "attribute", "field": "score", "operator": "gt", "value": 5},
        {"type": "attribute", "field": "createdAt", "operator": "after", "value": "2026-01-14"},
        {"type": "attribute", "field": "createdAt", "operator": "exists"},
        {"type": "date", "field": "createdAt", "operator": "within_last", "value": "1d"},
        {"type": "date", "field": "attributes.a", "operator": "within_last", "value": "1d"},
    ]
)
other_conditions = st.sampled_from(
    [
        *({"type": "tag", "operator": operator, "value": "vip"} for operator in ("has", "not_has")),
        *(
            {"type": "segment", "segmentId": show("seg", SEGMENT), "operator": operator}
            for operator in ("in", "not_in")
        ),
        *({"type": "channel", "channel": "EMAIL", "status": status} for status in ("OPTED_IN", "UNKNOWN")),
        {
            "type": "sequence",
            "steps": [{"eventType": "x"}, {"eventType": "y"}],
            "within": "2h",
            "lastStep": "absent",
        },
    ]
)
rules = grouped(event_conditions() | attribute_conditions | other_conditions)

people = st.lists(
    st.fixed_dictionaries(
        {
            "attributes": documents,
            "name": st.sampled_from([None, "a", "b", "B"]),
            "score": st.sampled_from([0, 5, 6]),
            "age": st.sampled_from([0, HOUR, 2 * DAY]),
            "vip": st.booleans(),
            "inside": st.booleans(),
            "consent": st.sampled_from([None, "OPTED_IN", "UNKNOWN"]),
            "events": st.lists(
                st.tuples(
                    st.sampled_from(["x", "y"]),
                    st.sampled_from([0, 1, HOUR, 2 * HOUR - 1, 2 * HOUR, DAY, 3 * DAY]),
                    st.none() | documents,
                    st.sampled_from([None, "a", "b"]),
                ),
                max_size=4,
            ),
        }
    ),
    min_size=1,
    max_size=4,
)


class _Undo(Exception):
    """Every example begins with an empty store."""


@pytest.fixture(params=STORES, ids=lambda place: place.__name__, scope="module")
def store(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("lowering")) as opened:
        store = opened()
        yield store
        store.close()


def _fill(tables, people) -> None:
    own = tables.workspace(WORKSPACE)
    tables.sql.run(
        "INSERT INTO workspaces (id, name, slug, trigger_horizon, created_at, updated_at) VALUES (1, 'w', 'w', 1, 1, 1)"
    )
    own.contacts.add_tag(3, "vip", NOW)
    sessions = {"a": 11, "b": 12}
    for key, number in sessions.items():
        own.sessions.add(number, key, None, NOW)
    types = {name: own.events.add_type(name, NOW) for name in ("x", "y")}
    event_ids = itertools.count(1000)
    for contact_id, person in enumerate(people, 100):
        at = NOW - person["age"]
        own.contacts.add(
            Contact(
                contact_id,
                at,
                at,
                NOW,
                first_name=person["name"],
                attributes=person["attributes"],
                score=person["score"],
            ),
            None,
        )
        if person["vip"]:
            own.contacts.tag(contact_id, 3, NOW)
        if person["consent"]:
            own.contacts.set_consent(contact_id, "EMAIL", person["consent"], "test", NOW)
        if person["inside"]:
            tables.sql.run(
                """INSERT INTO memberships (id, workspace_id, segment_id, contact_id, version, entered_at, entered_by)
                VALUES (?, 1, ?, ?, 1, 1, 'TIME')""",
                (contact_id, SEGMENT, contact_id),
            )
        own.events.append(
            (
                next(event_ids), contact_id, types[name], NOW - age, NOW, sessions.get(page), page, None, None, None,
                None, json.encode_text(metadata) if metadata is not None else None, "api", None, 0, 0, None,
            )
            for name, age, metadata, page in person["events"]
        )  # fmt: skip


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(rule=rules, people=people)
def test_sql_and_the_evaluator_agree(store, rule, people):
    def check(tables):
        _fill(tables, people)
        own = tables.workspace(WORKSPACE)
        crowd = Crowd(own, parse_rule(rule), NOW)
        everybody = own.populations.ids()
        sightings = {sighting.contact.id: sighting for sighting in crowd.look(everybody)}
        holders = [contact_id for contact_id, sighting in sightings.items() if sighting.verdict.holds]
        if crowd.exact is not None:
            assert own.populations.ids(crowd.exact) == holders
            assert own.populations.ids(~crowd.exact) == [i for i in everybody if i not in holders]
        alike = own.populations.ids(~crowd.differing)
        assert {sightings[contact_id].verdict for contact_id in alike} <= {crowd.blank}
        assert crowd.survey(sample=2) == (len(holders), holders[:2])
        inside = own.populations.members(SEGMENT)
        out = [i for i, person in enumerate(people, 100) if person["inside"] and i not in holders]
        assert crowd.survey_others(inside, 5) == (len(out), out[:5])
        raise _Undo

    with pytest.raises(_Undo):
        store.write(check)


def _every_comparison():
    """Each operator with each kind of operand."""
    scalars = [*NUMBERS, *TEXTS, True, False, ""]
    yield from ({"operator": operator} for operator in ("exists", "not_exists"))
    for operator, value in itertools.product(("eq", "neq"), scalars):
        yield {"operator": operator, "value": value}
    for operator, value in itertools.product(("gt", "gte", "lt", "lte"), [*NUMBERS, *TEXTS]):
        yield {"operator": operator, "value": value}
    for operator, pair in itertools.product(("in", "not_in"), itertools.combinations(scalars, 2)):
        yield {"operator": operator, "value": list(pair)}
    for kind in (NUMBERS, TEXTS):
        for low, high in itertools.combinations(sorted(kind), 2):
            yield {"operator": "between", "value": [low, high]}


@pytest.mark.parametrize("place", ["attributes.n", "metadata.n"])
def test_every_comparison_agrees_about_every_kind_of_value(store, place):
    """Each stored value is that of one contact, in its attributes and in its only event."""
    documents = [{}, *({"n": value} for value in STORED)]
    person = {"name": None, "score": 0, "age": 0, "vip": False, "inside": False, "consent": None}
    people = [{**person, "attributes": document, "events": [("x", 0, document, None)]} for document in documents]

    def check(tables):
        _fill(tables, people)
        own = tables.workspace(WORKSPACE)
        for comparison in _every_comparison():
            leaf = {"field": place, **comparison}
            asked = {"type": "attribute", **leaf}
            if place == "metadata.n":
                asked = {"type": "event", "eventType": "x", "operator": "gte", "value": 1, "where": leaf}
            crowd = Crowd(own, parse_rule(asked), NOW)
            assert crowd.exact is not None
            holders = [s.contact.id for s in crowd.look(own.populations.ids()) if s.verdict.holds]
            assert own.populations.ids(crowd.exact) == holders, asked
        raise _Undo

    with pytest.raises(_Undo):
        store.write(check)


@pytest.mark.parametrize("window", [{}, {"timeWindow": "2h"}, {"timeWindow": {"from": "2026-01-15T08:00:00Z"}}])
@pytest.mark.parametrize("aggregate", ["count", "min", "max"])
def test_every_aggregate_agrees_at_the_edges_of_its_window(store, aggregate, window):
    """Each contact has up to three events around the edges: the window opens 2 hours before now, at 08:00."""
    values = {0: 1, 2 * HOUR - 1: 2.5, 2 * HOUR: 2**53 + 1, 2 * HOUR + 1: "2"}
    happened = [("x", age, {"n": value}, None) for age, value in values.items()]
    histories = [list(some) for size in range(4) for some in itertools.combinations(happened, size)]
    person: dict[str, object] = {
        "name": None,
        "attributes": {},
        "score": 0,
        "age": 0,
        "vip": False,
        "inside": False,
        "consent": None,
    }
    asked = {"type": "event", "eventType": "x", "aggregate": aggregate} | window
    if aggregate != "count":
        asked["property"] = "metadata.n"

    def check(tables):
        _fill(tables, [{**person, "events": history} for history in histories])
        own = tables.workspace(WORKSPACE)
        operators = ("eq", "neq", "gt", "gte", "lt", "lte")
        for operator, value in itertools.product(operators, [0, 1, 2, 2.5, 3, 2**53]):
            if aggregate == "count" and value > 3:
                continue
            crowd = Crowd(own, parse_rule({**asked, "operator": operator, "value": value}), NOW)
            assert crowd.exact is not None
            sightings = {s.contact.id: s.verdict for s in crowd.look(own.populations.ids())}
            assert own.populations.ids(crowd.exact) == [i for i, verdict in sightings.items() if verdict.holds]
            assert {sightings[i] for i in own.populations.ids(~crowd.differing)} <= {crowd.blank}
        raise _Undo

    with pytest.raises(_Undo):
        store.write(check)


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "event", "eventType": "x", "operator": "gte", "value": 3, "timeWindow": "30d"},
        {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"},
        {
            "type": "event",
            "eventType": "x",
            "aggregate": "max",
            "property": "metadata.n",
            "operator": "gt",
            "value": 50,
        },
    ],
)
def test_the_common_shapes_are_lowered(store, rule):
    def check(tables):
        _fill(tables, [])
        assert Crowd(tables.workspace(WORKSPACE), parse_rule(rule), NOW).exact is not None
        raise _Undo

    with pytest.raises(_Undo):
        store.write(check)
