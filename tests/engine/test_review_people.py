"""What becomes of somebody's events when the person is recognised, or goes."""

from ensue.base.ids import show
from ensue.engine import identity
from ensue.engine.erase import erase


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
