"""An anonymous event that turns out to be a contact's while the campaign is paused is heard on resuming."""

import pytest

from ensue.base import bounds
from ensue.base.clock import HOUR
from ensue.engine.campaigns import editing
from ensue.engine.contacts import identity
from tests.engine.flow import chain, node, run_of, sign_up

SIGNUP = {"type": "EVENT", "eventType": "signup"}


@pytest.fixture
def campaign(world):
    return world.campaign(
        SIGNUP, workflow=chain(node("w", "wait_until", eventType="buy"), node("d", "delay", duration="1d"))
    )


def status(world, campaign, to):
    world.change(lambda room: editing.change_status(room, editing.named(room, campaign), to))


def link(world, contact):
    world.on(contact, lambda subject: identity.identify_session(subject.room, subject, "s"))


def paused_and_resumed(world, campaign, meanwhile):
    status(world, campaign, "PAUSED")
    world.clock.advance(HOUR)
    meanwhile()
    world.clock.advance(HOUR)
    status(world, campaign, "ACTIVE")
    world.run_due()


def test_an_event_from_before_the_pause_is_heard_when_its_session_was_tied_during_it(world, campaign):
    contact, enrolment = sign_up(world)
    world.clock.advance(HOUR)
    world.post("buy", session_id="s")
    world.clock.advance(HOUR)
    paused_and_resumed(world, campaign, lambda: link(world, contact))
    assert run_of(world, enrolment).node_id == "d"


def test_one_that_was_the_contacts_before_the_pause_is_not_heard_again(world, campaign):
    contact = world.contact()
    world.post("buy", session_id="s")
    link(world, contact)
    world.clock.advance(HOUR)
    enrolment = world.post("signup", contact).effects.enrolled[0].enrolment_id
    paused_and_resumed(world, campaign, lambda: world.post("view", session_id="s"))
    assert run_of(world, enrolment).node_id == "w"


def test_one_that_was_past_the_horizon_when_it_became_the_contacts_is_not_heard(world, campaign):
    contact, enrolment = sign_up(world)
    world.post("buy", session_id="s")
    world.clock.advance(bounds.TRIGGER_HORIZON - HOUR // 2)
    paused_and_resumed(world, campaign, lambda: link(world, contact))
    assert run_of(world, enrolment).node_id == "w"
