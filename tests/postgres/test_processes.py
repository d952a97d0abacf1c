"""What several processes over one database owe each other, each case played step by step with two open stores."""

import threading
import time

import pytest

from ensue.base.clock import SimulatedClock
from ensue.base.errors import Conflict, Contended
from ensue.base.ids import Ids
from ensue.model.contact import Contact
from ensue.model.workspace import Workspace
from ensue.store.postgres.nodes import LEASE, Lost
from ensue.store.postgres.store import PostgresStore
from tests.contract.test_events import row
from tests.postgres.server import databases

ONE = 1_000
NOW = 1_768_471_200_000


@pytest.fixture
def url():
    with databases().one() as url:
        yield url


@pytest.fixture
def stores(url):
    """Two processes' stores, with one workspace."""
    first, second = PostgresStore(url), PostgresStore(url)
    first.write(lambda tables: tables.accounts.workspaces.add(Workspace(ONE, "One", "one", "UTC", 1_000, 1, 1, 1)))
    first.write(lambda tables: tables.workspace(ONE).events.add_type("buy", 1))
    yield first, second
    first.close()
    second.close()


def add(number):
    return lambda tables: tables.workspace(ONE).contacts.add(Contact(number, 1, 1, 1), None)


def waiting_for_a_lock(store):
    return store.read(
        lambda tables: tables.sql.row("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    )[0]


def until_it_waits(store):
    deadline = time.monotonic() + 30
    while not waiting_for_a_lock(store):
        assert time.monotonic() < deadline, "nobody waits"


# Streams


def append(tables, event_id):
    events = tables.workspace(ONE).events
    events.append([row(event_id, type_id=events.type_id("buy"), contact=None)])


def committed_after(store, event_id):
    rows = store.read(lambda tables: tables.workspace(ONE).events.committed_after(event_id, 100))
    return [found[0] for found in rows]


def test_a_stream_shows_what_commits_late_and_has_a_lower_id(stores):
    slow, quick = stores
    slow.write(lambda tables: append(tables, 10))
    assert committed_after(quick, 0) == [10]
    append(slow.begin(), 11)
    quick.write(lambda tables: append(tables, 12))
    # By id alone, 12 would be shown now, and 11 never.
    assert committed_after(quick, 10) == []
    slow.commit()
    shown = committed_after(quick, 10)
    assert sorted(shown) == [11, 12]
    assert committed_after(quick, shown[0]) == shown[1:]
    assert quick.read(lambda tables: tables.workspace(ONE).events.latest_id()) == shown[-1]


def test_a_stream_is_not_held_up_by_what_never_commits(stores):
    slow, quick = stores
    append(slow.begin(), 10)
    quick.write(lambda tables: append(tables, 11))
    slow.rollback()
    assert committed_after(quick, 0) == [11]


# Node numbers


def test_each_process_has_a_node_of_its_own_and_gives_it_back(url, stores):
    clock = SimulatedClock(NOW)
    assert [store.join(clock) for store in stores] == [0, 1]
    stores[0].close()
    third = PostgresStore(url)
    assert third.join(clock) == 0
    third.close()


def test_who_stood_still_too_long_stores_nothing_any_more(stores):
    frozen, other = stores
    clock, later = SimulatedClock(NOW), SimulatedClock(NOW + 2 * LEASE + 1)
    assert frozen.join(clock) == 0
    frozen.write(add(1))
    tables = frozen.begin()
    assert other.join(later) == 0
    add(2)(tables)
    with pytest.raises(Lost):
        frozen.commit()
    assert other.read(lambda tables: tables.workspace(ONE).contacts.after(0, 10)) == [1]


def test_a_lease_that_ran_out_is_renewed_by_who_still_has_it(stores):
    clock = SimulatedClock(NOW)
    stores[0].join(clock)
    clock.advance(10 * LEASE)
    stores[0].write(add(1))
    assert stores[1].join(clock) == 1


def test_ids_go_on_above_those_of_a_node_that_is_gone(url, stores):
    clock = SimulatedClock(NOW)
    ids = Ids(clock, stores[0].join(clock))
    last = ids.next()
    stores[0].write(lambda tables: tables.workspace(ONE).definitions.keep_latest_id(last))
    stores[0].close()
    assert stores[1].read(lambda tables: tables.largest_id()) == last


# Definitions


def test_definitions_change_while_nobody_works_in_the_workspace(stores):
    at_work, editor = stores
    at_work.begin().workspace(ONE).definitions.stand_still()

    def edit(tables):
        definitions = tables.workspace(ONE).definitions
        definitions.stand_still()
        definitions.bump(1)

    edited = threading.Thread(target=lambda: editor.write(edit))
    edited.start()
    until_it_waits(at_work)
    assert edited.is_alive()
    at_work.commit()
    edited.join(30)
    assert editor.read(lambda tables: tables.workspace(ONE).definitions.version()) == 2


def test_two_editors_do_not_wait_for_each_other_for_ever(stores):
    def edit(tables):
        definitions = tables.workspace(ONE).definitions
        definitions.stand_still()
        definitions.bump(1)

    threads = [threading.Thread(target=lambda s=store: [s.write(edit) for _ in range(20)]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stores[0].read(lambda tables: tables.workspace(ONE).definitions.version()) == 41


# Contacts and keys


def test_due_contacts_are_claimed_by_one_process_each(stores):
    for number in (1, 2, 3):
        stores[0].write(add(number))
        stores[0].write(lambda tables, n=number: tables.workspace(ONE).contacts.advance([(0, 1, n, None, n)]))
    first = stores[0].begin().workspace(ONE).contacts.claim_due(9, 2)
    second = stores[1].begin().workspace(ONE).contacts.claim_due(9, 9)
    assert (first, second) == ([1, 2], [3])
    stores[0].rollback()
    stores[1].rollback()


def test_a_contact_is_held_by_one_transaction(stores):
    first, second = stores
    first.write(add(1))
    first.begin().workspace(ONE).contacts.lock(1)
    seen = []
    waits = threading.Thread(
        target=lambda: seen.append(second.write(lambda tables: tables.workspace(ONE).contacts.lock(1).score))
    )
    waits.start()
    until_it_waits(first)
    first._tables.workspace(ONE).contacts.advance([(5, 1, None, None, 1)])
    first.commit()
    waits.join(30)
    assert seen == [5]


def test_a_deadlock_is_contended_and_not_a_failure(stores):
    stores[0].write(lambda tables: [add(number)(tables) for number in (1, 2)])
    met = threading.Barrier(2)
    errors = []

    def cross(store, mine, other):
        contacts = store.begin().workspace(ONE).contacts
        contacts.lock(mine)
        met.wait(30)
        try:
            contacts.lock(other)
            store.commit()
        except Contended as error:
            errors.append(error)
            store.rollback()

    threads = [
        threading.Thread(target=cross, args=(store, *order))
        for store, order in zip(stores, [(1, 2), (2, 1)], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(errors) == 1


def test_a_clash_is_a_conflict_once_its_savepoint_is_undone_and_nothing_before(stores):
    store, _ = stores
    tables = store.begin()
    add(1)(tables)
    with pytest.raises(Contended):
        add(1)(tables)
    store.rollback()
    tables = store.begin()
    add(1)(tables)
    with pytest.raises(Conflict), store.savepoint():
        add(1)(tables)
    store.commit()
    assert store.read(lambda tables: tables.workspace(ONE).contacts.after(0, 10)) == [1]


def test_a_key_that_another_claims_meanwhile_is_waited_for(stores):
    first, second = stores
    assert first.begin().workspace(ONE).keys.claim(b"k", b"f", 1)
    claimed = []
    waits = threading.Thread(
        target=lambda: claimed.append(second.write(lambda t: t.workspace(ONE).keys.claim(b"k", b"f", 2)))
    )
    waits.start()
    until_it_waits(first)
    first.commit()
    waits.join(30)
    assert claimed == [False]


# Sessions


def test_whose_a_session_is_waits_for_who_is_tying_it(stores):
    first, second = stores
    first.write(lambda tables: tables.workspace(ONE).sessions.add(3, "s", None, 1))
    first.begin().workspace(ONE).sessions.link(3, 7, 1)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            second.write(lambda tables: tables.workspace(ONE).sessions.find_all(["s"], held=True))
        )
    )
    thread.start()
    until_it_waits(first)
    first.commit()
    thread.join(30)
    assert found == [{"s": (3, 7)}]


def test_a_session_stays_with_the_contact_that_it_was_tied_to_first(stores):
    first, second = stores
    first.write(lambda tables: tables.workspace(ONE).sessions.add(3, "s", None, 1))
    first.begin().workspace(ONE).sessions.link(3, 7, 1)
    tied = []
    slower = second.begin().workspace(ONE).sessions
    assert slower.find("s") == (3, None)
    thread = threading.Thread(target=lambda: tied.append(slower.link(3, 8, 1)))
    thread.start()
    until_it_waits(first)
    first.commit()
    thread.join()
    second.rollback()
    assert tied == [False]
    assert second.read(lambda tables: tables.workspace(ONE).sessions.find("s")) == (3, 7)
