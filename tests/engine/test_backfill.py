"""A backfill brings every contact where the rules want it, whatever happens between its steps, and nobody twice."""

import itertools

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR
from ensue.base.ids import show
from ensue.engine.segments.editing import Edit
from tests.engine.backfills import (
    at_least,
    attribute,
    create,
    delete,
    edit,
    finish,
    group,
    latest,
    status,
    stays,
    steps,
)


@pytest.fixture
def small(monkeypatch):
    """So few contacts in a reading and in a transaction that a handful makes many steps."""
    monkeypatch.setattr(bounds, "BULK_CONTACTS", 3)
    monkeypatch.setattr(bounds, "BACKFILL_CONTACTS", 2)


def test_members_are_those_whose_history_says_so(world, small):
    contacts = [world.contact() for _ in range(10)]
    for index, contact in enumerate(contacts):
        for _ in range(index % 4):
            world.post("purchase", contact)
    segment = create(world, at_least(2))
    assert status(world, segment) == "BACKFILLING"
    assert world.members(segment) == set()
    finish(world)
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 >= 2}
    assert status(world, segment) == "READY"
    done = latest(world, segment)
    assert (done.status, done.entered, done.exited, done.done) == ("DONE", 4, 0, done.total)


def test_contacts_whom_the_rules_do_not_concern_are_not_touched(world):
    silent = [world.contact() for _ in range(5)]
    buyer = world.contact()
    world.post("purchase", buyer)
    world.clock.advance(HOUR)
    create(world, at_least(1))
    before = {contact: world.stored(contact) for contact in silent}
    finish(world)
    assert {contact: world.stored(contact) for contact in silent} == before
    assert world.stored(buyer).as_of == world.now


def test_whoever_has_done_nothing_belongs_where_nothing_is_asked(world, small):
    contacts = [world.contact() for _ in range(7)]
    world.post("purchase", contacts[3])
    segment = create(world, {"type": "event", "eventType": "purchase", "operator": "eq", "value": 0})
    finish(world)
    assert world.members(segment) == set(contacts) - {contacts[3]}


def test_a_window_ends_by_itself_for_those_the_backfill_found(world):
    contact = world.contact()
    world.post("purchase", contact)
    world.forward(DAY)
    segment = create(world, at_least(1, timeWindow="3d"))
    finish(world)
    assert world.members(segment) == {contact}
    world.forward(2 * DAY)
    assert world.members(segment) == set()
    (row,) = world.rows("SELECT exited_at FROM memberships")
    assert row[0] == world.now


def test_a_window_begins_by_itself_for_those_who_are_out(world):
    contact = world.contact()
    world.post("purchase", contact)
    world.forward(DAY)
    segment = create(world, {**at_least(0), "operator": "eq", "timeWindow": "3d"})
    finish(world)
    assert world.members(segment) == set()
    world.forward(2 * DAY)
    assert world.members(segment) == {contact}


def _history(world):
    """Twelve contacts with zero to three purchases each."""
    contacts = [world.contact(attributes={"n": index}) for index in range(12)]
    for index, contact in enumerate(contacts):
        for _ in range(index % 4):
            world.post("purchase", contact)
    return contacts


STEPS = range(16)


@pytest.mark.parametrize("at_step", STEPS)
def test_an_event_between_any_two_steps_counts_once(world, small, at_step):
    contacts = _history(world)
    world.clock.advance(1)
    segment = create(world, at_least(3))
    running = steps(world)
    for _ in itertools.islice(running, at_step):
        pass
    for contact in contacts:
        world.post("purchase", contact)
    for _ in running:
        pass
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 >= 2}
    for index, contact in enumerate(contacts):
        causes = [entered.split(":")[0] for entered, _ in stays(world, segment, contact)]
        assert causes == {2: ["EVENT"], 3: ["BACKFILL"]}.get(index % 4, [])
    world.clock.advance(1)
    for contact in contacts:
        world.post("purchase", contact)
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 >= 1}


@pytest.mark.parametrize("at_step", STEPS)
def test_an_event_in_the_same_millisecond_counts_once(world, small, at_step):
    """Nothing moves the clock: instants alone cannot tell what came first."""
    contacts = _history(world)
    segment = create(world, at_least(3))
    running = steps(world)
    for index, _ in enumerate(running):
        if index == at_step:
            for contact in contacts:
                world.post("purchase", contact)
    if at_step > index:
        return
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 >= 2}


@pytest.mark.parametrize("at_step", STEPS)
def test_a_change_of_the_contact_between_any_two_steps_is_seen(world, small, at_step):
    contacts = _history(world)
    segment = create(world, group("AND", at_least(1), attribute("n", 100, "lt")))
    running = steps(world)
    for _ in itertools.islice(running, at_step):
        pass
    world.update(contacts[5], attributes={"n": 100})
    newcomer = world.contact(attributes={"n": 1})
    world.post("purchase", newcomer)
    for _ in running:
        pass
    expected = {contact for index, contact in enumerate(contacts) if index % 4 >= 1} - {contacts[5]} | {newcomer}
    assert world.members(segment) == expected


@pytest.mark.parametrize("at_step", STEPS)
def test_a_run_that_was_cut_off_goes_on_and_finds_nobody_twice(world, small, at_step):
    contacts = _history(world)
    segment = create(world, at_least(2))
    for _ in itertools.islice(steps(world), at_step):
        pass
    finish(world)
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 >= 2}
    done = latest(world, segment)
    assert (done.status, done.entered, done.done) == ("DONE", 6, done.total)


@pytest.mark.parametrize("at_step", STEPS)
def test_an_edit_ends_the_backfill_that_runs(world, small, at_step):
    contacts = _history(world)
    segment = create(world, at_least(1))
    first = latest(world, segment)
    running = steps(world)
    for _ in itertools.islice(running, at_step):
        pass
    edit(world, segment, at_least(3))
    for _ in running:
        pass
    finish(world)
    assert world.members(segment) == {contact for index, contact in enumerate(contacts) if index % 4 == 3}
    assert status(world, segment) == "READY"
    if at_step < 5:
        assert world.ask(lambda tables: tables.backfills.get(first.id)).status == "CANCELLED"
    assert latest(world, segment).version == 2


def test_a_segment_that_asks_about_another_follows_its_backfill(world, small):
    contacts = _history(world)
    inner = create(world, at_least(3), "Inner")
    outer = create(world, {"type": "segment", "segmentId": show("seg", inner), "operator": "not_in"}, "Outer")
    finish(world)
    threes = {contact for index, contact in enumerate(contacts) if index % 4 == 3}
    assert world.members(inner) == threes
    assert world.members(outer) == set(contacts) - threes
    edit(world, inner, at_least(2))
    finish(world)
    assert world.members(outer) == {contact for index, contact in enumerate(contacts) if index % 4 < 2}


def _watcher(world, segment_id):
    return world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", segment_id)})


@pytest.mark.parametrize(("triggers", "enrolled"), [(False, 0), (True, 1)])
def test_entries_that_a_backfill_finds_trigger_campaigns_only_when_asked(world, triggers, enrolled):
    contact = world.contact()
    world.post("purchase", contact)
    segment = create(world, at_least(5))
    finish(world)
    _watcher(world, segment)
    edit(world, segment, at_least(1), triggers=triggers)
    finish(world)
    assert world.members(segment) == {contact}
    assert len(world.rows("SELECT 1 FROM enrolments")) == enrolled


def test_what_an_event_meets_halfway_is_the_backfills_to_find(world):
    """The contact belongs there by its history; the event that comes first must not pass for the reason."""
    contact = world.contact()
    world.post("purchase", contact)
    segment = create(world, at_least(5))
    finish(world)
    _watcher(world, segment)
    edit(world, segment, at_least(1))
    created = world.post("purchase", contact)
    assert created.effects.entered == []
    assert [entered.split(":")[0] for entered, _ in stays(world, segment, contact)] == ["BACKFILL"]
    finish(world)
    assert len(world.rows("SELECT 1 FROM enrolments")) == 0
    assert latest(world, segment).entered == 1


def test_a_condition_that_comes_back_into_use_forgets_what_it_knew(world):
    contact = world.contact()
    first = create(world, at_least(3))
    finish(world)
    world.post("purchase", contact)
    delete(world, first)
    finish(world)
    world.post("purchase", contact)
    second = create(world, at_least(3))
    world.post("purchase", contact)
    assert world.members(second) == {contact}
    finish(world)
    assert world.members(second) == {contact}


def test_a_contact_with_a_long_history_has_its_state_stored_by_the_backfill(world, monkeypatch):
    monkeypatch.setattr(bounds, "BUSY_EVENTS", 4)
    busy, calm = world.contact(), world.contact()
    for _ in range(5):
        world.post("purchase", busy)
    world.post("purchase", calm)
    create(world, at_least(100))
    finish(world)
    rows = world.rows("SELECT contact_id FROM standings WHERE slot >= 0")
    assert rows == [(busy,)]


def test_deleting_ends_every_stay_in_the_background(world, small):
    contacts = _history(world)
    segment = create(world, at_least(1))
    finish(world)
    members = world.members(segment)
    assert len(members) == 9
    delete(world, segment)
    finish(world)
    assert world.members(segment) == set()
    assert all(len(stays(world, segment, contact)) == 1 for contact in members)
    assert world.segments_of(contacts[3]) == set()


def test_a_static_segment_is_filled_once(world, small):
    contacts = _history(world)
    segment = create(world, at_least(3), kind="STATIC")
    assert status(world, segment) == "BACKFILLING"
    finish(world)
    threes = {contact for index, contact in enumerate(contacts) if index % 4 == 3}
    assert world.members(segment) == threes
    assert status(world, segment) == "READY"
    world.post("purchase", contacts[2])
    assert world.members(segment) == threes


def test_the_score_is_backfilled_with_its_horizon(world):
    world.scoring_rule("purchase", 10, decay_points=5, decay_period=DAY)
    contact = world.contact()
    world.post("purchase", contact)
    segment = create(world, {"type": "attribute", "field": "score", "operator": "gte", "value": 8})
    finish(world)
    assert world.members(segment) == {contact}
    world.forward(DAY)
    assert world.members(segment) == set()


def test_an_unchanged_rule_makes_no_new_version(world):
    from ensue.engine.segments import editing

    segment = create(world, at_least(1))
    finish(world)
    _, backfill = world.change(lambda room: editing.edit(room, segment, Edit(name="New name", rules=at_least(1))))
    assert backfill is None
    kept = world.ask(lambda tables: tables.definitions.segment(segment))
    assert (kept.name, kept.version, kept.status) == ("New name", 1, "READY")
