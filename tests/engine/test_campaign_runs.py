"""How runs are held, moved, ended and kept apart: versions, exits, pauses, poison, downtime, many at once."""

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.base.errors import Conflict
from ensue.base.ids import show
from ensue.engine.campaigns import editing
from ensue.engine.contacts import changes
from ensue.engine.steps.tag import Tag
from ensue.model.cause import Cause
from tests.engine.flow import chain, edge, node, run_of, sign_up, steps_of, workflow

SIGNUP = {"type": "EVENT", "eventType": "signup"}
CHANGE = Cause("CHANGE")
PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}
NO_VISIT = {"type": "event", "eventType": "visit", "aggregate": "count", "operator": "lte", "value": 0}
A_DAY = chain(node("d", "delay", duration="1d"), node("t", "tag", tag="done"))


def status(world, campaign, to, overdue="SHIFT"):
    world.change(lambda room: editing.change_status(room, editing.named(room, campaign), to, overdue))


def edit(world, campaign, **fields):
    return world.change(lambda room: editing.edit(room, campaign, fields))


def log(world, enrolment):
    return [(step.node_id, step.outcome) for step in steps_of(world, enrolment)]


def ended(world, enrolment):
    run = run_of(world, enrolment)
    return run.status, run.end_reason


# Everything in its transaction, at its instant


def test_the_first_nodes_run_in_the_transaction_of_the_event(world):
    world.campaign(SIGNUP, workflow=chain(node("t", "tag", tag="x"), node("d", "delay", duration="1h")))
    contact, enrolment = sign_up(world)
    assert log(world, enrolment) == [("t", "DONE")]
    assert world.rows("SELECT due_at FROM timers WHERE contact_id = ?", contact) == [(world.now + HOUR,)]


def test_after_downtime_steps_are_recorded_as_of_their_true_instants(world):
    flow = chain(
        node("a", "delay", duration="1h"), node("t", "tag", tag="x"), node("b", "delay", duration="2h"),
        node("e", "emit_event", eventType="over"),
    )  # fmt: skip
    has_tag = world.segment({"type": "tag", "operator": "has", "value": "x"})
    world.campaign(SIGNUP, workflow=flow)
    _, enrolment = sign_up(world)
    began = world.now
    world.forward(30 * DAY)
    assert [step.at - began for step in steps_of(world, enrolment)] == [HOUR, HOUR, 3 * HOUR, 3 * HOUR]
    assert world.rows("SELECT entered_at FROM memberships WHERE segment_id = ?", has_tag) == [(began + HOUR,)]
    assert world.rows("SELECT timestamp, received_at FROM events WHERE source = 'campaign'") == [
        (began + 3 * HOUR, world.now)
    ]


def test_an_enrolment_that_time_began_late_runs_from_its_true_instant(world):
    segment = world.segment(NO_VISIT | {"timeWindow": "1d"})
    entered = {"type": "SEGMENT_ENTERED", "segmentId": show("seg", segment)}
    flow = chain(node("d", "delay", duration="1h"))
    world.campaign(entered, workflow=flow, settings={"reentry": "ALWAYS"})
    contact = world.contact()
    world.post("visit", contact)
    left = world.now
    world.forward(30 * DAY)
    rows = world.rows("SELECT entered_at, ended_at FROM enrolments ORDER BY id")
    assert rows == [(left, left + HOUR), (left + DAY, left + DAY + HOUR)]


def test_many_due_at_one_instant_are_all_done_and_once(world):
    world.campaign(SIGNUP, workflow=A_DAY)
    runs = [sign_up(world)[1] for _ in range(bounds.DUE_CONTACTS + 10)]
    world.forward(DAY)
    assert all(log(world, run) == [("d", "WAITED"), ("t", "DONE")] for run in runs)
    assert world.rows("SELECT COUNT(*) FROM timers") == [(0,)]


# Versions


def test_a_run_stays_on_the_version_that_it_entered(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    _, old = sign_up(world)
    changed = edit(world, campaign, workflow=chain(node("d", "delay", duration="2d"), node("n", "tag", tag="new")))
    assert changed.version == 2
    _, new = sign_up(world)
    world.forward(3 * DAY)
    assert (run_of(world, old).version, log(world, old)) == (1, [("d", "WAITED"), ("t", "DONE")])
    assert (run_of(world, new).version, log(world, new)) == (2, [("d", "WAITED"), ("n", "DONE")])


def test_an_old_version_is_still_told_of_what_it_waits_for(world):
    campaign = world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", eventType="paid")))
    contact, run = sign_up(world)
    edit(world, campaign, workflow=chain(node("x", "exit")))
    world.engine.forget()
    world.post("paid", contact)
    assert log(world, run) == [("w", "MET")]


def test_a_new_name_is_no_new_version(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    assert edit(world, campaign, name="Welcome").version == 1


# Exits and goals of the whole campaign


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"exitOn": [{"eventType": "paid"}]}, ("EXITED", "EXIT_CONDITION")),
        ({"goal": {"eventType": "paid"}}, ("COMPLETED", "GOAL")),
        ({"exitOn": [{"rules": PRO}]}, ("EXITED", "EXIT_CONDITION")),
        ({"goal": {"rules": PRO}}, ("COMPLETED", "GOAL")),
    ],
)
def test_exits_and_goals_act_during_a_wait(world, settings, expected):
    world.campaign(SIGNUP, workflow=A_DAY, settings=settings)
    contact, run = sign_up(world)
    world.forward(HOUR)
    world.update(contact, attributes={"plan": "free"})
    assert run_of(world, run).status == "ACTIVE"
    world.post("paid", contact)
    world.update(contact, attributes={"plan": "pro"})
    assert ended(world, run) == expected
    world.forward(2 * DAY)
    assert len(log(world, run)) == 1


def test_an_exit_on_a_segment_that_time_alone_ends(world):
    recent = world.segment(NO_VISIT | {"eventType": "signup", "operator": "gte", "value": 1, "timeWindow": "2h"})
    gone = {"type": "segment", "segmentId": show("seg", recent), "operator": "not_in"}
    world.campaign(SIGNUP, workflow=A_DAY, settings={"exitOn": [{"rules": gone}]})
    _, run = sign_up(world)
    world.forward(DAY)
    assert ended(world, run) == ("EXITED", "EXIT_CONDITION")
    assert run_of(world, run).ended_at == run_of(world, run).entered_at + 2 * HOUR


def test_an_exit_on_a_window_that_no_segment_keeps(world):
    world.campaign(SIGNUP, workflow=A_DAY, settings={"exitOn": [{"rules": NO_VISIT | {"timeWindow": "2h"}}]})
    contact = world.contact()
    world.post("visit", contact)
    (enrolled,) = world.post("signup", contact).effects.enrolled
    world.forward(HOUR)
    world.post("visit", contact)
    world.forward(DAY)
    run = run_of(world, enrolled.enrolment_id)
    assert (run.status, run.ended_at) == ("EXITED", run.entered_at + 3 * HOUR)


def test_the_event_that_enrols_does_not_end_its_own_enrolment(world):
    world.campaign(SIGNUP, workflow=A_DAY, settings={"exitOn": [{"eventType": "signup"}]})
    contact, run = sign_up(world)
    assert run_of(world, run).status == "ACTIVE"
    world.post("signup", contact)
    assert run_of(world, run).status == "EXITED"


def test_a_run_can_end_itself_by_what_it_does(world):
    flow = chain(node("e", "emit_event", eventType="over"), node("t", "tag", tag="never"))
    world.campaign(SIGNUP, workflow=flow, settings={"exitOn": [{"eventType": "over"}]})
    contact, run = sign_up(world)
    assert ended(world, run) == ("EXITED", "EXIT_CONDITION")
    assert world.ask(lambda tables: tables.contacts.tags(contact)) == {}
    assert sorted(outcome for _, outcome in log(world, run)) == ["DONE", "EXITED"]


# Pause and resume


@pytest.mark.parametrize(("overdue", "after"), [("SHIFT", 20 * HOUR), ("CONTINUE", 0)])
def test_a_pause_freezes_and_a_resume_moves_the_waits_or_lets_them_go(world, overdue, after):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    contact, run = sign_up(world)
    world.forward(4 * HOUR)
    status(world, campaign, "PAUSED")
    world.forward(30 * DAY)
    assert log(world, run) == []
    # Nothing spins while it is frozen.
    assert world.stored(contact).due_at is None
    assert world.run_due() == 0
    resumed = world.now
    status(world, campaign, "ACTIVE", overdue)
    world.run_due()
    if after:
        assert log(world, run) == []
        world.forward(after - 1)
        assert log(world, run) == []
        world.forward(1)
    assert [(s.outcome, s.at) for s in steps_of(world, run)] == [("WAITED", resumed + after), ("DONE", resumed + after)]


def test_a_wait_that_is_not_due_yet_is_moved_all_the_same(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    _, run = sign_up(world)
    status(world, campaign, "PAUSED")
    world.forward(HOUR)
    status(world, campaign, "ACTIVE")
    world.run_due()
    assert run_of(world, run).wake_at == run_of(world, run).entered_at + DAY + HOUR


def test_what_was_overdue_before_the_pause_is_not_put_off(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    _, run = sign_up(world)
    world.clock.advance(DAY + HOUR)
    status(world, campaign, "PAUSED")
    world.forward(2 * HOUR)
    status(world, campaign, "ACTIVE")
    world.run_due()
    assert run_of(world, run).ended_at == world.now


def test_a_resume_works_through_more_than_one_transaction_and_survives_a_stop_between(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    people = [sign_up(world) for _ in range(7)]
    runs = [enrolment for _, enrolment in people]
    status(world, campaign, "PAUSED")
    # Nothing runs the timers meanwhile: those that the sweep comes to last are overdue when it begins.
    world.clock.advance(2 * DAY)
    status(world, campaign, "ACTIVE")
    assert world.store.write(lambda tables: world.engine.run_due(tables, 3)) == 3
    world.engine.forget()
    _, late = sign_up(world)
    world.post("hello", people[-1][0])
    assert log(world, runs[-1]) == []
    with pytest.raises(Conflict, match="still being resumed"):
        status(world, campaign, "PAUSED")
    world.run_due()
    assert [run_of(world, run).wake_at for run in runs] == [world.now + DAY] * 7
    assert run_of(world, late).wake_at == world.now + DAY
    world.forward(DAY)
    assert all(run_of(world, run).status == "COMPLETED" for run in [*runs, late])
    status(world, campaign, "PAUSED")


def test_what_happened_during_a_pause_is_not_dropped(world):
    flow = workflow(
        [node("w", "wait_until", eventType="paid", timeout="1d"), node("y", "tag", tag="y"), node("n", "tag", tag="n")],
        [edge("w", "y"), edge("w", "n", "timeout")],
    )
    campaign = world.campaign(SIGNUP, workflow=flow, settings={"exitOn": [{"eventType": "quit"}]})
    payer, paid = sign_up(world)
    quitter, quit_ = sign_up(world)
    both, paid_and_quit = sign_up(world)
    _, silent = sign_up(world)
    status(world, campaign, "PAUSED")
    world.forward(HOUR)
    for kind, contact in (("paid", payer), ("quit", quitter), ("paid", both), ("quit", both)):
        world.post(kind, contact)
    assert log(world, paid) == log(world, quit_) == []
    world.forward(10 * DAY)
    status(world, campaign, "ACTIVE")
    world.run_due()
    assert log(world, paid) == [("w", "MET"), ("y", "DONE")]
    assert ended(world, quit_) == ended(world, paid_and_quit) == ("EXITED", "EXIT_CONDITION")
    assert run_of(world, silent).status == "ACTIVE"


def test_rules_that_came_to_hold_during_a_pause_are_asked_on_resuming(world):
    campaign = world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", rules=PRO)))
    contact, run = sign_up(world)
    status(world, campaign, "PAUSED")
    world.update(contact, attributes={"plan": "pro"})
    world.forward(HOUR)
    assert log(world, run) == []
    status(world, campaign, "ACTIVE")
    world.run_due()
    assert log(world, run) == [("w", "MET")]


def test_a_completed_campaign_lets_those_in_it_finish_and_an_archived_one_ends_them(world):
    first, second = (world.campaign(SIGNUP, workflow=A_DAY) for _ in range(2))
    contact = world.contact()
    runs = [one.enrolment_id for one in world.post("signup", contact).effects.enrolled]
    status(world, first, "COMPLETED")
    status(world, second, "COMPLETED")
    status(world, second, "ARCHIVED")
    world.run_due()
    assert ended(world, runs[1]) == ("EXITED", "ARCHIVED")
    assert world.post("signup", contact).effects.skipped == []
    world.forward(DAY)
    assert ended(world, runs[0]) == ("COMPLETED", "END")


def test_a_paused_campaign_that_is_completed_lets_go_of_those_it_froze(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    _, run = sign_up(world)
    status(world, campaign, "PAUSED")
    world.forward(3 * DAY)
    status(world, campaign, "COMPLETED")
    world.run_due()
    world.forward(DAY)
    assert ended(world, run) == ("COMPLETED", "END")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (["ACTIVE", "PAUSED", "ACTIVE", "COMPLETED", "ARCHIVED"], True),
        (["PAUSED"], False),
        (["COMPLETED"], False),
        (["ACTIVE", "DRAFT"], False),
        (["ACTIVE", "ARCHIVED"], False),
        (["ACTIVE", "COMPLETED", "ACTIVE"], False),
        (["ACTIVE", "PAUSED", "ARCHIVED", "ACTIVE"], False),
    ],
)
def test_the_status_goes_its_ways_and_no_others(world, path, allowed):
    campaign = world.change(lambda room: editing.create(room, {"name": "x", "workflow": A_DAY})).id
    for to in path[:-1]:
        status(world, campaign, to)
        world.run_due()
    if allowed:
        status(world, campaign, path[-1])
    else:
        with pytest.raises(Conflict, match=path[-1]):
            status(world, campaign, path[-1])


# Poison


def test_a_node_that_cannot_be_done_fails_its_enrolment_and_no_other(world):
    """The address belongs to the first who is given it."""
    flow = chain(node("u", "update_contact", fields={"email": "a@example.com"}), node("t", "tag", tag="x"))
    world.campaign(SIGNUP, workflow=flow)
    _, first = sign_up(world)
    unlucky, second = sign_up(world)
    assert run_of(world, first).status == "COMPLETED"
    assert run_of(world, second).status == "FAILED"
    assert "belongs to contact" in (run_of(world, second).end_reason or "")
    assert log(world, second) == [("u", "FAILED")]
    assert world.stored(unlucky).email is None


def test_a_node_with_a_bug_among_a_hundred_fails_alone(world, monkeypatch):
    world.campaign(SIGNUP, workflow=A_DAY)
    runs = [sign_up(world) for _ in range(100)]
    sound = Tag.run

    def poisoned(self, run):
        if run.facts.field("locale") == "xx":
            raise ZeroDivisionError("oh")
        return sound(self, run)

    monkeypatch.setattr(Tag, "run", poisoned)
    world.update(runs[50][0], locale="xx")
    world.forward(DAY)
    found = [run_of(world, enrolment).status for _, enrolment in runs]
    assert found == ["COMPLETED"] * 50 + ["FAILED"] + ["COMPLETED"] * 49
    assert run_of(world, runs[50][1]).end_reason == "ZeroDivisionError: oh"


def test_a_circle_that_never_waits_fails_instead_of_spinning(world):
    flow = workflow(
        [node("in", "tag", tag="in"), node("a", "tag", tag="a"), node("b", "tag", tag="b")],
        [edge("in", "a"), edge("a", "b"), edge("b", "a")],
    )
    world.campaign(SIGNUP, workflow=flow)
    _, run = sign_up(world)
    assert run_of(world, run).status == "FAILED"
    assert "without waiting" in (run_of(world, run).end_reason or "")


def test_a_stored_workflow_that_cannot_be_read_fails_its_enrolments_only(world):
    world.campaign(SIGNUP, workflow=chain(node("x", "teleport")))
    sound = world.campaign(SIGNUP, workflow=A_DAY)
    effects = world.post("signup", world.contact()).effects
    found = {one.campaign_id: run_of(world, one.enrolment_id) for one in effects.enrolled}
    assert len(found) == 2
    broken = next(run for campaign, run in found.items() if campaign != sound)
    assert (found[sound].status, broken.status) == ("ACTIVE", "FAILED")
    assert (broken.end_reason or "").startswith("workflow.nodes[0].type: must be one of")


def test_a_change_by_a_person_reaches_those_who_wait_in_the_same_transaction(world):
    tagged = {"type": "tag", "operator": "has", "value": "x"}
    world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", rules=tagged)))
    contact, run = sign_up(world)
    world.forward(MINUTE)
    world.on(contact, lambda subject: changes.add_tag(subject, "x", CHANGE))
    assert log(world, run) == [("w", "MET")]
