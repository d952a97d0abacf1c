"""What every store promises about transactions, savepoints and snapshots."""

import threading

import pytest

from ensue.base.errors import Conflict, Unprocessable
from ensue.model.contact import Contact
from ensue.store.postgres.store import PostgresStore
from tests.contract.conftest import ONE, TWO


class Stop(Exception):
    pass


def contact(number, **more):
    return Contact(number, 1, 1, 1, **more)


def add(number, **more):
    return lambda tables: tables.workspace(ONE).contacts.add(contact(number, **more), more.get("email"))


def stored(store):
    return store.read(lambda tables: tables.workspace(ONE).contacts.after(0, 100))


def test_what_is_committed_is_read(store):
    store.write(add(1))
    assert stored(store) == [1]


def test_what_is_rolled_back_was_never_there(store):
    add(1)(store.begin())
    store.rollback()
    assert stored(store) == []
    store.write(add(2))
    assert stored(store) == [2]


def test_rolling_back_nothing_is_harmless(store):
    store.rollback()
    store.write(add(1))
    store.rollback()
    assert stored(store) == [1]


def test_work_that_raises_leaves_nothing(store):
    def work(tables):
        add(1)(tables)
        raise Stop

    with pytest.raises(Stop):
        store.write(work)
    assert stored(store) == []


def stop():
    raise Stop


def undone(store, *steps):
    """Take steps inside a savepoint and raise."""
    try:
        with store.savepoint():
            for step in (*steps, stop):
                step()
    except Stop:
        return


def test_a_savepoint_undoes_only_what_is_inside(store):
    tables = store.begin()
    add(1)(tables)
    undone(store, lambda: add(2)(tables))
    with store.savepoint():
        add(3)(tables)
    store.commit()
    assert stored(store) == [1, 3]


def test_savepoints_stand_in_one_another(store):
    tables = store.begin()

    def kept():
        with store.savepoint():
            add(4)(tables)

    with store.savepoint():
        add(1)(tables)
        undone(store, lambda: add(2)(tables))
        add(3)(tables)
    undone(store, kept)
    store.commit()
    assert stored(store) == [1, 3]


def test_a_conflict_inside_a_savepoint_leaves_the_rest_usable(store):
    tables = store.begin()
    add(1, email="a@x.org")(tables)
    with store.savepoint():
        add(2)(tables)
    with pytest.raises(Conflict), store.savepoint():
        add(3, email="a@x.org")(tables)
    add(4)(tables)
    store.commit()
    assert stored(store) == [1, 2, 4]


def test_the_writer_sees_its_own_changes_and_nobody_else_does(store):
    tables = store.begin()
    add(1)(tables)
    assert tables.workspace(ONE).contacts.after(0, 100) == [1]
    assert stored(store) == []
    store.commit()
    assert stored(store) == [1]


def test_a_reader_keeps_its_snapshot_while_others_commit(store):
    store.write(add(1))

    def question(tables):
        before = tables.workspace(ONE).contacts.after(0, 100)
        store.write(add(2))
        return before, tables.workspace(ONE).contacts.after(0, 100)

    assert store.read(question) == ([1], [1])
    assert stored(store) == [1, 2]


def test_two_readers_at_once_have_a_snapshot_each(store):
    store.write(add(1))
    inner: dict[str, list[int]] = {}

    def outer(tables):
        tables.workspace(ONE).contacts.after(0, 1)
        store.write(add(2))
        thread = threading.Thread(target=lambda: inner.update(seen=stored(store)))
        thread.start()
        thread.join()
        return tables.workspace(ONE).contacts.after(0, 100)

    assert store.read(outer) == [1]
    assert inner["seen"] == [1, 2]


def test_a_reader_cannot_write(store):
    with pytest.raises(Exception, match=r"."):
        store.read(add(1))
    assert stored(store) == []


def test_a_reader_that_raises_is_used_again(store):
    def question(tables):
        raise Stop

    for _ in range(3):
        with pytest.raises(Stop):
            store.read(question)
    store.write(add(1))
    assert stored(store) == [1]


@pytest.mark.parametrize(
    "clash",
    [
        lambda one: one.contacts.add(contact(1), None),
        lambda one: one.contacts.add(contact(9, email="a@x.org"), "a@x.org"),
        lambda one: one.contacts.add(contact(9, external_id="x"), None),
        lambda one: one.contacts.change(contact(2, email="a@x.org"), "a@x.org"),
        lambda one: one.sessions.add(9, "s", None, 1),
        lambda one: one.contacts.add_tag(9, "vip", 1),
        lambda one: one.erasures.keep_key(b"k", 1),
    ],
    ids=["id", "email", "external id", "email of a change", "session", "tag", "erasure key"],
)
def test_a_unique_key_is_a_conflict(store, write, clash):
    def before(one):
        one.contacts.add(contact(1, email="a@x.org", external_id="x"), "a@x.org")
        one.contacts.add(contact(2), None)
        one.sessions.add(3, "s", None, 1)
        one.contacts.add_tag(4, "vip", 1)
        one.erasures.keep_key(b"k", 1)

    write(before)
    with pytest.raises(Conflict):
        write(clash)
    write(lambda one: one.contacts.add(contact(5), None))


def test_a_slug_is_unique(store):
    from ensue.model.workspace import Workspace

    with pytest.raises(Conflict):
        store.write(lambda tables: tables.accounts.workspaces.add(Workspace(3, "Three", f"w{ONE}", "UTC", 1, 1, 1, 1)))


def test_who_is_due_is_asked_of_all_workspaces(store):
    def arm(number, workspace, due_at):
        def work(tables):
            own = tables.workspace(workspace)
            own.contacts.add(contact(number), None)
            own.contacts.advance([(0, 1, due_at, None, number)])

        store.write(work)

    assert store.read(lambda tables: (tables.workspaces_due(10**15), tables.next_due())) == ([], None)
    arm(1, ONE, 50)
    arm(2, TWO, 40)
    arm(3, TWO, None)
    assert store.read(lambda tables: tables.next_due()) == 40
    assert store.read(lambda tables: tables.workspaces_due(39)) == []
    assert store.read(lambda tables: tables.workspaces_due(40)) == [TWO]
    assert sorted(store.read(lambda tables: tables.workspaces_due(50))) == [ONE, TWO]


def test_new_ids_go_on_above_every_one_in_use(store, write):
    """Also above those of stays, enrolments and sessions: a timer can make these long after the last event."""
    from tests.contract.test_enrolments import enrolment
    from tests.contract.test_standing import stay

    def largest():
        return store.read(lambda tables: tables.largest_id())

    assert largest() == TWO
    write(lambda one: one.contacts.add(contact(5_000), None))
    assert largest() == 5_000
    write(lambda one: one.memberships.enter([stay(6_000)]))
    assert largest() == 6_000
    write(lambda one: one.enrolments.put([enrolment(7_000)]))
    assert largest() == 7_000
    write(lambda one: one.sessions.add(8_000, "s", None, 1))
    assert largest() == 8_000


def test_a_backup_holds_what_was_committed_or_is_refused(store, tmp_path):
    store.write(add(1))
    if isinstance(store, PostgresStore):
        with pytest.raises(Unprocessable, match="pg_dump"):
            store.backup(tmp_path / "copy")
        return
    folder = tmp_path / "copy"
    folder.mkdir()
    store.backup(folder / store.path.name)
    store.write(add(2))
    copy = type(store)(folder)
    assert stored(copy) == [1]
    assert copy.check() == []
    copy.close()


def test_a_sound_store_checks_clean(store):
    store.write(add(1))
    assert store.check() == []


def test_reopening_finds_everything_and_the_same_schema(place, store):
    store.write(add(1))
    again = place()
    assert stored(again) == [1]
    assert again.schema == store.schema
    again.close()
