"""Messages, the log of their hand-overs, devices and senders."""

import pytest
from msgspec.structs import replace

from ensue.model.message import STATUSES, Attempt, Device, Message, Sender
from ensue.store.sql.messages import Filter
from tests.contract.conftest import TWO

WHO, OTHER = 11, 12

ORDER = [
    "QUEUED", "SENDING", "UNKNOWN", "FAILED", "SENT", "DELIVERED", "BOUNCED", "OPENED", "CLICKED", "UNSUBSCRIBED",
]  # fmt: skip

WHOLE = Message(
    id=1, channel="EMAIL", kind="MARKETING", status="QUEUED", created_at=5, updated_at=6, contact_id=WHO,
    address="a@x.org", template_id=21, template_version=2, content={"subject": "ü"}, values={"n": [1, None]},
    rendered={"subject": "s"}, campaign_id=31, version=3, enrolment_id=41, node_id="n", event_id=51, attempt=4, tries=2,
    leased=True, due_at=7, reason="r", detail="d", provider_id="p", handed_at=8, sent_at=9, delivered_at=10,
    opened_at=11, clicked_at=12,
)  # fmt: skip


def plain(number, due=5, channel="EMAIL", **more):
    return Message(number, channel, "MARKETING", "QUEUED", 1, 1, contact_id=WHO, due_at=due, **more)


def add(write, *messages, **more):
    write(lambda one: one.messages.add(messages), **more)


def test_a_message_comes_back_as_it_was(write, read):
    bare = Message(2, "PUSH", "TRANSACTIONAL", "FAILED", 1, 1)
    add(write, WHOLE, bare)
    assert read(lambda one: one.messages.get(1)) == WHOLE
    assert read(lambda one: one.messages.get(2)) == bare
    assert read(lambda one: one.messages.get(3)) is None
    assert read(lambda one: one.messages.get(1), workspace=TWO) is None


def test_those_that_are_due_come_longest_due_first(store, write, read):
    add(write, plain(1, 9), plain(2, 5), plain(3, 5), plain(4, 10), plain(5, None), plain(6, 1, "PUSH"))
    add(write, plain(7, 1), workspace=TWO)
    assert [m.id for m in read(lambda one: one.messages.due("EMAIL", 9, 10))] == [2, 3, 1]
    assert [m.id for m in read(lambda one: one.messages.due("EMAIL", 9, 2))] == [2, 3]
    lanes = store.read(lambda tables: sorted(tables.lanes_due(4)))
    assert lanes == [(1_000, "PUSH"), (2_000, "EMAIL")]
    assert store.read(lambda tables: tables.next_message()) == 1


def test_a_lease_is_had_once(write, read):
    add(write, plain(1))
    message = read(lambda one: one.messages.get(1))
    wanted = replace(message, address="a@x.org", rendered={"text": "x"}, template_version=3)
    assert write(lambda one: one.messages.lease(wanted, 100, 50))
    assert not write(lambda one: one.messages.lease(wanted, 100, 50))
    leased = read(lambda one: one.messages.get(1))
    assert (leased.status, leased.attempt, leased.tries, leased.leased) == ("SENDING", 1, 1, True)
    assert (leased.due_at, leased.handed_at, leased.rendered, leased.template_version) == (100, 50, {"text": "x"}, 3)


def test_who_has_not_the_lease_writes_nothing(write, read):
    add(write, plain(1))
    message = read(lambda one: one.messages.get(1))
    write(lambda one: one.messages.lease(message, 100, 50))
    sent = replace(message, status="SENT", due_at=None, sent_at=60, provider_id="p")
    assert not write(lambda one: one.messages.settle(sent, 0, 60))
    assert not write(lambda one: one.messages.settle(sent, 2, 60))
    assert not write(lambda one: one.messages.settle(sent, 1, 60), workspace=TWO)
    assert write(lambda one: one.messages.settle(sent, 1, 60))
    assert not write(lambda one: one.messages.settle(sent, 1, 60))
    assert not write(lambda one: one.messages.give_back(1, 1, 70))
    settled = read(lambda one: one.messages.get(1))
    assert (settled.status, settled.leased, settled.sent_at, settled.provider_id) == ("SENT", False, 60, "p")


def test_a_lease_that_is_given_back_is_no_try(write, read):
    add(write, plain(1))
    write(lambda one: one.messages.lease(one.messages.get(1), 100, 50))
    assert write(lambda one: one.messages.give_back(1, 1, 60))
    given = read(lambda one: one.messages.get(1))
    assert (given.attempt, given.tries, given.leased, given.due_at) == (1, 0, False, 60)


@pytest.mark.parametrize("status", STATUSES)
def test_a_report_only_ever_moves_a_message_forward(write, read, status):
    add(write, *(replace(plain(number), status=known) for number, known in enumerate(STATUSES, 1)))
    moved = write(lambda one: [m for m in range(1, len(STATUSES) + 1) if one.messages.advance(m, status, 9)])
    earlier = [known for place, known in enumerate(ORDER) if place < ORDER.index(status)]
    assert [STATUSES[number - 1] for number in moved] == earlier
    now = [read(lambda one, n=n: one.messages.get(n)).status for n in range(1, len(STATUSES) + 1)]
    assert now == [status if known in earlier else known for known in STATUSES]


def test_of_several_reports_the_first_instant_counts(write, read):
    add(write, replace(plain(1), status="SENT"))
    write(lambda one: one.messages.advance(1, "OPENED", 20))
    write(lambda one: one.messages.advance(1, "OPENED", 30))
    write(lambda one: one.messages.advance(1, "CLICKED", 40))
    message = read(lambda one: one.messages.get(1))
    assert (message.status, message.opened_at, message.clicked_at, message.due_at) == ("CLICKED", 20, 40, None)


def test_only_what_is_under_way_is_put_off_failed_or_released(write, read):
    add(write, plain(1, campaign_id=7), replace(plain(2, None, campaign_id=7), status="SENT"), plain(3, campaign_id=8))
    write(lambda one: one.messages.put_off(1, None, "CAMPAIGN_PAUSED", 9))
    write(lambda one: one.messages.release(7, 20))
    assert [read(lambda one, n=n: one.messages.get(n)).due_at for n in (1, 2, 3)] == [20, None, 5]
    assert write(lambda one: one.messages.fail(1, "FAILED", "CANCELLED", None, 30))
    assert not write(lambda one: one.messages.fail(2, "FAILED", "CANCELLED", None, 30))
    assert write(lambda one: one.messages.replay(1, ("FAILED",), 40))
    assert not write(lambda one: one.messages.replay(2, ("FAILED",), 40))
    again = read(lambda one: one.messages.get(1))
    assert (again.status, again.reason, again.tries, again.due_at) == ("QUEUED", None, 0, 40)


def test_a_page_of_messages(write, read):
    add(write, *(plain(n, channel=("EMAIL", "PUSH")[n % 2]) for n in range(1, 8)), replace(plain(8), contact_id=OTHER))
    total, page = read(lambda one: one.messages.page(Filter(contact_id=WHO), 3, 2))
    assert (total, [m.id for m in page]) == (7, [5, 4, 3])
    assert read(lambda one: one.messages.page(Filter(contact_id=WHO, channel="PUSH"), 9, 0))[0] == 4
    assert read(lambda one: one.messages.page(Filter(), 9, 0), workspace=TWO) == (0, [])


def test_the_log_of_a_message(write, read):
    lines = [Attempt(1, n, "DEFERRED", "why", n, n + 1, n + 2) for n in (1, 2)]
    write(lambda one: one.messages.log(reversed(lines)))
    assert read(lambda one: one.messages.attempts(1)) == lines
    assert read(lambda one: one.messages.attempts(1), workspace=TWO) == []


def test_leases_of_a_server_that_is_gone_are_ended(store, write, read):
    add(write, plain(1), plain(2))
    write(lambda one: one.messages.lease(one.messages.get(1), 100, 50))
    store.write(lambda tables: tables.end_leases(60))
    assert [read(lambda one, n=n: one.messages.get(n)).due_at for n in (1, 2)] == [60, 5]


def test_a_device_belongs_to_who_used_it_last(write, read):
    device = Device(1, WHO, "PUSH", "https://push/1", {"auth": "a"}, 5)
    write(lambda one: one.devices.put(device))
    assert read(lambda one: one.devices.of_contact(WHO, "PUSH")) == [device]
    write(lambda one: one.devices.put(replace(device, id=2, contact_id=OTHER, detail={"auth": "b"})))
    (moved,) = read(lambda one: one.devices.of_contact(OTHER, "PUSH"))
    assert (moved.id, moved.detail) == (1, {"auth": "b"})
    assert read(lambda one: one.devices.of_contact(WHO, "PUSH")) == []
    write(lambda one: one.devices.gone("PUSH", "https://push/1", 9))
    assert read(lambda one: one.devices.of_contact(OTHER, "PUSH")) == []
    assert read(lambda one: one.devices.by_address("PUSH", "https://push/1")).gone_at == 9
    assert read(lambda one: one.devices.by_address("PUSH", "https://push/1"), workspace=TWO) is None


def test_a_sender_is_replaced_whole(write, read):
    write(lambda one: one.senders.put(Sender("EMAIL", {"a": 1}, b"\x00sealed", 5)))
    write(lambda one: one.senders.put(Sender("PUSH", {}, None, 5)))
    changed = Sender("EMAIL", {"b": 2}, None, 6)
    write(lambda one: one.senders.put(changed))
    assert read(lambda one: one.senders.get("EMAIL")) == changed
    assert [sender.channel for sender in read(lambda one: one.senders.all())] == ["EMAIL", "PUSH"]
    assert read(lambda one: one.senders.get("EMAIL"), workspace=TWO) is None
    assert write(lambda one: one.senders.remove("EMAIL"))
    assert not write(lambda one: one.senders.remove("EMAIL"))


def test_a_report_leaves_the_lease_of_who_may_still_come_back(write, read):
    add(write, plain(1))
    write(lambda one: one.messages.lease(one.messages.get(1), 100, 50))
    write(lambda one: one.messages.advance(1, "OPENED", 60))
    opened = read(lambda one: one.messages.get(1))
    assert (opened.status, opened.leased, opened.due_at) == ("OPENED", True, 100)
    assert write(lambda one: one.messages.settle(replace(opened, due_at=None, sent_at=70), 1, 70))
    assert not write(lambda one: one.messages.lease(read(lambda two: two.messages.get(1)), 100, 50))
