"""A campaign run over history: what it says is what the same campaign does when it is live."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY, HOUR, MINUTE, to_iso
from ensue.base.errors import Invalid
from ensue.base.ids import show
from ensue.engine.campaigns import dry_run, editing
from tests.engine.flow import chain, edge, node, workflow
from tests.engine.world import START, World

SIGNUP = {"type": "EVENT", "eventType": "signup"}
MAIL = {"channel": "EMAIL", "subject": "Hello", "text": "Hello"}
PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}


def count(event_type, window, operator, value):
    return {"type": "event", "eventType": event_type, "timeWindow": window, "aggregate": "count",
            "operator": operator, "value": value}  # fmt: skip


def dry(world, since=None, until=None, **fields):
    run = world.change(lambda room: dry_run.begin(room, None, fields, since, until))
    world.run_campaigns()
    return world.ask(lambda tables: tables.dry_runs.get(run.id))


def live(world, **fields):
    fields = {"name": "c", "status": "ACTIVE", **fields}
    return world.change(lambda room: editing.create(room, fields)).id


def did(world, campaign):
    """What a live campaign has done, in the words of a dry-run."""
    ends = dict(world.rows("SELECT status, COUNT(*) FROM enrolments WHERE campaign_id = ? GROUP BY status", campaign))
    skips = world.rows("SELECT reason, COUNT(*) FROM enrolment_skips WHERE campaign_id = ? GROUP BY reason", campaign)
    nodes: dict[str, dict[str, int]] = {}
    rows = world.rows(
        """SELECT s.node_id, s.outcome, COUNT(*) FROM enrolment_steps s JOIN enrolments e ON e.id = s.enrolment_id
        WHERE e.campaign_id = ? AND s.type <> 'campaign' AND s.outcome <> 'EXITED' GROUP BY s.node_id, s.outcome
        UNION ALL SELECT node_id, 'WAITING', COUNT(*) FROM enrolments
        WHERE campaign_id = ? AND ended_at IS NULL GROUP BY node_id""",
        campaign, campaign,
    )  # fmt: skip
    for node_id, outcome, number in rows:
        nodes.setdefault(node_id, {})[outcome] = number
    return {"ends": ends, "skipped": dict(skips), "nodes": nodes}


def said(run):
    assert (run.status, run.error) == ("DONE", None)
    return {name: run.found[name] for name in ("ends", "skipped", "nodes")}


def test_it_says_who_on_which_day_and_does_nothing(world):
    contacts = [world.contact(email=f"{at}@example.com") for at in range(3)]
    for contact in contacts:
        world.post("signup", contact)
        world.forward(DAY)
    world.post("signup", contacts[0])
    before = world.rows("SELECT COUNT(*) FROM timers"), world.rows("SELECT COUNT(*) FROM events")
    run = dry(world, triggers=[SIGNUP], workflow=chain(node("t", "tag", tag="x"), node("m", "send", **MAIL)))
    days = [to_iso(START + at * DAY)[:10] for at in range(4)]
    assert run.found["days"] == {days[0]: [1, 0, 1], days[1]: [1, 0, 1], days[2]: [1, 0, 1], days[3]: [0, 1, 0]}
    assert run.found["skipped"] == {"ALREADY_ENTERED": 1}
    assert run.found["sends"] == {"m": {"SENT": 3}}
    assert run.found["contacts"] == 3
    assert [one["contactId"] for one in run.found["sample"]] == contacts
    assert world.rows("SELECT COUNT(*) FROM enrolments") == [(0,)]
    assert world.rows("SELECT COUNT(*) FROM contact_tags") == [(0,)]
    assert world.rows("SELECT COUNT(*) FROM messages") == [(0,)]
    assert (world.rows("SELECT COUNT(*) FROM timers"), world.rows("SELECT COUNT(*) FROM events")) == before


def test_the_span_is_what_was_asked(world):
    contact = world.contact()
    for _ in range(4):
        world.post("signup", contact)
        world.clock.advance(DAY)
    run = dry(world, START, START + 2 * DAY, triggers=[SIGNUP], workflow=chain(node("t", "tag", tag="x")))
    # Past its beginning, up to its end.
    assert run.found["days"] == {to_iso(START + DAY)[:10]: [1, 0, 0], to_iso(START + 2 * DAY)[:10]: [0, 1, 0]}


FLOW = workflow(
    [
        node("early", "branch", rules=count("visit", "2h", "gte", 2)),
        node("wait", "wait_until", eventType="buy", timeout="3h"),
        node("rest", "delay", duration="90m"),
        node("busy", "wait_until", rules=count("visit", "1h", "gte", 2), timeout="4h"),
        node("sold", "goal", eventType="buy", conditions={"field": "metadata.n", "operator": "gt", "value": 5}),
        node("end", "emit_event", eventType="ended"),
    ],
    [
        edge("early", "rest", "yes"), edge("early", "wait", "no"), edge("wait", "busy"),
        edge("wait", "rest", "timeout"), edge("rest", "busy"), edge("busy", "sold"),
        edge("busy", "sold", "timeout"), edge("sold", "end"),
    ],
)  # fmt: skip
SETTINGS = [
    {"reentry": "ALWAYS"},
    {"reentry": "AFTER_EXIT", "minInterval": "2h"},
    {"reentry": "NEVER"},
    {"reentry": "ALWAYS", "exitOn": [{"eventType": "leave"}, {"rules": count("visit", "30m", "gte", 3)}]},
    {"reentry": "ALWAYS", "goal": {"eventType": "buy"}},
    {"reentry": "ALWAYS", "goal": {"rules": count("buy", "1h", "gte", 2)}},
    {"reentry": "ALWAYS", "entryKey": "metadata.n"},
]
happenings = st.lists(
    st.tuples(st.sampled_from(["signup", "visit", "buy", "leave"]), st.integers(0, 9), st.integers(1, 150)),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(happenings, st.sampled_from(SETTINGS))
@example([("signup", 0, 1), ("visit", 0, 90), ("buy", 1, 90)], {"reentry": "ALWAYS"})
def test_it_says_what_the_live_campaign_did(tmp_path_factory, happened, chosen):
    world = World(tmp_path_factory.mktemp("rehearsal"))
    fields = {"triggers": [SIGNUP], "workflow": FLOW, "settings": chosen}
    campaign = live(world, **fields)
    contact = world.contact()
    for kind, number, minutes in happened:
        world.forward(minutes * MINUTE)
        world.post(kind, contact, {"n": number})
    world.forward(HOUR)
    assert said(dry(world, **fields)) == did(world, campaign)
    world.close()


def test_every_trigger_fires_as_it_did(world):
    pro = world.segment(PRO)
    world.scoring_rule("up", 10)
    triggers = [
        {"type": "SEGMENT_ENTERED", "segmentId": show("seg", pro)},
        {"type": "SCORE_CROSSED", "threshold": 20},
        {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"},
    ]
    fields = {
        "triggers": triggers,
        "workflow": chain(node("t", "emit_event", eventType="ended")),
        "settings": {"reentry": "ALWAYS"},
    }
    campaign = live(world, **fields)
    contact = world.contact(attributes={"birthday": "1990-01-20"})
    for plan in ("pro", "free", "pro"):
        world.forward(DAY)
        world.update(contact, attributes={"plan": plan})
        world.post("up", contact)
    for _ in range(5):
        world.forward(DAY)
    assert said(dry(world, **fields)) == did(world, campaign)
    assert did(world, campaign)["ends"] == {"COMPLETED": 4}


def test_schedules_and_broadcasts_go_to_whom_they_would_have(world):
    pro = world.segment(PRO)
    world.forward(MINUTE)
    member = world.contact(attributes={"plan": "pro"})
    world.forward(3 * DAY)
    late = world.contact(attributes={"plan": "pro"})
    world.update(member, attributes={"plan": "free"})
    world.forward(3 * DAY)
    flow = chain(node("t", "tag", tag="x"))
    daily = [{"type": "SCHEDULE", "cron": "0 9 * * *", "segmentId": show("seg", pro)}]
    run = dry(world, triggers=daily, workflow=flow, settings={"reentry": "ALWAYS"})
    assert run.found["ends"] == {"COMPLETED": 6}
    run = dry(world, type="BROADCAST", workflow=flow, settings={"audience": {"segmentId": show("seg", pro)}})
    assert [one["contactId"] for one in run.found["sample"]] == [late]


def test_what_would_not_have_been_sent_says_why(world):
    world.contact(email="a@example.com")
    out = world.contact(email="b@example.com")
    nobody = world.contact()
    twice = world.contact(email="c@example.com")
    world.change(lambda room: room.tables.contacts.set_consent(out, "EMAIL", "OPTED_OUT", "test", room.now))
    for contact in (out, nobody, twice, twice):
        world.post("signup", contact)
        world.forward(HOUR)
    run = dry(
        world, triggers=[SIGNUP], workflow=chain(node("m", "send", **MAIL)),
        settings={"reentry": "ALWAYS", "frequencyCaps": [{"count": 1, "per": "DAY"}]},
    )  # fmt: skip
    assert run.found["sends"] == {"m": {"OPTED_OUT": 1, "NO_ADDRESS": 1, "SENT": 1, "CAPPED": 1}}


def test_late_events_and_imports(world):
    contact = world.contact()
    world.forward(20 * DAY)
    world.post("signup", contact, timestamp=world.now - 10 * DAY)
    assert dry(world, triggers=[SIGNUP], workflow=chain(node("t", "tag", tag="x"))).found["skipped"] == {"TOO_OLD": 1}
    world.post("signup", contact, timestamp=world.now - 9 * DAY, triggers=False)
    run = dry(world, triggers=[SIGNUP], workflow=chain(node("t", "tag", tag="x")))
    assert run.found["ends"] == {"COMPLETED": 1}


def test_it_goes_on_where_it_was_and_tells_how_far(world, monkeypatch):
    monkeypatch.setattr("ensue.base.bounds.DRY_RUN_CONTACTS", 2)
    for _ in range(5):
        world.post("signup", world.contact())
    world.clock.advance(1)
    run = world.change(
        lambda room: dry_run.begin(
            room, None, {"triggers": [SIGNUP], "workflow": chain(node("t", "tag", tag="x"))}, None, None
        )
    )
    found = []
    while world.run_campaigns(turns=1):
        stored = world.ask(lambda tables: tables.dry_runs.get(run.id))
        found.append((stored.status, stored.done, stored.total))
    assert found == [("RUNNING", 2, 5), ("RUNNING", 4, 5), ("DONE", 5, 5)]
    assert stored.found["contacts"] == 5


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"triggers": [SIGNUP]}, "workflow.nodes"),
        ({"triggers": [{"type": "EVENT"}], "workflow": chain(node("t", "tag", tag="x"))}, "triggers[0].eventType"),
    ],
)
def test_what_could_not_go_live_is_refused(world, fields, path):
    with pytest.raises(Invalid) as caught:
        dry(world, **fields)
    assert [detail.path for detail in caught.value.details] == [path]
    with pytest.raises(Invalid):
        dry(world, START, START, triggers=[SIGNUP], workflow=chain(node("t", "tag", tag="x")))
