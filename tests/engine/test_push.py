"""Whose a subscribed browser is."""

import pytest

from ensue.base import bounds
from ensue.base.errors import Conflict, NotFound
from ensue.base.sealing import Signer
from ensue.base.web_push import Recipient
from ensue.engine import push
from ensue.engine.contacts import erase, identity
from ensue.engine.contacts.merge import merge
from tests.channels.browser import Browser

ENDPOINT = "https://push.example.net/send/1"
BROWSER = Browser(ENDPOINT)
KEYS = Recipient(BROWSER.point, BROWSER.auth)


def subscribe(world, key, endpoint=ENDPOINT):
    world.change(lambda room: push.subscribe_session(room, key, endpoint, KEYS))


def browsers(world, contact):
    return [device.address for device in world.ask(lambda tables: tables.devices.of_contact(contact, "PUSH"))]


def waiting(world):
    return world.rows("SELECT address FROM visitor_devices")


def test_a_session_s_browser_becomes_its_contact_s(world):
    subscribe(world, "browser")
    assert waiting(world) == [(ENDPOINT,)]
    ada = world.contact(email="ada@example.com")
    world.on(ada, lambda subject: identity.identify_session(subject.room, subject, "browser"))
    assert browsers(world, ada) == [ENDPOINT]
    assert waiting(world) == []


def test_an_event_that_says_who_it_is_does_the_same(world):
    subscribe(world, "browser")
    ada = world.contact()
    world.post("login", ada, session_id="browser")
    assert browsers(world, ada) == [ENDPOINT]


def test_subscribing_again_changes_nothing_and_a_known_session_s_browser_is_known_at_once(world):
    ada = world.contact()
    world.post("login", ada, session_id="browser")
    subscribe(world, "browser")
    before = world.rows("SELECT * FROM devices")
    world.forward(1_000)
    subscribe(world, "browser")
    assert world.rows("SELECT * FROM devices") == before


def test_the_browser_is_that_of_who_was_seen_in_it_last(world):
    ada, bob = world.contact(), world.contact()
    world.post("login", ada, session_id="ada's")
    subscribe(world, "ada's")
    world.post("login", bob, session_id="bob's")
    subscribe(world, "bob's")
    assert (browsers(world, ada), browsers(world, bob)) == ([], [ENDPOINT])


def test_a_browser_waits_for_one_session_only(world):
    subscribe(world, "first")
    subscribe(world, "second")
    ada = world.contact()
    world.post("login", ada, session_id="first")
    assert browsers(world, ada) == []


def test_a_merged_contact_s_browsers_are_the_survivor_s(world):
    ada, old = world.contact(), world.contact()
    world.post("login", old, session_id="browser")
    subscribe(world, "browser")
    world.change(lambda room: merge(room, ada, old))
    assert browsers(world, ada) == [ENDPOINT]


def test_unsubscribing(world):
    ada = world.contact()
    world.post("login", ada, session_id="browser")
    subscribe(world, "browser")
    subscribe(world, "other", ENDPOINT + "2")
    world.change(lambda room: push.unsubscribe(room, ENDPOINT))
    world.change(lambda room: push.unsubscribe(room, ENDPOINT + "2"))
    assert browsers(world, ada) == []
    assert waiting(world) == []


def test_of_who_was_erased_nothing_is_kept(world):
    ada = world.contact()
    world.post("login", ada, session_id="browser")
    subscribe(world, "browser")
    world.on(ada, erase.erase)
    with pytest.raises(Conflict, match="erased"):
        subscribe(world, "browser")
    with pytest.raises(Conflict, match="erased"):
        world.change(lambda room: push.subscribe_contact(room, ada, ENDPOINT, KEYS))
    with pytest.raises(NotFound):
        world.change(lambda room: push.subscribe_contact(room, ada + 1, ENDPOINT, KEYS))
    assert world.rows("SELECT address FROM devices UNION SELECT address FROM visitor_devices") == []


def test_the_token_of_a_contact_says_who_until_it_expires(world):
    signer = Signer(b"k" * 32)
    token = push.contact_token(signer, 55, 10_000)
    assert push.read_contact_token(signer, token, 9_999) == 55
    assert push.read_contact_token(signer, token, 10_000) is None
    assert push.read_contact_token(signer, token + "x", 0) is None
    assert push.read_contact_token(Signer(b"x" * 32), token, 0) is None


def test_the_key_of_a_workspace_stays(world):
    sealed = []

    def seal(raw):
        sealed.append(raw)
        return b"sealed"

    def ask():
        return world.change(lambda room: push.key_of(room.tables, seal, 1))

    assert ask() == ask()
    assert len(sealed) == 1
    assert world.rows("SELECT private_key FROM push_keys") == [(b"sealed",)]


def test_only_so_many_browsers_are_kept_and_the_newest(world):
    for number in range(bounds.VISITOR_DEVICES + 2):
        subscribe(world, "browser", f"{ENDPOINT}{number}")
    assert sorted(waiting(world)) == [(f"{ENDPOINT}{number}",) for number in range(2, bounds.VISITOR_DEVICES + 2)]
    ada = world.contact()
    world.post("login", ada, session_id="browser")
    for number in range(100, 100 + bounds.DEVICES):
        subscribe(world, "browser", f"{ENDPOINT}{number}")
    assert sorted(browsers(world, ada)) == [f"{ENDPOINT}{number}" for number in range(100, 100 + bounds.DEVICES)]


def test_a_browser_that_is_somebody_s_waits_for_nobody_else(world):
    ada, bob = world.contact(), world.contact()
    subscribe(world, "browser")
    world.change(lambda room: push.subscribe_contact(room, ada, ENDPOINT, KEYS))
    world.post("login", bob, session_id="browser")
    assert (browsers(world, ada), browsers(world, bob)) == ([ENDPOINT], [])
