"""P11: a write or a sync that fails stops the process rather than lie."""

import gc
import shutil

import apsw
import pytest

from ensue.base.errors import Unavailable
from ensue.store.sqlite.connection import StorageFailed
from tests.fault.committing import driven
from tests.fault.power_loss import Operation, register
from tests.fault.site import Ledger, Site

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CODES = {
    Operation.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Operation.WRITE: apsw.SQLITE_IOERR_WRITE,
    Operation.READ: apsw.SQLITE_IOERR_READ,
}


@pytest.fixture
def vfs():
    layer = register("failing-site")
    yield layer
    layer.heal()
    gc.collect()
    layer.unregister()


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("operation", [Operation.SYNC, Operation.WRITE], ids=["sync", "write"])
def test_after_a_failure_nothing_is_answered_and_what_was_answered_is_there(vfs, tmp_path, operation, nth, lasting):
    site, ledger = Site(tmp_path / "before", vfs=vfs.name), Ledger()

    async def story(committing):
        await committing.post_together(4)
        fault = vfs.fail(operation, CODES[operation], nth=nth, lasting=lasting, name_end="-wal")
        for _ in range(20):
            if not all(await committing.post_together(3)):
                break
        assert fault.seen >= nth
        answered = len(ledger.answers)
        vfs.heal()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await committing.commits.run(lambda tables: tables.next_due())
            assert not await committing.post(ledger.key())
        assert len(ledger.answers) == answered

    committing = driven(site, ledger, story)
    assert [type(error) for error in committing.failures] == [StorageFailed]
    assert committing.refused

    vfs.lose_power(nth, tmp_path / "after")
    after = Site(shutil.copytree(tmp_path / "after", tmp_path / "judged"))
    assert after.missing(ledger) == set()
    assert after.flaws() == []
    after.close()


def test_those_who_wait_when_the_disk_fails_hear_of_it(vfs, tmp_path):
    site, ledger = Site(tmp_path / "before", vfs=vfs.name), Ledger()

    async def story(committing):
        vfs.fail(Operation.SYNC, apsw.SQLITE_IOERR_FSYNC, lasting=True)
        first = committing.commits.ingest([site.arrival(ledger.key(), 0)])
        later = [committing.commits.run(lambda tables: tables.next_due()) for _ in range(40)]
        for waiting in (first, *later):
            with pytest.raises(Unavailable):
                await waiting

    assert len(driven(site, ledger, story).failures) == 1


def test_a_read_that_fails_while_events_are_taken_in_stops_too(vfs, tmp_path):
    site, ledger = Site(tmp_path / "before", vfs=vfs.name), Ledger()
    site.store.write(lambda tables: tables.sql.run("PRAGMA cache_size = 0"))

    async def story(committing):
        vfs.fail(Operation.READ, apsw.SQLITE_IOERR_READ, lasting=True)
        assert not await committing.post(ledger.key())
        vfs.heal()
        assert not await committing.post(ledger.key())

    assert [type(error) for error in driven(site, ledger, story).failures] == [StorageFailed]
    assert ledger.answers == {}


def test_a_rollback_that_fails_too_stops_as_well(tmp_path, monkeypatch):
    site, ledger = Site(tmp_path), Ledger()

    def fail():
        raise StorageFailed("The store failed.")

    async def story(committing):
        monkeypatch.setattr(site.store, "rollback", fail)
        with pytest.raises(Unavailable):
            await committing.commits.run(lambda tables: tables.sql.run("no such statement"))
        assert not await committing.post(ledger.key())

    assert [type(error) for error in driven(site, ledger, story).failures] == [StorageFailed]


def test_when_the_store_fails_while_poison_is_looked_for_nobody_else_is_answered(tmp_path, monkeypatch):
    site, ledger = Site(tmp_path), Ledger()

    def poison(tables):
        tables.sql.run("no such statement")

    def fail():
        raise StorageFailed("The store failed.")

    def breaks(tables):
        monkeypatch.setattr(site.store, "commit", fail)

    async def story(committing):
        waiting = [committing.commits.run(work) for work in (breaks, poison)]
        waiting.append(committing.commits.ingest([site.arrival(ledger.key(), 0)]))
        for one in waiting:
            with pytest.raises(Unavailable):
                await one

    assert len(driven(site, ledger, story).failures) == 1
