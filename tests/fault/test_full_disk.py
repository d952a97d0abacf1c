"""P10: a full disk refuses writes, goes on reading, and recovers by itself."""

import pytest

from ensue.base.errors import Unavailable
from tests.fault.committing import driven
from tests.fault.site import WORKSPACE, Ledger, Site


def fill_up(site, room_for=0):
    """Let the file grow by no more than so many pages."""
    pages = int(str(site.store._writer.pragma("page_count")))
    site.store._writer.pragma("max_page_count", pages + room_for)


def make_room(site):
    site.store._writer.pragma("max_page_count", 1_000_000)


@pytest.fixture
def site(tmp_path):
    opened = Site(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("room_for", [0, 1, 2, 5])
def test_a_full_disk_refuses_keeps_reading_and_recovers(site, room_for):
    ledger = Ledger()

    async def story(committing):
        await committing.post_together(3)
        fill_up(site, room_for)
        for _ in range(500):
            if not all(await committing.post_together(8)):
                break
        assert committing.refused, "the disk never filled up"
        assert site.store.read(lambda tables: tables.workspace(WORKSPACE).events.latest_id())
        assert site.missing(ledger) == set()
        assert site.flaws() == []
        for _ in range(3):
            await committing.post_together(8)
        assert site.flaws() == []

        make_room(site)
        refused, committing.refused = committing.refused, []
        # The client's retry, with the key that it has.
        assert all([await committing.post(key) for key in refused])

    committing = driven(site, ledger, story)
    assert committing.failures == []
    assert len(ledger.answers) == ledger.sent
    assert site.missing(ledger) == set()
    assert site.flaws() == []


def test_nothing_of_work_that_found_no_room_is_stored(site):
    ledger = Ledger()

    async def story(committing):
        fill_up(site)
        with pytest.raises(Unavailable):
            await committing.commits.run(
                lambda tables: [tables.workspace(WORKSPACE).events.add_type("x" * 200 + str(n), 1) for n in range(500)]
            )
        make_room(site)
        assert await committing.post(ledger.key())

    driven(site, ledger, story)
    types = site.store.read(lambda tables: tables.sql.rows("SELECT name FROM event_types"))
    assert types == [("buy",)]
    assert site.flaws() == []


def test_timers_wait_for_room_and_lose_none(site):
    ledger = Ledger()
    site.post(ledger, 4)
    site.clock.advance(60_000)
    fill_up(site)
    site.store._writer.pragma("query_only", True)
    with pytest.raises(Unavailable):
        site.store.write(site.engine.run_due)
    site.engine.forget()
    site.store._writer.pragma("query_only", False)
    make_room(site)

    site.run_due()
    stays = site.store.read(
        lambda tables: tables.sql.rows(
            """SELECT m.entered_at, m.exited_at FROM memberships m JOIN segments s
            ON s.workspace_id = m.workspace_id AND s.id = m.segment_id WHERE s.name = 'lately'"""
        )
    )
    assert stays == [(entered, entered + 60_000) for entered, _ in stays]
    assert len(stays) == 4
