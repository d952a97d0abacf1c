"""Tallies, stays in segments, timers and the ledger."""

import pytest

from ensue.base.errors import Conflict
from ensue.model.contact import Contact
from ensue.model.score import LedgerLine
from ensue.model.segment import Membership

WHO, OTHER = 11, 12


def stay(number, segment=1, contact=WHO, entered_at=5, exited_at=None):
    return Membership(number, segment, contact, 3, entered_at, "EVENT:1", exited_at, "TIME" if exited_at else None)


def line(number, rule=1, **more):
    return LedgerLine(
        **{
            "id": number, "rule_id": rule, "version": 1, "cause": "EVENT", "event_id": 7, "event_at": 5, "at": 6,
            "asked": 3, "given": 2, "before": 0, "after": 2,
        } | more
    )  # fmt: skip


def test_tallies_are_written_over_and_kept_apart(write, read):
    write(lambda one: one.tallies.put([(WHO, 1, "a"), (WHO, 2, "b"), (OTHER, 1, "c")]))
    write(lambda one: one.tallies.put([(WHO, 1, "d")]))
    found = [read(lambda one, key=key: one.tallies.get(*key)) for key in ((WHO, 1), (WHO, 2), (OTHER, 1), (OTHER, 2))]
    assert found == ["d", "b", "c", None]


def test_forgetting_one_contact_s_tallies_leaves_the_others(write, read):
    write(lambda one: one.tallies.put([(WHO, 1, "a"), (WHO, 2, "b"), (OTHER, 1, "c")]))
    write(lambda one: one.tallies.clear(WHO))
    assert read(lambda one: [one.tallies.get(WHO, 1), one.tallies.get(WHO, 2), one.tallies.get(OTHER, 1)]) == [
        None, None, "c",
    ]  # fmt: skip


def test_a_stay_begins_and_ends(write, read):
    write(lambda one: one.memberships.enter([stay(1, segment=1), stay(2, segment=2), stay(3, contact=OTHER)]))
    assert read(lambda one: one.memberships.current(WHO)) == {1: 1, 2: 2}
    write(lambda one: one.memberships.exit([(1, 9, "TIME")]))
    assert read(lambda one: one.memberships.current(WHO)) == {2: 2}
    write(lambda one: one.memberships.enter([stay(4, segment=1, entered_at=9)]))
    assert read(lambda one: one.memberships.current(WHO)) == {1: 4, 2: 2}
    assert read(lambda one: one.memberships.current(OTHER)) == {1: 3}


def test_a_stay_that_is_over_already_is_none(write, read):
    write(lambda one: one.memberships.enter([stay(1, exited_at=5)]))
    assert read(lambda one: one.memberships.current(WHO)) == {}


def test_nobody_is_in_a_segment_twice_at_once(write, read):
    write(lambda one: one.memberships.enter([stay(1)]))
    with pytest.raises(Conflict):
        write(lambda one: one.memberships.enter([stay(2)]))
    assert read(lambda one: one.memberships.current(WHO)) == {1: 1}


def test_the_earlier_timer_stands(write, read):
    write(lambda one: one.timers.arm([(WHO, 2, 1, 50), (WHO, 2, 2, 60), (OTHER, 2, 1, 10)]))
    write(lambda one: one.timers.arm([(WHO, 2, 1, 70), (WHO, 2, 2, 40)]))
    assert read(lambda one: one.timers.next_due(WHO)) == 40
    assert sorted(write(lambda one: one.timers.take(WHO, 100))) == [(40, 2, 2), (50, 2, 1)]


def test_due_timers_are_taken_once(write, read):
    write(lambda one: one.timers.arm([(WHO, 2, 1, 50), (WHO, 1, 1, 51), (OTHER, 2, 1, 50)]))
    assert write(lambda one: one.timers.take(WHO, 49)) == []
    assert write(lambda one: one.timers.take(WHO, 50)) == [(50, 2, 1)]
    assert write(lambda one: one.timers.take(WHO, 50)) == []
    assert read(lambda one: (one.timers.next_due(WHO), one.timers.next_due(OTHER))) == (51, 50)


def test_a_cancelled_timer_is_gone(write, read):
    write(lambda one: one.timers.arm([(WHO, 2, 1, 50), (WHO, 2, 2, 60)]))
    write(lambda one: one.timers.cancel(WHO, 2, 1))
    assert read(lambda one: one.timers.next_due(WHO)) == 60
    write(lambda one: one.timers.cancel(WHO, 2, 2))
    assert read(lambda one: one.timers.next_due(WHO)) is None


def test_taken_timers_come_back_with_a_rollback(store):
    from tests.contract.conftest import ONE

    store.write(lambda tables: tables.workspace(ONE).timers.arm([(WHO, 2, 1, 50)]))
    assert store.begin().workspace(ONE).timers.take(WHO, 50)
    store.rollback()
    assert store.read(lambda tables: tables.workspace(ONE).timers.next_due(WHO)) == 50


def extend(one, who, *lines):
    """Lines after those that a contact has, as the working set writes them."""
    newest = one.ledger.all_of_contact(who)[-1:]
    previous = newest[0].id if newest else None
    for one_line in lines:
        one.ledger.write([(who, previous, one_line)])
        previous = one_line.id
    one.contacts.advance([(0, 1, None, previous, who)])


@pytest.fixture
def people(write):
    write(lambda one: [one.contacts.add(Contact(who, 1, 1, 1), None) for who in (WHO, OTHER)])


def test_the_ledger_keeps_every_line_as_it_was(write, read, people):
    lines = [line(1), line(2, rule=2, cause="DECAY", event_id=None, event_at=None, given=-1), line(3, asked=-5)]
    write(lambda one: extend(one, WHO, *lines[:2]))
    write(lambda one: extend(one, OTHER, line(4)))
    write(lambda one: extend(one, WHO, lines[2]))
    assert read(lambda one: one.ledger.of_rule(WHO, 1)) == [lines[0], lines[2]]
    assert read(lambda one: one.ledger.all_of_contact(WHO)) == lines
    assert read(lambda one: one.ledger.of_contact(WHO, None, 10)) == lines[::-1]
    assert read(lambda one: one.ledger.of_contact(WHO, 3, 1)) == [lines[1]]
    assert read(lambda one: one.ledger.of_rule(OTHER, 2)) == []


def test_the_ledgers_of_two_contacts_become_one_in_the_order_of_their_lines(write, read, people):
    lines = [line(number) for number in range(1, 6)]
    write(lambda one: extend(one, WHO, lines[0], lines[3]))
    write(lambda one: extend(one, OTHER, lines[1], lines[2], lines[4]))
    write(lambda one: one.ledger.hand_over(OTHER, WHO))
    assert read(lambda one: one.ledger.all_of_contact(WHO)) == lines
    assert read(lambda one: one.contacts.get(WHO).latest_line) == 5
    write(lambda one: one.ledger.clear(WHO))
    assert read(lambda one: one.ledger.all_of_contact(WHO)) == []


def test_a_ledger_line_is_written_once(write, read):
    write(lambda one: one.ledger.write([(WHO, None, line(1))]))
    with pytest.raises(Conflict):
        write(lambda one: one.ledger.write([(WHO, None, line(1))]))
