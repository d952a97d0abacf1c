"""Quiet hours and frequency caps where messages are queued, and again where they are sent."""

from datetime import time

import msgspec
import pytest

from ensue.base.clock import DAY, HOUR, MINUTE, from_iso, to_iso
from ensue.base.errors import Invalid
from ensue.engine.messages import dispatch, outbox
from ensue.engine.messages.frequency import Cap, Sent, capped
from ensue.engine.messages.limits import Limits, OwnLimits, read_limits
from ensue.engine.messages.orders import Order, Recipient
from ensue.engine.messages.quiet_hours import QuietHours
from ensue.model.message import Device
from ensue.model.template import Rendered
from tests.engine.flow import chain, node, sign_up, steps_of

SIGNUP = {"type": "EVENT", "eventType": "signup"}
NIGHT = {"from": "22:00", "to": "08:00"}
MAIL = {"subject": "Hello", "text": "Hello"}


def mails(world, number=1, kind="MARKETING", **settings):
    send = {"type": "send", "data": {"channel": "EMAIL", "kind": kind, **MAIL}}
    nodes = [{"id": f"m{at}", **send} for at in range(number)]
    return world.campaign(SIGNUP, workflow=chain(*nodes), settings={"reentry": "ALWAYS", **settings})


def sign_up_all(world, email="a@example.com"):
    contact = world.contact(email=email)
    return contact, world.post("signup", contact)


def limit(world, **limits):
    world.define(lambda tables: tables.definitions.put_message_limits(limits))


def queued(world):
    rows = world.rows("SELECT due_at, reason FROM messages WHERE status = 'QUEUED' ORDER BY id")
    return [(to_iso(at)[:16] if at is not None else None, reason) for at, reason in rows]


def outcomes(world, enrolment):
    return [(step.outcome, (step.detail or {}).get("reason")) for step in steps_of(world, enrolment)]


def hand_over(world):
    """Lease everything that is due and settle it as sent; returns how many it was."""
    ids = [row[0] for row in world.rows("SELECT id FROM messages WHERE due_at <= ? ORDER BY id", world.now)]

    def one(room, message_id):
        message = room.tables.messages.get(message_id)
        composed = dispatch.Composed(message, Rendered(subject="Hello", text="Hello"))
        leased = dispatch.lease(room, composed, room.now + MINUTE)
        if leased is None:
            return 0
        return int(room.tables.messages.advance(message_id, "SENT", room.now))

    return sum(world.change(lambda room, i=i: one(room, i)) for i in ids)


def test_a_message_is_held_to_the_end_of_the_night_where_the_contact_lives(world):
    limit(world, quietHours=NIGHT)
    mails(world)
    world.clock.set(from_iso("2026-01-15T14:00:00Z"))
    sign_up(world, email="a@example.com", timezone="Asia/Tokyo")
    sign_up(world, email="b@example.com")
    assert queued(world) == [("2026-01-15T23:00", "QUIET_HOURS"), ("2026-01-15T14:00", None)]
    assert hand_over(world) == 1
    world.clock.set(from_iso("2026-01-15T23:00:00Z"))
    # In the workspace's zone it is night now, but there it is morning.
    assert hand_over(world) == 1


def test_it_is_asked_again_at_the_moment_of_sending(world):
    limit(world, quietHours=NIGHT)
    mails(world)
    world.clock.set(from_iso("2026-01-15T21:59:00Z"))
    sign_up(world, email="a@example.com")
    world.clock.advance(MINUTE)
    assert hand_over(world) == 0
    assert queued(world) == [("2026-01-16T08:00", "QUIET_HOURS")]


def test_a_campaign_has_its_own_hours_or_none(world):
    limit(world, quietHours=NIGHT)
    mails(world, quietHours="OFF")
    mails(world, quietHours={"from": "00:00", "to": "12:30"})
    world.clock.set(from_iso("2026-01-15T23:30:00Z"))
    sign_up_all(world)
    assert queued(world) == [("2026-01-15T23:30", None)] * 2
    world.clock.advance(HOUR)
    sign_up_all(world, "b@example.com")
    assert queued(world)[2:] == [("2026-01-16T00:30", None), ("2026-01-16T12:30", "QUIET_HOURS")]


def test_transactional_messages_heed_neither(world):
    limit(world, quietHours=NIGHT, frequencyCaps=[{"count": 1, "per": "DAY"}])
    mails(world, number=3, kind="TRANSACTIONAL")
    world.clock.set(from_iso("2026-01-15T23:30:00Z"))
    sign_up(world, email="a@example.com")
    assert queued(world) == [("2026-01-15T23:30", None)] * 3


def test_a_capped_contact_moves_on_and_the_log_says_so(world):
    limit(world, frequencyCaps=[{"count": 2, "per": "DAY"}])
    mails(world, number=3)
    _, enrolment = sign_up(world, email="a@example.com")
    assert outcomes(world, enrolment) == [("QUEUED", None), ("QUEUED", None), ("SKIPPED", "CAPPED")]
    assert steps_of(world, enrolment)[2].detail == {"reason": "CAPPED", "detail": "2 per DAY"}


def test_caps_count_across_campaigns_and_let_go_after_exactly_their_while(world):
    limit(world, frequencyCaps=[{"count": 1, "per": "DAY"}])
    mails(world)
    mails(world)
    contact, _ = sign_up_all(world)
    assert (hand_over(world), world.rows("SELECT COUNT(*) FROM messages")) == (1, [(1,)])
    world.clock.advance(DAY - 1)
    world.post("signup", contact)
    assert world.rows("SELECT COUNT(*) FROM messages") == [(1,)]
    world.clock.advance(1)
    world.post("signup", contact)
    assert world.rows("SELECT COUNT(*) FROM messages") == [(2,)]


def test_what_was_never_sent_does_not_count(world):
    limit(world, frequencyCaps=[{"count": 1, "per": "DAY"}])
    mails(world)
    contact, _ = sign_up_all(world)
    (message,) = world.rows("SELECT id FROM messages")[0]
    world.change(lambda room: room.tables.messages.fail(message, "FAILED", "CANCELLED", None, room.now))
    world.post("signup", contact)
    assert world.rows("SELECT COUNT(*) FROM messages WHERE status = 'QUEUED'") == [(1,)]


def test_a_cap_is_asked_again_at_the_moment_of_sending(world):
    """Both were queued when there was no cap yet; of the two the earlier goes."""
    mails(world, number=2)
    sign_up_all(world)
    limit(world, frequencyCaps=[{"count": 1, "per": "DAY"}])
    assert hand_over(world) == 1
    assert world.rows("SELECT status, reason FROM messages ORDER BY id") == [("SENT", None), ("FAILED", "CAPPED")]


def test_a_cap_of_one_channel_leaves_the_others_alone(world):
    limit(world, frequencyCaps=[{"count": 1, "per": "WEEK", "channel": "TELEGRAM"}])
    mails(world, number=2)
    sign_up_all(world)
    assert hand_over(world) == 2


def test_the_messages_of_one_node_to_several_devices_are_one(world):
    limit(world, frequencyCaps=[{"count": 1, "per": "DAY"}])
    contact = world.contact()
    world.campaign(SIGNUP, workflow=chain(node("p", "send", channel="PUSH", title="Hello", body="Hello")))

    def devices(room):
        subject = room.subject(contact)
        for address in ("one", "two"):
            room.tables.devices.put(Device(room.ids.next(), subject.id, "PUSH", address, {}, room.now))

    world.change(devices)
    world.post("signup", contact)
    assert world.rows("SELECT COUNT(*) FROM messages") == [(2,)]
    assert hand_over(world) == 2


def test_the_limits_of_a_campaign_that_is_over_still_hold(world):
    """Nobody runs through the version any more, and what it queued still heeds what it said."""
    campaign = mails(world, quietHours=NIGHT)
    world.clock.set(from_iso("2026-01-15T21:59:00Z"))
    sign_up_all(world)
    world.define(lambda tables: _complete(tables, campaign))
    world.engine.forget()
    world.clock.advance(MINUTE)
    assert hand_over(world) == 0
    assert queued(world) == [("2026-01-16T08:00", "QUIET_HOURS")]


def _complete(tables, campaign):
    stored = tables.definitions.campaign(campaign)
    tables.definitions.put_campaign(msgspec.structs.replace(stored, status="COMPLETED"))


def test_a_single_marketing_message_heeds_the_workspace(world):
    limit(world, quietHours=NIGHT)
    contact = world.contact(email="a@example.com")
    world.clock.set(from_iso("2026-01-15T23:30:00Z"))

    def send(room):
        subject = room.subject(contact)
        return outbox.queue(room, Order("EMAIL", content=MAIL), Recipient(subject.contact, {}, "a@example.com"))

    assert to_iso(world.change(send).due_at) == "2026-01-16T08:00:00.000Z"


@pytest.mark.parametrize(
    ("caps", "sent", "expected"),
    [
        ([], [Sent(0, "EMAIL")], None),
        ([Cap(1, "HOUR")], [], None),
        ([Cap(1, "HOUR")], [Sent(1, "EMAIL")], 0),
        ([Cap(1, "HOUR")], [Sent(0, "EMAIL")], None),
        ([Cap(2, "HOUR")], [Sent(1, "EMAIL")], None),
        ([Cap(1, "HOUR", "PUSH")], [Sent(1, "EMAIL")], None),
        ([Cap(1, "HOUR", "EMAIL")], [Sent(1, "PUSH")], None),
        ([Cap(5, "DAY"), Cap(1, "HOUR", "EMAIL")], [Sent(1, "EMAIL")], 1),
        ([Cap(1, "MONTH")], [Sent(HOUR - 30 * DAY + 1, "EMAIL")], 0),
        ([Cap(1, "MONTH")], [Sent(HOUR - 30 * DAY, "EMAIL")], None),
    ],
)
def test_a_cap_counts_what_was_sent_in_its_while(caps, sent, expected):
    assert capped(caps, "EMAIL", sent, HOUR) == (caps[expected] if expected is not None else None)


def test_what_a_campaign_says_takes_the_place_of_what_the_workspace_says():
    night, noon = QuietHours(time(22), time(8)), QuietHours(time(12), time(13))
    default = Limits(night, (Cap(1, "DAY"),))
    assert OwnLimits().over(default) == default
    assert OwnLimits(noon).over(default) == Limits(noon, default.caps)
    assert OwnLimits("OFF", ()).over(default) == Limits()


def test_the_limits_of_a_workspace_are_refused_by_path():
    with pytest.raises(Invalid) as caught:
        read_limits({"quietHours": {"from": "8", "to": "9"}, "frequencyCaps": [{"per": "DAY"}]})
    assert [detail.path for detail in caught.value.details] == [
        "quietHours.from",
        "quietHours.to",
        "frequencyCaps[0].count",
    ]
