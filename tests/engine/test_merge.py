"""Two contacts become one, as if they had always been."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base import json
from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.base.errors import Conflict, Unprocessable
from ensue.base.ids import show
from ensue.engine.contacts import changes, identity
from ensue.engine.contacts.merge import merge
from ensue.engine.verification.verify import verify
from ensue.engine.view import view
from ensue.model.cause import Cause
from tests.engine.world import World

CHANGE = Cause("CHANGE")


def count(event_type, operator, value, **more):
    condition = {"type": "event", "eventType": event_type, "aggregate": "count", "operator": operator, "value": value}
    return {"operator": "AND", "conditions": [condition | more]}


def merged(world, survivor, other):
    return world.change(lambda room: merge(room, survivor, other)[1])


def entered(effects):
    return {change.segment_id for change in effects.entered}


def test_the_union_is_evaluated_once(world):
    buyers = world.segment(count("purchase", "gte", 3))
    silent = world.segment(count("purchase", "lt", 2))
    welcome = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", buyers)})
    survivor, other = world.contact(email="ann@example.com"), world.contact(phone="1")
    for contact in (survivor, survivor, other):
        world.post("purchase", contact)
    assert world.segments_of(survivor) == set()
    assert world.segments_of(other) == {silent}

    effects = merged(world, survivor, other)

    assert entered(effects) == {buyers}
    assert effects.exited == []
    assert [one.campaign_id for one in effects.enrolled] == [welcome]
    assert world.segments_of(survivor) == {buyers}
    assert world.members(silent) == set()
    assert world.stored(survivor).phone == "1"
    world.post("purchase", other)
    assert world.rows("SELECT DISTINCT contact_id FROM events") == [(survivor,)]


def test_what_the_other_had_reached_is_not_celebrated_again(world):
    buyers = world.segment(count("purchase", "gte", 1))
    world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", buyers)})
    world.campaign({"type": "SCORE_CROSSED", "threshold": 5})
    world.scoring_rule("purchase", 5)
    survivor, other = world.contact(), world.contact()
    assert len(world.post("purchase", other).effects.enrolled) == 2

    effects = merged(world, survivor, other)

    assert entered(effects) == {buyers}
    assert (effects.before, effects.after) == (0, 5)
    assert effects.enrolled == effects.skipped == []


def test_merging_twice_changes_nothing(world):
    world.scoring_rule("purchase", 5)
    survivor, other = world.contact(), world.contact()
    world.post("purchase", other)
    merged(world, survivor, other)
    before = dump(world)
    effects = merged(world, survivor, other)
    assert (effects.before, effects.after) == (5, 5)
    assert merged(world, other, survivor).entered == []
    assert dump(world) == before


def dump(world):
    return {table: sorted(world.rows(f"SELECT * FROM {table}"), key=repr) for table in world.tables()}


def test_merging_into_itself_makes_no_sense(world):
    contact = world.contact()
    with pytest.raises(Unprocessable):
        merged(world, contact, contact)


def test_old_ids_answer_as_the_last_survivor(world):
    a, b, c = world.contact(), world.contact(), world.contact()
    merged(world, b, a)
    merged(world, c, b)
    assert {world.on(i, lambda subject: subject.id) for i in (a, b, c)} == {c}
    assert set(world.rows("SELECT old_id, contact_id FROM contact_aliases")) == {(a, c), (b, c)}
    merged(world, a, world.contact(email="d@example.com"))
    assert world.stored(c).email == "d@example.com"


def test_only_empty_fields_are_filled(world):
    survivor = world.contact(email="ann@example.com", attributes={"plan": "gold", "seats": 1})
    other = world.contact(email="bob@example.com", lastName="Smith", attributes={"plan": "free", "city": "Graz"})
    merged(world, survivor, other)
    contact = world.stored(survivor)
    assert (contact.email, contact.last_name) == ("ann@example.com", "Smith")
    assert contact.attributes == {"plan": "gold", "seats": 1, "city": "Graz"}
    assert world.contact(email="bob@example.com") != survivor


def test_the_address_of_the_other_is_taken_over(world):
    survivor, other = world.contact(), world.contact(email="Bob@example.com", externalId="7")
    merged(world, survivor, other)
    with pytest.raises(Conflict):
        world.contact(email="bob@EXAMPLE.com")
    found = world.change(lambda room: identity.match(room, {"externalId": "7"}))
    assert found is not None
    assert found.id == survivor


@pytest.mark.parametrize(
    ("own", "theirs", "left"),
    [
        ("OPTED_IN", "OPTED_OUT", "OPTED_OUT"),
        ("OPTED_OUT", "OPTED_IN", "OPTED_OUT"),
        ("PENDING", "OPTED_OUT", "OPTED_OUT"),
        ("OPTED_IN", "PENDING", "PENDING"),
        ("OPTED_IN", "UNKNOWN", "UNKNOWN"),
        ("OPTED_IN", None, "OPTED_IN"),
        (None, "OPTED_IN", "OPTED_IN"),
        (None, "OPTED_OUT", "OPTED_OUT"),
    ],
)
def test_the_most_restrictive_consent_stands(world, own, theirs, left):
    unreachable = world.segment(
        {"operator": "AND", "conditions": [{"type": "channel", "channel": "EMAIL", "status": "OPTED_OUT"}]}
    )
    survivor, other = world.contact(), world.contact()
    for contact, status in ((survivor, own), (other, theirs)):
        if status is not None:
            world.on(contact, lambda s, status=status: changes.set_consent(s, "EMAIL", status, "form", CHANGE))
    merged(world, survivor, other)
    assert world.ask(lambda tables: dict(tables.contacts.consents(survivor))) == {"EMAIL": left}
    assert (survivor in world.members(unreachable)) == (left == "OPTED_OUT")


def test_lists_tags_and_sessions_change_hands(world):
    listed = world.segment(None)
    vip = world.segment({"operator": "AND", "conditions": [{"type": "tag", "operator": "has", "value": "vip"}]})
    survivor, other = world.contact(), world.contact()
    world.on(other, lambda s: changes.set_static(s, listed, True, Cause("MANUAL")))
    world.on(other, lambda s: changes.add_tag(s, "vip", CHANGE))
    world.change(lambda room: identity.identify_session(room, identity.held(room, other), "s1"))

    assert entered(merged(world, survivor, other)) == {listed, vip}
    assert world.segments_of(survivor) == {listed, vip}
    assert world.post("page_view", session_id="s1").event.contact_id == survivor


def test_two_runs_of_one_campaign_become_one(world):
    wait = {"nodes": [{"id": "wait", "type": "delay", "data": {"duration": "30d"}}], "edges": []}
    both = world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=wait)
    one = world.campaign({"type": "EVENT", "eventType": "trial"}, workflow=wait)
    survivor, other = world.contact(), world.contact()
    kept = world.post("signup", survivor).effects.enrolled[0].enrolment_id
    ended = world.post("signup", other).effects.enrolled[0].enrolment_id
    moved = world.post("trial", other).effects.enrolled[0].enrolment_id

    merged(world, survivor, other)

    active = world.ask(lambda tables: tables.enrolments.active(survivor))
    assert {(e.id, e.campaign_id) for e in active} == {(kept, both), (moved, one)}
    gone = world.ask(lambda tables: tables.enrolments.get(ended))
    assert (gone.contact_id, gone.status, gone.end_reason) == (survivor, "EXITED", "MERGED")


def test_a_retry_still_gets_its_first_answer(world):
    world.scoring_rule("purchase", 5)
    survivor, other = world.contact(), world.contact(firstName="Bob")
    first = world.post("purchase", other, key=b"k", fingerprint=b"f")
    merged(world, survivor, other)
    again = world.post("purchase", other, key=b"k", fingerprint=b"f")
    assert again.replayed
    assert (again.contact, again.effects, again.event.id) == (first.contact, first.effects, first.event.id)
    assert world.score(survivor) == 5


def test_a_window_over_the_union_still_ends_on_time(world):
    busy = world.segment(count("visit", "gte", 2, timeWindow="7d"))
    survivor, other = world.contact(), world.contact()
    first = world.post("visit", other).event.timestamp
    world.forward(HOUR)
    world.post("visit", survivor)
    assert entered(merged(world, survivor, other)) == {busy}
    world.forward(30 * DAY)
    assert world.rows("SELECT contact_id, exited_at FROM memberships") == [(survivor, first + 7 * DAY)]


def test_a_cap_and_once_hold_for_both_together(world):
    world.scoring_rule("visit", 5, max_score=8)
    world.scoring_rule("signup", 20, once=True)
    survivor, other = world.contact(), world.contact()
    for contact in (survivor, other):
        world.post("visit", contact)
        world.post("signup", contact)
    effects = merged(world, survivor, other)
    assert (effects.before, effects.after) == (25, 28)
    assert world.score(survivor) == world.ledger_sum(survivor) == 28
    world.post("visit", survivor)
    assert world.score(survivor) == world.ledger_sum(survivor) == 28


def test_points_of_the_other_go_on_decaying_on_time(world):
    world.scoring_rule("signup", 10, decay_points=4, decay_period=DAY)
    survivor, other = world.contact(), world.contact()
    signed_up = world.post("signup", other).event.timestamp
    world.forward(HOUR)
    merged(world, survivor, other)
    world.forward(2 * DAY)
    assert world.score(survivor) == world.ledger_sum(survivor) == 2
    lines = world.ask(lambda tables: tables.ledger.of_contact(survivor, None, 10))
    assert [line.at for line in lines if line.cause == "DECAY"] == [signed_up + 2 * DAY, signed_up + DAY]


TYPES = ["visit", "purchase"]
HISTORY = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from(TYPES),
        st.integers(0, 20),
        st.sampled_from([0, MINUTE, HOUR, DAY, 3 * DAY]),
        st.sampled_from([0, 0, HOUR, 2 * DAY, 10 * DAY]),
    ),
    max_size=10,
)
SCORING = st.lists(
    st.tuples(
        st.sampled_from(TYPES),
        st.sampled_from([5, -3]),
        st.fixed_dictionaries(
            {},
            optional={
                "max_score": st.sampled_from([5, 8]),
                "min_score": st.sampled_from([-4, 0]),
                "cooldown": st.sampled_from([HOUR, DAY]),
                "once": st.just(True),
            },
        ),
        st.sampled_from([{}, {"decay_points": 2, "decay_period": DAY}]),
    ),
    max_size=3,
)
STEPS = [{"eventType": "visit"}, {"eventType": "purchase"}]
SEGMENTS = [
    count("visit", "gte", 3),
    count("visit", "lt", 2, timeWindow="7d"),
    count("purchase", "eq", 1, timeWindow="1d"),
    count("purchase", "gte", 20, aggregate="sum", property="amount", timeWindow="7d"),
    count("purchase", "gte", 2, aggregate="distinct", property="amount"),
    count("purchase", "gt", 10, aggregate="max", property="amount", timeWindow="3d"),
    {"operator": "AND", "conditions": [{"type": "sequence", "steps": STEPS, "within": "2h"}]},
    {"operator": "AND", "conditions": [{"type": "sequence", "steps": STEPS, "within": "1d", "lastStep": "absent"}]},
    {"operator": "NOT", "conditions": [{"type": "attribute", "field": "score", "operator": "gte", "value": 8}]},
]


@settings(max_examples=50)
@given(
    history=HISTORY, scoring=SCORING, after=st.sampled_from([0, HOUR, 2 * DAY, 40 * DAY]), first=st.sampled_from([0, 1])
)
def test_a_merge_is_as_if_all_had_been_the_survivors(history, scoring, after, first, tmp_path_factory):
    """Two people merged, beside one who did everything: the same memberships and score, then and later."""
    world = World(tmp_path_factory.mktemp("world"))
    try:
        for rules in SEGMENTS:
            world.segment(rules)
        for event_type, delta, more, decay in scoring:
            world.scoring_rule(event_type, delta, **more, **decay)
        two, one = [world.contact(), world.contact()], world.contact()
        for who, event_type, amount, passes, late in history:
            world.forward(passes)
            for contact in (two[who], one):
                world.post(event_type, contact, {"amount": amount}, timestamp=world.now - late)
        world.forward(after)

        survivor, other = two[first], two[1 - first]
        before = world.segments_of(survivor)
        effects = merged(world, survivor, other)

        left = {change.segment_id for change in effects.exited}
        assert before - left | entered(effects) == world.segments_of(survivor)
        assert not entered(effects) & before
        assert world.segments_of(survivor) == world.segments_of(one)
        assert world.score(survivor) == world.score(one) == world.ledger_sum(survivor)
        assert effects.after == world.score(survivor)
        assert differences(world) == []
        for passes in (HOUR, DAY, 10 * DAY):
            world.forward(passes)
            world.post("visit", survivor)
            world.post("visit", one)
            assert world.segments_of(survivor) == world.segments_of(one)
            assert world.score(survivor) == world.score(one) == world.ledger_sum(survivor)
        assert_alternating(world)
        assert differences(world) == []
    finally:
        world.close()


def differences(world):
    return world.store.read(lambda tables: list(verify(view(tables, world.workspace, world.engine.ids))))


def assert_alternating(world):
    rows = world.rows("SELECT contact_id, segment_id, entered_at, exited_at FROM memberships ORDER BY 1, 2, id")
    for _, stays in itertools.groupby(rows, key=lambda row: row[:2]):
        edges = [edge for row in stays for edge in row[2:]]
        assert None not in edges[:-1]
        assert [edge for edge in edges if edge is not None] == sorted(edge for edge in edges if edge is not None)


def test_the_merge_is_noted(world):
    survivor, other = world.contact(), world.contact(firstName="Bob")
    merged(world, survivor, other)
    notes = [json.decode(text) for text in world.ask(lambda tables: tables.contacts.changes(survivor))]
    assert notes[-1]["firstName"] == {"from": None, "to": "Bob"}
    assert notes[-1]["merged"] == {"from": show("ct", other), "to": show("ct", survivor)}
