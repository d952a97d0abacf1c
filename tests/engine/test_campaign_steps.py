"""Each kind of node does what it says, at its instant, and once."""

import pytest

from ensue.base.clock import DAY, HOUR, MINUTE, from_iso, to_iso
from ensue.base.ids import show
from tests.engine.flow import chain, edge, node, run_of, sign_up, steps_of, workflow


def outcomes(world, enrolment):
    return [(step.node_id, step.outcome) for step in steps_of(world, enrolment)]


def test_a_delay_ends_at_its_instant_and_not_before(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=chain(node("d", "delay", duration="3h")))
    _, enrolment = sign_up(world)
    world.forward(3 * HOUR - 1)
    assert run_of(world, enrolment).status == "ACTIVE"
    world.forward(1)
    assert run_of(world, enrolment).status == "COMPLETED"
    assert [(s.outcome, s.at) for s in steps_of(world, enrolment)] == [("WAITED", world.now)]


def test_a_delay_until_an_instant_that_is_over_passes_at_once(world):
    over = node("d", "delay", until="2020-01-01T00:00:00Z")
    ahead = node("e", "delay", until=to_iso(world.now + DAY))
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=chain(over, ahead))
    _, enrolment = sign_up(world)
    assert run_of(world, enrolment).node_id == "e"
    world.forward(DAY)
    assert run_of(world, enrolment).status == "COMPLETED"


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2026-01-16T07:59:00Z", "Europe/Vienna", "2026-01-16T08:00:00Z"),
        ("2026-01-16T08:00:00Z", "Europe/Vienna", "2026-01-17T08:00:00Z"),  # exactly then: the next one
        ("2026-03-28T09:00:00Z", "Europe/Vienna", "2026-03-29T07:00:00Z"),  # the night in between is an hour short
        ("2026-01-16T10:00:00Z", "Pacific/Auckland", "2026-01-16T20:00:00Z"),
    ],
)
def test_a_delay_until_a_time_of_day_is_in_the_contacts_time_zone(world, now, zone, due):
    world.clock.set(from_iso(now))
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=chain(node("d", "delay", until="09:00")))
    _, enrolment = sign_up(world, timezone=zone)
    assert to_iso(run_of(world, enrolment).wake_at or 0) == due.replace("Z", ".000Z")


def waiting(timeout="1h", **data):
    return workflow(
        [node("w", "wait_until", timeout=timeout, **data), *(node(name, "tag", tag=name) for name in ("met", "late"))],
        [edge("w", "met"), edge("w", "late", "timeout")],
    )


PAID = {"type": "attribute", "field": "metadata.amount", "operator": "gt", "value": 5}
PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}


def test_a_wait_passes_at_the_event_that_matches(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=waiting(eventType="paid", conditions=PAID))
    contact, enrolment = sign_up(world)
    world.forward(MINUTE)
    world.post("paid", contact, {"amount": 1})
    world.post("other", contact, {"amount": 9})
    assert run_of(world, enrolment).node_id == "w"
    world.post("paid", contact, {"amount": 9})
    assert outcomes(world, enrolment) == [("w", "MET"), ("met", "DONE")]
    world.forward(DAY)
    assert outcomes(world, enrolment) == [("w", "MET"), ("met", "DONE")]


@pytest.mark.parametrize(("early", "way"), [(1, "met"), (0, "late"), (-1, "late")])
def test_of_event_and_timeout_exactly_one_wins(world, early, way):
    """An event at the very instant of the timeout is too late."""
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=waiting(eventType="paid"))
    contact, enrolment = sign_up(world)
    world.clock.advance(HOUR - early)
    # Nothing ran the timers: the event finds the timeout due.
    world.post("paid", contact)
    world.run_due()
    world.forward(DAY)
    assert [step.node_id for step in steps_of(world, enrolment)] == ["w", way]
    assert steps_of(world, enrolment)[0].at == run_of(world, enrolment).entered_at + HOUR - max(early, 0)


def test_rules_that_hold_already_pass_at_once(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=waiting(rules=PRO))
    _, enrolment = sign_up(world, attributes={"plan": "pro"})
    assert outcomes(world, enrolment) == [("w", "MET"), ("met", "DONE")]


def test_a_wait_passes_when_a_change_makes_its_rules_hold(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=waiting(rules=PRO))
    contact, enrolment = sign_up(world)
    world.forward(MINUTE)
    world.update(contact, attributes={"plan": "free"})
    assert run_of(world, enrolment).status == "ACTIVE"
    world.update(contact, attributes={"plan": "pro"})
    assert outcomes(world, enrolment) == [("w", "MET"), ("met", "DONE")]


def test_a_wait_on_a_window_passes_when_time_alone_makes_it_hold(world):
    """No segment keeps the count, so it is read from the log; the horizon is exact all the same."""
    quiet = {"operator": "AND", "conditions": [
        {"type": "event", "eventType": "visit", "aggregate": "count", "operator": "eq", "value": 0, "timeWindow": "10m"}
    ]}  # fmt: skip
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=waiting(rules=quiet))
    contact = world.contact()
    world.post("visit", contact)
    (enrolled,) = world.post("signup", contact).effects.enrolled
    world.forward(5 * MINUTE)
    world.post("visit", contact)
    last = world.now
    world.forward(DAY)
    assert [(s.node_id, s.at) for s in steps_of(world, enrolled.enrolment_id)] == [
        ("w", last + 10 * MINUTE), ("met", last + 10 * MINUTE)
    ]  # fmt: skip


def test_a_wait_without_a_timeout_waits_for_ever(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=chain(node("w", "wait_until", eventType="paid")))
    contact, enrolment = sign_up(world)
    assert world.stored(contact).due_at is None
    world.forward(3_000 * DAY)
    world.post("paid", contact)
    assert run_of(world, enrolment).status == "COMPLETED"


def test_a_branch_takes_yes_or_no(world):
    flow = workflow(
        [node("b", "branch", rules=PRO), node("y", "tag", tag="yes"), node("n", "tag", tag="no")],
        [edge("b", "y", "yes"), edge("b", "n", "no")],
    )
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    _, pro = sign_up(world, attributes={"plan": "pro"})
    _, free = sign_up(world)
    assert [step.node_id for step in steps_of(world, pro)] == ["b", "y"]
    assert [step.node_id for step in steps_of(world, free)] == ["b", "n"]


def test_a_branch_takes_the_first_of_several_or_else(world):
    german = {"type": "attribute", "field": "locale", "operator": "eq", "value": "de"}
    flow = workflow(
        [node("b", "branch", branches=[{"name": "pro", "rules": PRO}, {"name": "german", "rules": german}])]
        + [node(name, "tag", tag=name) for name in ("p", "g", "e")],
        [edge("b", "p", "pro"), edge("b", "g", "german"), edge("b", "e", "else")],
    )
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    ways = [
        steps_of(world, sign_up(world, **fields)[1])[1].node_id
        for fields in ({"attributes": {"plan": "pro"}, "locale": "de"}, {"locale": "de"}, {})
    ]
    assert ways == ["p", "g", "e"]


def way_of(world, enrolment):
    return (steps_of(world, enrolment)[0].detail or {})["branch"]


def test_a_split_is_by_weight_and_sticks_to_the_contact(world):
    flow = workflow(
        [node("s", "split", branches=[{"name": n, "weight": w} for n, w in (("a", 70), ("b", 30), ("c", 0))])]
        + [node(name, "tag", tag=name) for name in ("a", "b", "c")],
        [edge("s", name, name) for name in ("a", "b", "c")],
    )
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow, settings={"reentry": "ALWAYS"})
    ways = {}
    for _ in range(150):
        contact, enrolment = sign_up(world)
        ways[contact] = way_of(world, enrolment)
    counts = [list(ways.values()).count(name) for name in ("a", "b", "c")]
    assert 80 <= counts[0] <= 130
    assert counts[2] == 0
    for contact in list(ways)[:20]:
        (again,) = world.post("signup", contact).effects.enrolled
        assert way_of(world, again.enrolment_id) == ways[contact]


def test_update_contact_sets_fields_and_segments_follow(world):
    pro = world.segment(PRO)
    flow = chain(node("u", "update_contact", fields={"locale": "de", "attributes": {"plan": "pro"}}))
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    contact, enrolment = sign_up(world, attributes={"age": 7})
    assert world.stored(contact).attributes == {"age": 7, "plan": "pro"}
    assert world.stored(contact).locale == "de"
    assert world.members(pro) == {contact}
    by = world.rows("SELECT entered_by FROM memberships")
    assert by == [(f"CAMPAIGN:{enrolment}",)]


def test_tags_come_and_go(world):
    flow = chain(
        node("a", "tag", tag="vip"), node("b", "tag", tag="vip"), node("c", "tag", tag="new", action="remove"),
        node("d", "tag", tag="vip", action="remove"), node("e", "tag", tag="last"),
    )  # fmt: skip
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    contact, enrolment = sign_up(world)
    assert [outcome for _, outcome in outcomes(world, enrolment)] == ["DONE", "UNCHANGED", "UNCHANGED", "DONE", "DONE"]
    assert set(world.ask(lambda tables: tables.contacts.tags(contact))) == {"last"}


def test_add_to_segment_puts_on_a_list_and_takes_off(world):
    vips = world.segment(None)
    segment_id = show("seg", vips)
    flow = chain(
        node("a", "add_to_segment", segmentId=segment_id), node("d", "delay", duration="1h"),
        node("r", "add_to_segment", segmentId=segment_id, action="remove"),
    )  # fmt: skip
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    contact, _ = sign_up(world)
    assert world.members(vips) == {contact}
    world.forward(HOUR)
    assert world.members(vips) == set()


def test_an_emitted_event_is_an_event_like_any_other(world):
    buyers = world.segment({"operator": "AND", "conditions": [
        {"type": "event", "eventType": "won", "aggregate": "sum", "property": "amount", "operator": "gte", "value": 5}
    ]})  # fmt: skip
    world.scoring_rule("won", 7)
    flow = chain(node("e", "emit_event", eventType="won", metadata={"amount": 5}))
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    contact, enrolment = sign_up(world)
    assert world.members(buyers) == {contact}
    assert world.score(contact) == 7
    rows = world.rows("SELECT cause_id, depth, source, timestamp, metadata FROM events WHERE source = 'campaign'")
    assert rows == [(enrolment, 1, "campaign", world.now, '{"amount":5}')]


def test_an_exit_leaves(world):
    flow = chain(node("t", "tag", tag="x"), node("x", "exit", reason="done"))
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    _, enrolment = sign_up(world)
    run = run_of(world, enrolment)
    assert (run.status, run.end_reason) == ("EXITED", "done")
    assert outcomes(world, enrolment) == [("t", "DONE"), ("x", "EXITED")]


def test_a_goal_lets_whoever_reaches_it_skip_what_lies_before(world):
    flow = chain(
        node("d", "delay", duration="5d"), node("t", "tag", tag="nagged"), node("g", "goal", eventType="paid"),
        node("d2", "delay", duration="1d"), node("after", "tag", tag="thanked"),
    )  # fmt: skip
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    early, first = sign_up(world)
    _, second = sign_up(world)
    world.forward(HOUR)
    world.post("paid", early)
    assert run_of(world, first).node_id == "d2"
    # Once is enough: it lies behind now.
    world.post("paid", early)
    world.forward(30 * DAY)
    assert outcomes(world, first) == [("g", "REACHED"), ("d2", "WAITED"), ("after", "DONE")]
    assert outcomes(world, second) == [
        ("d", "WAITED"), ("t", "DONE"), ("g", "NOT_REACHED"), ("d2", "WAITED"), ("after", "DONE")
    ]  # fmt: skip


def test_a_goal_by_rules_in_a_circle_is_reached_once(world):
    flow = workflow(
        [node("start", "tag", tag="in"), node("d", "delay", duration="1d"), node("g", "goal", rules=PRO)],
        [edge("start", "d"), edge("d", "g"), edge("g", "d")],
    )
    world.campaign({"type": "EVENT", "eventType": "signup"}, workflow=flow)
    contact, enrolment = sign_up(world)
    world.update(contact, attributes={"plan": "pro"})
    assert outcomes(world, enrolment) == [("start", "DONE"), ("g", "REACHED")]
    world.forward(DAY)
    assert outcomes(world, enrolment)[2:] == [("d", "WAITED"), ("g", "REACHED")]
    assert run_of(world, enrolment).status == "ACTIVE"
