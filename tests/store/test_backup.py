"""A backup is taken while the store is written to, is whole, and overwrites nothing."""

import os
import stat

import apsw
import pytest

from ensue.base.errors import Conflict, Unavailable
from ensue.engine.verification.verify import verify
from ensue.engine.view import view
from ensue.store.sqlite.store import FILE, SqliteStore
from tests.engine.world import World


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "live")
    yield world
    world.close()


def test_what_was_committed_before_is_in_it_and_what_comes_later_is_not(world, tmp_path, monkeypatch):
    world.scoring_rule("visit", 5)
    contact = world.contact()
    for _ in range(300):
        world.post("visit", contact, {"text": "x" * 2_000})

    def busy(self, to, copy=SqliteStore._copy):
        real = apsw.Connection.backup

        # Somebody writes between any two steps: a copy that followed the writer would start over each time.
        class Backup:
            def __init__(self, inner):
                self.inner = inner

            def __enter__(self):
                self.inner.__enter__()
                return self

            def __exit__(self, *failure):
                return self.inner.__exit__(*failure)

            @property
            def done(self):
                return self.inner.done

            def step(self, _pages):
                world.post("visit", contact)
                self.inner.step(20)

        class Target(apsw.Connection):
            def backup(self, *arguments):
                return Backup(real(self, *arguments))

        monkeypatch.setattr("ensue.store.sqlite.store.apsw.Connection", Target)
        try:
            copy(self, to)
        finally:
            monkeypatch.undo()

    monkeypatch.setattr(SqliteStore, "_copy", busy)
    folder = tmp_path / "restored"
    folder.mkdir()
    world.store.backup(folder / FILE)
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert world.score(contact) > 1_500
    restored = SqliteStore(folder)
    try:
        assert restored.check() == []
        stored = restored.read(lambda t: t.workspace(world.workspace).populations.contacts([contact]))[0]
        assert stored.score == 1_500
        assert restored.read(lambda t: list(verify(view(t, world.workspace, world.engine.ids)))) == []
    finally:
        restored.close()


def test_nothing_is_overwritten(world, tmp_path):
    there = tmp_path / "notes.txt"
    there.write_text("mine")
    with pytest.raises(Conflict):
        world.store.backup(there)
    assert there.read_text() == "mine"


def test_a_folder_that_is_not_there_is_a_sentence(world, tmp_path):
    with pytest.raises(Unavailable, match="cannot be written"):
        world.store.backup(tmp_path / "nowhere" / "copy.db")


def test_an_unsound_copy_leaves_no_file(world, tmp_path, monkeypatch):
    def fail(self, to):
        to.write_bytes(b"half")
        raise Unavailable("The copy is not sound.")

    monkeypatch.setattr(SqliteStore, "_copy", fail)
    with pytest.raises(Unavailable):
        world.store.backup(tmp_path / "copy.db")
    assert list(tmp_path.glob("copy.db*")) == []


def test_what_a_killed_backup_left_is_in_nobodys_way(world, tmp_path):
    (tmp_path / "copy.db.partial").write_bytes(b"half")
    world.store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").exists()
    assert not (tmp_path / "copy.db.partial").exists()


def test_one_reader_that_does_not_close_keeps_no_other_open(world, tmp_path):
    store = SqliteStore(tmp_path / "other")
    store.read(lambda tables: tables.largest_id())

    class Stuck(apsw.Connection):
        def close(self, force=False):
            raise apsw.BusyError("in use")

    store._readers.insert(0, Stuck(":memory:"))
    with pytest.raises(Unavailable):
        store.close()
    with pytest.raises(apsw.ConnectionClosedError):
        store._writer.execute("SELECT 1")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_backup_is_for_its_user_alone(world, tmp_path):
    before = os.umask(0o022)
    try:
        world.store.backup(tmp_path / "copy.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
