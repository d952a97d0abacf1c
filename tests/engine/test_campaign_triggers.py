"""Who is taken in, who is not, and why: every trigger, every reason to skip, and re-entry."""

import msgspec
import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR
from ensue.base.ids import show
from ensue.engine.arrival import Arrival
from ensue.engine.campaigns import editing
from ensue.engine.contacts import changes
from ensue.engine.reactions import react
from ensue.model.cause import Cause
from ensue.model.effects import Skipped
from ensue.model.event import Event
from tests.engine.flow import chain, edge, node, run_of, sign_up, steps_of, workflow

CHANGE = Cause("CHANGE")
SIGNUP = {"type": "EVENT", "eventType": "signup"}
AT_ONCE = chain(node("t", "tag", tag="in"))
PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}


def skips(world):
    return [row[0] for row in world.rows("SELECT reason FROM enrolment_skips ORDER BY id")]


def reasons(effects):
    return [skipped.reason for skipped in effects.skipped]


def edit(world, campaign, **changes):
    """Change a stored campaign past all checks."""

    def work(room):
        stored = room.tables.definitions.campaign(campaign)
        room.tables.definitions.put_campaign(msgspec.structs.replace(stored, **changes))
        room.tables.definitions.bump(room.now)

    world.change(work)


def status(world, campaign, to, overdue="SHIFT"):
    return world.change(lambda room: editing.change_status(room, editing.named(room, campaign), to, overdue))


def test_an_event_that_matches_enrols_and_says_so(world):
    big = {"type": "attribute", "field": "metadata.n", "operator": "gt", "value": 5}
    campaign = world.campaign({"type": "EVENT", "eventType": "buy", "conditions": big})
    contact = world.contact()
    assert world.post("buy", contact, {"n": 5}).effects.enrolled == []
    created = world.post("buy", contact, {"n": 6})
    (enrolled,) = created.effects.enrolled
    assert enrolled.campaign_id == campaign
    run = run_of(world, enrolled.enrolment_id)
    assert (run.trigger, run.event_id, run.entered_at) == ("EVENT", created.event.id, world.now)
    assert skips(world) == []


def test_entering_and_exiting_a_segment_enrols(world):
    pro = world.segment(PRO)
    entered = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", pro)}, settings={"reentry": "ALWAYS"})
    exited = world.campaign({"type": "SEGMENT_EXITED", "segmentId": show("seg", pro)})
    contact, effects = world.create(attributes={"plan": "pro"})
    assert [one.campaign_id for one in effects.enrolled] == [entered]
    effects = world.update(contact, attributes={"plan": "free"})
    assert [one.campaign_id for one in effects.enrolled] == [exited]


def test_a_score_enrols_once_per_upward_crossing(world):
    world.scoring_rule("up", 10)
    world.scoring_rule("down", -10)
    crossed = {"type": "SCORE_CROSSED", "threshold": 20}
    campaign = world.campaign(crossed, workflow=AT_ONCE, settings={"reentry": "ALWAYS"})
    contact = world.contact()
    kinds = ("up", "up", "up", "down", "down", "up", "down")
    enrolled = [len(world.post(kind, contact).effects.enrolled) for kind in kinds]
    assert enrolled == [0, 1, 0, 0, 0, 1, 0]
    assert world.rows("SELECT trigger FROM enrolments WHERE campaign_id = ?", campaign) == [("SCORE_CROSSED",)] * 2


def test_two_triggers_at_once_are_one_enrolment(world):
    everyone = world.segment(PRO)
    world.campaign(SIGNUP, SIGNUP, {"type": "SEGMENT_ENTERED", "segmentId": show("seg", everyone)})
    effects = world.post("signup", world.contact()).effects
    assert len(effects.enrolled) == 1
    assert effects.skipped == []


def test_an_event_that_nothing_listens_to_costs_the_campaigns_nothing(world):
    world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", eventType="paid")))
    contact, _ = sign_up(world)

    def post_and_look(room):
        subject = room.subject(contact)

        def loaded(kind):
            event = Event(room.ids.next(), kind, room.now, room.now, contact)
            react.to_event(subject, event, Cause("EVENT", event.id))
            return subject._active is not None

        return loaded("page_view"), loaded("paid")

    assert world.change(post_and_look) == (False, True)


def test_an_import_triggers_nothing_and_skips_nothing(world):
    world.campaign(SIGNUP)
    effects = world.post("signup", world.contact(), triggers=False).effects
    assert (effects.enrolled, effects.skipped, skips(world)) == ([], [], [])


@pytest.mark.parametrize(("age", "expected"), [(bounds.TRIGGER_HORIZON, []), (bounds.TRIGGER_HORIZON + 1, ["TOO_OLD"])])
def test_an_event_past_the_horizon_triggers_nothing(world, age, expected):
    campaign = world.campaign(SIGNUP)
    contact = world.contact()
    created = world.post("signup", contact, timestamp=world.now - age)
    assert reasons(created.effects) == expected
    rows = world.rows("SELECT campaign_id, contact_id, event_id, reason, at FROM enrolment_skips")
    assert rows == [(campaign, contact, created.event.id, reason, world.now) for reason in expected]


def test_a_segment_entry_that_a_late_event_causes_is_an_entry(world):
    buyers = world.segment({"operator": "AND", "conditions": [
        {"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1}
    ]})  # fmt: skip
    world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", buyers)})
    effects = world.post("buy", world.contact(), timestamp=world.now - 300 * DAY).effects
    assert len(effects.enrolled) == 1


def test_the_window_includes_its_start_and_not_its_end(world):
    campaign = world.campaign(SIGNUP, workflow=AT_ONCE)
    edit(world, campaign, start_at=world.now + HOUR, end_at=world.now + 2 * HOUR)
    found = []
    for passing in (HOUR - 1, 1, HOUR - 1, 1):
        world.forward(passing)
        effects = world.post("signup", world.contact()).effects
        found.append(reasons(effects) or "in")
    assert found == [["NOT_STARTED"], "in", "in", ["ENDED"]]


def test_a_paused_campaign_takes_nobody_in_and_says_so(world):
    campaign = world.campaign(SIGNUP)
    status(world, campaign, "PAUSED")
    effects = world.post("signup", world.contact()).effects
    (skipped,) = effects.skipped
    assert isinstance(skipped, Skipped)
    assert (skipped.campaign_id, skipped.reason) == (campaign, "PAUSED")
    status(world, campaign, "COMPLETED")
    assert world.post("signup", world.contact()).effects.skipped == []


def test_never_means_once(world):
    world.campaign(SIGNUP, workflow=chain(node("d", "delay", duration="1h")))
    contact, _ = sign_up(world)
    assert reasons(world.post("signup", contact).effects) == ["ALREADY_ACTIVE"]
    world.forward(DAY)
    assert reasons(world.post("signup", contact).effects) == ["ALREADY_ENTERED"]
    assert skips(world) == ["ALREADY_ACTIVE", "ALREADY_ENTERED"]


@pytest.mark.parametrize(
    ("reentry", "expected"), [("ALWAYS", ["TOO_SOON", "in"]), ("AFTER_EXIT", ["TOO_SOON", "TOO_SOON"])]
)
def test_the_interval_runs_from_the_entry_or_from_the_end(world, reentry, expected):
    settings = {"reentry": reentry, "minInterval": "1d"}
    world.campaign(SIGNUP, workflow=chain(node("d", "delay", duration="1h")), settings=settings)
    contact, _ = sign_up(world)
    found = []
    for passing in (DAY - 1, 1):
        world.forward(passing)
        found.append(next(iter(reasons(world.post("signup", contact).effects)), "in"))
    assert found == expected
    if reentry == "AFTER_EXIT":
        world.forward(HOUR)
        assert reasons(world.post("signup", contact).effects) == []


def test_an_entry_key_tells_runs_apart(world):
    world.campaign({"type": "EVENT", "eventType": "order"}, settings={"entryKey": "metadata.id"})
    contact = world.contact()
    found = [
        next(iter(reasons(world.post("order", contact, {"id": key} if key is not None else {}).effects)), "in")
        for key in ("a", "b", "a", 7, 7, None, "", True, "x" * 256)
    ]
    assert found == ["in", "in", "ALREADY_ACTIVE", "in", "ALREADY_ACTIVE", *["NO_ENTRY_KEY"] * 4]


def test_a_second_event_in_the_same_transaction_is_skipped(world):
    """The first enrolment is not stored yet when the second event is looked at."""
    world.campaign(SIGNUP, workflow=AT_ONCE)
    contact = world.contact()

    def both(tables):
        arrivals = [Arrival(world.workspace, "signup", world.now, contact) for _ in range(2)]
        return world.engine.ingest(tables, arrivals)

    first, second = world.store.write(both)
    assert len(first.effects.enrolled) == 1
    assert reasons(second.effects) == ["ALREADY_ENTERED"]


def test_a_circle_of_campaigns_stops_at_the_depth_limit_and_shows_it(world):
    ping = world.campaign(
        {"type": "EVENT", "eventType": "ping"}, workflow=chain(node("e", "emit_event", eventType="pong")),
        settings={"reentry": "ALWAYS"},
    )  # fmt: skip
    pong = world.campaign(
        {"type": "EVENT", "eventType": "pong"}, workflow=chain(node("e", "emit_event", eventType="ping")),
        settings={"reentry": "ALWAYS"},
    )  # fmt: skip
    contact = world.contact()
    world.post("ping", contact)
    world.forward(DAY)
    assert world.rows("SELECT type_id, depth FROM events ORDER BY id") == [
        (1 if depth % 2 == 0 else 2, depth) for depth in range(bounds.CAUSE_DEPTH + 1)
    ]
    assert skips(world) == ["DEPTH_LIMIT"]
    (last,) = world.rows("SELECT MAX(id) FROM enrolments")
    assert steps_of(world, last[0])[0].detail == {"depthLimit": [show("cmp", ping)]}
    assert pong != ping


def test_waits_that_wake_each_other_stop_at_the_depth_limit_and_show_it(world):
    """No new enrolment is made, so only the depth that a wait takes over from its event can stop them."""

    def circle(hears, says):
        return workflow(
            [
                node("in", "tag", tag="in"),
                node("w", "wait_until", eventType=hears),
                node("e", "emit_event", eventType=says),
            ],
            [edge("in", "w"), edge("w", "e"), edge("e", "w")],
        )

    world.campaign(SIGNUP, workflow=circle("a", "b"))
    world.campaign(SIGNUP, workflow=circle("b", "a"))
    contact = world.contact()
    world.post("signup", contact)
    world.post("a", contact)
    world.forward(DAY)
    assert world.rows("SELECT MAX(depth) FROM events") == [(bounds.CAUSE_DEPTH,)]
    limits = world.rows("SELECT node_id FROM enrolment_steps WHERE outcome = 'DEPTH_LIMIT'")
    assert limits == [("w",)]


def test_tags_that_wake_each_other_stop_at_the_depth_limit_and_show_it(world):
    def has(tag):
        return {"operator": "AND", "conditions": [{"type": "tag", "operator": "has", "value": tag}]}

    def circle(wants, gives):
        return workflow(
            [node("in", "tag", tag="in"), node("w", "wait_until", rules=has(wants)),
             node("off", "tag", tag=wants, action="remove"), node("on", "tag", tag=gives)],
            [edge("in", "w"), edge("w", "off"), edge("off", "on"), edge("on", "w")],
        )  # fmt: skip

    world.campaign(SIGNUP, workflow=circle("a", "b"))
    world.campaign(SIGNUP, workflow=circle("b", "a"))
    contact = world.contact()
    world.post("signup", contact)
    # The second time it is another tag: a person's change begins anew, and what waits looks again.
    for rounds, name in ((1, "a"), (2, "c")):
        world.on(contact, lambda subject, name=name: changes.add_tag(subject, name, CHANGE))
        assert world.rows("SELECT COUNT(*) FROM enrolment_steps WHERE outcome = 'DEPTH_LIMIT'") == [(rounds,)]
        met = world.rows("SELECT COUNT(*) FROM enrolment_steps WHERE outcome = 'MET'")
        assert met == [(rounds * bounds.CAUSE_DEPTH,)]


def test_a_campaign_that_emits_its_own_trigger_stops_at_it_and_says_so(world):
    """It is still in the middle of its run when the event comes, whatever re-entry says."""
    again = chain(node("e", "emit_event", eventType="signup"), node("d", "delay", duration="1h"),
                  node("f", "emit_event", eventType="signup"))  # fmt: skip
    world.campaign(SIGNUP, workflow=again, settings={"reentry": "ALWAYS"})
    sign_up(world)
    world.forward(DAY)
    assert world.rows("SELECT COUNT(*) FROM enrolments") == [(1,)]
    assert skips(world) == ["ALREADY_ACTIVE", "ALREADY_ACTIVE"]
    assert world.rows("SELECT depth FROM events ORDER BY id") == [(0,), (1,), (1,)]
