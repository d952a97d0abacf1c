"""`send` nodes queue messages in the transaction of the step, and say why when they do not."""

import pytest
from msgspec.structs import replace

from ensue.base.errors import Invalid
from ensue.base.ids import show
from ensue.engine.campaigns import editing
from ensue.engine.contacts import changes
from ensue.model.cause import Cause
from ensue.model.message import Device
from ensue.store.sql.messages import Filter
from tests.engine.flow import chain, node, run_of, sign_up, steps_of

SIGN_UP = {"type": "EVENT", "eventType": "signup"}
MAIL = {"channel": "EMAIL", "subject": "Hi", "text": "Hi"}


def messages(world):
    return world.ask(lambda tables: tables.messages.page(Filter(), 100, 0))[1]


def test_the_message_is_there_with_the_event_that_caused_it(world):
    campaign = world.campaign(SIGN_UP, workflow=chain(node("m", "send", **MAIL)))
    contact, enrolment = sign_up(world, email="a@x.org")
    (message,) = messages(world)
    (event,) = world.rows("SELECT id FROM events")
    assert (message.status, message.kind, message.address) == ("QUEUED", "MARKETING", "a@x.org")
    assert (message.campaign_id, message.enrolment_id, message.node_id) == (campaign, enrolment, "m")
    assert (message.contact_id, message.event_id, message.version) == (contact, event[0], 1)
    assert message.content == {"subject": "Hi", "text": "Hi"}
    assert run_of(world, enrolment).status == "COMPLETED"
    (step,) = steps_of(world, enrolment)
    assert (step.outcome, step.detail) == ("QUEUED", {"messageId": show("msg", message.id)})


def test_a_message_goes_back_with_the_transaction_that_wanted_it(world):
    world.campaign(SIGN_UP, workflow=chain(node("m", "send", **MAIL)))
    contact = world.contact(email="a@x.org")

    def work(room):
        subject = room.subject(contact)
        changes.add_tag(subject, "x", Cause("CHANGE"))
        raise Invalid.at("x", "no")

    with pytest.raises(Invalid):
        world.change(work)
    world.post("signup", contact, key=b"k", fingerprint=b"f")
    world.post("signup", contact, key=b"k", fingerprint=b"f")
    assert len(messages(world)) == 1


def device(world, contact, number, channel, address):
    device = Device(number, contact, channel, address, {}, world.now)
    world.change(lambda room: room.tables.devices.put(device))
    return device


def test_a_push_goes_to_every_browser_and_a_telegram_to_the_newest_chat(world):
    push = node("p", "send", channel="PUSH", title="Hi", body="Hi")
    chat = node("t", "send", channel="TELEGRAM", text="Hi")
    world.campaign(SIGN_UP, workflow=chain(push, chat))
    contact = world.contact()
    for number, channel, address in ((1, "PUSH", "a"), (2, "PUSH", "b"), (3, "TELEGRAM", "c"), (4, "TELEGRAM", "d")):
        device(world, contact, number, channel, address)
    gone = device(world, contact, 5, "PUSH", "e")
    world.change(lambda room: room.tables.devices.put(replace(gone, gone_at=world.now)))
    world.post("signup", contact)
    assert {(m.channel, m.address) for m in messages(world)} == {("PUSH", "a"), ("PUSH", "b"), ("TELEGRAM", "d")}


def test_who_has_no_device_is_skipped(world):
    world.campaign(SIGN_UP, workflow=chain(node("p", "send", channel="PUSH", title="Hi", body="Hi")))
    _, enrolment = sign_up(world)
    (step,) = steps_of(world, enrolment)
    assert (step.outcome, step.detail) == ("SKIPPED", {"reason": "NO_ADDRESS"})
    assert messages(world) == []


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "channel"),
        ({"channel": "SMOKE", "text": "x"}, "channel"),
        ({"channel": "EMAIL"}, "subject"),
        ({"channel": "EMAIL", "subject": "x"}, "html"),
        ({"channel": "EMAIL", "subject": "x", "html": "x", "mjml": "x"}, "mjml"),
        ({"channel": "EMAIL", "subject": "x", "text": 1}, "text"),
        ({"channel": "EMAIL", "subject": "x", "text": "x", "title": "x"}, "title"),
        ({"channel": "EMAIL", "templateId": "x"}, "templateId"),
        ({"channel": "EMAIL", "templateId": 7}, "templateId"),
        ({"channel": "PUSH", "title": "x"}, "body"),
        ({"channel": "WEBHOOK", "body": "{}"}, "url"),
        ({"channel": "TELEGRAM", "text": "x", "kind": "SPAM"}, "kind"),
    ],
)
def test_what_cannot_be_sent_is_refused_when_it_is_saved(world, data, path):
    fields = {"name": "x", "triggers": [SIGN_UP], "workflow": chain({"id": "m", "type": "send", "data": data})}
    with pytest.raises(Invalid) as refused:
        world.change(lambda room: editing.create(room, fields))
    assert f"workflow.nodes[0].data.{path}" in [detail.path for detail in refused.value.details]
