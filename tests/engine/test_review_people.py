"""What becomes of somebody's events when the person is recognised, or goes."""

from ensue.base.ids import show
from ensue.engine import identity


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
