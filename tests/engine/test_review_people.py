"""What becomes of somebody's events when the person is recognised, or goes."""

from ensue.base.clock import HOUR
from ensue.base.ids import show
from ensue.engine.campaigns import editing
from ensue.engine.contacts import identity
from ensue.engine.contacts.erase import erase
from tests.engine.flow import chain, node, run_of, sign_up

SIGNUP = {"type": "EVENT", "eventType": "signup"}


def test_a_trigger_on_an_attributed_event_sees_the_segments_that_the_events_led_to(world):
    buyers = world.segment({"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1})
    buyer = {"type": "segment", "operator": "in", "segmentId": show("seg", buyers)}
    trigger = {"type": "EVENT", "eventType": "buy", "conditions": {"operator": "AND", "conditions": [buyer]}}
    world.campaign(trigger, settings={"reentry": "ALWAYS", "entryKey": "metadata.order"})
    contact = world.contact()
    for order in ("1", "2"):
        world.post("buy", session_id="s", metadata={"order": order})
    world.on(contact, lambda subject: identity.identify_session(subject.room, subject, "s"))
    assert world.rows("SELECT entry_key FROM enrolments ORDER BY id") == [("1",), ("2",)]


def test_an_erasure_takes_what_told_the_runs_apart(world):
    world.campaign({"type": "EVENT", "eventType": "signup"}, settings={"entryKey": "metadata.email"})
    contact = world.contact(email="ann@example.com")
    for address in ("ann@example.com", "ann@example.org"):
        world.post("signup", contact, {"email": address})
    world.on(contact, erase)
    assert world.rows("SELECT entry_key, status FROM enrolments") == [("", "EXITED")] * 2


def test_an_imported_event_triggers_nothing_when_its_session_is_recognised(world):
    buyers = world.segment({"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1})
    on_event = world.campaign({"type": "EVENT", "eventType": "buy"})
    on_entry = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", buyers)})
    imported, mixed = world.contact(), world.contact()
    for session, triggers in (("old", [False]), ("new", [True, False])):
        for one in triggers:
            world.post("buy", session_id=session, triggers=one)
    for contact, session in ((imported, "old"), (mixed, "new")):
        world.on(contact, lambda subject, key=session: identity.identify_session(subject.room, subject, key))
    assert world.members(buyers) == {imported, mixed}
    enrolled = world.rows("SELECT contact_id, campaign_id FROM enrolments ORDER BY campaign_id")
    assert enrolled == [(mixed, on_event), (mixed, on_entry)]
    assert world.rows("SELECT reason FROM enrolment_skips") == []


def test_an_imported_event_ends_no_wait_that_a_pause_had_frozen(world):
    campaign = world.campaign(SIGNUP, workflow=chain(node("wait", "wait_until", eventType="buy")))
    contact, enrolment = sign_up(world)
    for status in ("PAUSED", "ACTIVE"):
        world.clock.advance(HOUR)
        world.change(lambda room, to=status: editing.change_status(room, editing.named(room, campaign), to))
        if status == "PAUSED":
            world.post("buy", contact, triggers=False)
    world.run_due()
    assert run_of(world, enrolment).node_id == "wait"
    assert run_of(world, enrolment).ended_at is None
