"""Whoever is erased is nowhere any more, and does not come back; whoever is deleted may."""

import pytest

from ensue.base.clock import HOUR
from ensue.base.errors import Conflict, NotFound
from ensue.base.ids import show
from ensue.engine.contacts import changes, erase, identity
from ensue.engine.contacts.merge import merge
from ensue.engine.verification.verify import verify
from ensue.engine.view import view
from ensue.model.cause import Cause

CHANGE = Cause("CHANGE")
PERSONAL = [
    "ann@example.com", "ann.old@example.com", "Ann", "Smith", "crm-7", "+43 1", "Graz", "sess-1", "sess-2",
    "/secret-page", "/from", "creditcard", "newsletter form", "bob@example.com",
]  # fmt: skip


@pytest.fixture
def ann(world):
    world.segment(
        {"operator": "AND", "conditions": [{"type": "event", "eventType": "buy", "operator": "gte", "value": 1}]}
    )
    world.scoring_rule("buy", 5)
    wait = {"nodes": [{"id": "wait", "type": "delay", "data": {"duration": "30d"}}], "edges": []}
    world.campaign({"type": "EVENT", "eventType": "buy"}, workflow=wait)
    ann = world.contact(
        email="Ann.Old@example.com", firstName="Ann", lastName="Smith", externalId="crm-7", phone="+43 1",
        attributes={"city": "Graz"},
    )  # fmt: skip
    world.update(ann, email="ann@example.com")
    world.on(ann, lambda s: changes.add_tag(s, "vip", CHANGE))
    world.on(ann, lambda s: changes.set_consent(s, "EMAIL", "OPTED_IN", "newsletter form", CHANGE))
    world.post("buy", session_id="sess-2", metadata={"creditcard": 1})
    world.post("buy", ann, {"creditcard": 1}, session_id="sess-1", page_url="/secret-page", referrer="/from", key=b"k")
    bob = world.contact(email="bob@example.com")
    world.change(lambda room: identity.identify_session(room, identity.held(room, bob), "sess-2"))
    world.change(lambda room: merge(room, ann, bob))
    return ann


def everything(world):
    """Every value of every table, as text."""
    return [
        (table, value if isinstance(value, str) else value.decode("latin-1"))
        for table in world.tables()
        for row in world.rows(f"SELECT * FROM {table}")
        for value in row
        if isinstance(value, str | bytes)
    ]


def found(world):
    texts = everything(world)
    return {(word, table) for word in PERSONAL for table, text in texts if word.lower() in text.lower()}


def test_nothing_personal_stays_anywhere(world, ann):
    assert {word for word, _ in found(world)} == set(PERSONAL)
    events = world.rows("SELECT COUNT(*) FROM events")
    world.on(ann, erase.erase)
    assert found(world) == set()
    assert world.rows("SELECT COUNT(*) FROM events") == events == [(2,)]
    assert world.rows("SELECT events FROM event_types WHERE name = 'buy'") == [(2,)]


def test_what_is_left_belongs_to_nobody(world, ann):
    world.on(ann, erase.erase)
    assert world.rows("SELECT DISTINCT contact_id, session_id, metadata, answer FROM events") == [(None,) * 4]
    assert world.rows("SELECT COUNT(*) FROM memberships WHERE exited_at IS NULL") == [(0,)]
    assert world.rows("SELECT DISTINCT status, end_reason FROM enrolments WHERE end_reason <> 'MERGED'") == [
        ("EXITED", "ERASED")
    ]
    assert world.forward(10**10) == 0


@pytest.mark.parametrize("leave", [erase.erase, erase.delete])
def test_nothing_is_left_hanging(world, ann, leave):
    world.contact(email="carl@example.com")
    world.on(ann, leave)
    world.forward(HOUR)
    assert world.store.read(lambda tables: list(verify(view(tables, world.workspace, world.engine.ids)))) == []


def test_the_erased_do_not_come_back(world, ann):
    old_ids = [row[0] for row in world.rows("SELECT old_id FROM contact_aliases")]
    world.on(ann, erase.erase)

    refused = [
        lambda: world.post("buy", ann),
        lambda: world.post("buy", old_ids[0]),
        lambda: world.post("buy", session_id="sess-1"),
        lambda: world.post("buy", session_id="sess-2", key=b"new"),
        lambda: world.contact(email="ANN@example.com"),
        lambda: world.contact(email="ann.old@example.com"),
        lambda: world.contact(externalId="crm-7"),
        lambda: world.change(lambda room: identity.upsert(room, {"email": "ann@example.com"}, CHANGE)),
        lambda: world.on(ann, lambda subject: subject),
    ]
    before = world.rows("SELECT COUNT(*) FROM events"), world.rows("SELECT * FROM sessions")
    for attempt in refused:
        with pytest.raises(Conflict) as caught:
            attempt()
        assert caught.value.code == "erased"
    assert (world.rows("SELECT COUNT(*) FROM events"), world.rows("SELECT * FROM sessions")) == before
    # A refused event leaves its key free.
    assert world.rows("SELECT key FROM idempotency") == [(b"k",)]

    carl = world.contact(email="carl@example.com")
    with pytest.raises(Conflict):
        world.update(carl, email="ann@example.com")
    with pytest.raises(Conflict):
        world.change(lambda room: identity.identify_session(room, identity.held(room, carl), "sess-1"))


def test_a_browser_that_somebody_else_uses_now_is_theirs(world, ann):
    world.on(ann, erase.erase)
    carl = world.contact(email="carl@example.com")
    world.post("visit", carl, session_id="sess-1")
    assert world.post("visit", session_id="sess-1").event.contact_id == carl


def test_an_address_that_somebody_else_has_now_is_not_blocked(world):
    ann = world.contact(email="shared@example.com")
    world.update(ann, email="ann@example.com")
    bob = world.contact(email="shared@example.com")
    world.on(ann, erase.erase)
    world.update(bob, email=None)
    world.update(bob, email="shared@example.com")
    assert world.stored(bob).email == "shared@example.com"


def test_a_retry_of_a_stored_event_says_nothing_of_the_erased(world, ann):
    world.on(ann, erase.erase)
    again = world.post("buy", ann, {"creditcard": 1}, session_id="sess-1", key=b"k")
    assert again.replayed
    assert again.contact is None
    assert world.rows("SELECT COUNT(*) FROM events") == [(2,)]


def test_an_erasure_says_nothing_in_another_workspace(world, ann, tmp_path):
    from tests.engine.world import World

    world.on(ann, erase.erase)
    other = World(tmp_path / "other")
    try:
        assert other.contact(email="ann@example.com")
    finally:
        other.close()


def test_the_deleted_may_come_back_as_somebody_new(world, ann):
    segment = world.rows("SELECT segment_id FROM memberships LIMIT 1")[0][0]
    assert world.members(segment) == {ann}
    world.on(ann, erase.delete)

    assert world.members(segment) == set()
    with pytest.raises(NotFound):
        world.post("buy", ann)
    assert world.rows("SELECT contact_id, metadata FROM events") == [(None, '{"creditcard":1}')] * 2
    again = world.contact(email="ann@example.com", externalId="crm-7")
    assert again != ann
    assert world.stored(again).score == 0
    assert world.segments_of(again) == set()


def test_a_session_brings_the_events_of_the_deleted_back(world, ann):
    world.on(ann, erase.delete)
    again = world.contact(email="ann@example.com")
    world.change(lambda room: identity.identify_session(room, identity.held(room, again), "sess-1"))
    assert world.score(again) == 5


def test_an_erased_contact_is_named_by_nothing(world, ann):
    """The id itself stays in the history of segments and campaigns alone, where it leads to nobody."""
    world.on(ann, erase.erase)
    naming = {
        table for table in world.tables("contact_id") if world.rows(f"SELECT 1 FROM {table} WHERE contact_id = ?", ann)
    }
    assert naming <= {"memberships", "enrolments", "enrolment_skips"}
    assert not any(show("ct", ann) in text for _, text in everything(world))
