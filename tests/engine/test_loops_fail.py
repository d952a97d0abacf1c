"""Work in the background that fails: what it is tried again for, how it ends, and that it holds up nobody else."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from ensue.base import bounds
from ensue.base.errors import Unavailable
from ensue.engine.scoring import rebuild
from ensue.engine.segments import backfill
from ensue.worker import backfill_loop, rebuild_loop
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes
from tests.engine import backfills
from tests.engine.world import World

PRO = backfills.attribute("plan", "pro")


def run_loop(world: World, make, done) -> None:
    """Let a real loop work until `done`."""

    async def main() -> None:
        wakes = Wakes()
        commits = GroupCommit(world.store, world.engine, committed=wakes.committed)
        commits.start()
        loop = make(commits, wakes)
        loop.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while not done():
                    await wakes.wait(0.05)
        wakes.stop()
        await loop.close()
        await commits.close()

    asyncio.run(main())


def run_backfills(world: World, done) -> None:
    with ThreadPoolExecutor(1) as readers:
        run_loop(
            world,
            lambda commits, wakes: backfill_loop.BackfillLoop(world.engine, world.store, commits, wakes, readers),
            done,
        )


def second_workspace(world: World) -> int:
    other = world.engine.ids.next()
    world.store.write(
        lambda tables: tables.sql.run(
            """INSERT INTO workspaces (id, name, slug, trigger_horizon, created_at, updated_at)
            VALUES (?, 'Other', 'other', ?, ?, ?)""",
            (other, bounds.TRIGGER_HORIZON, world.now, world.now),
        )
    )
    return other


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(backfill_loop, "_AFTER_FAILURE_SECONDS", 0.001)
    monkeypatch.setattr(backfill_loop, "_AFTER_COMMIT_SECONDS", 0.001)


@pytest.fixture
def poison(monkeypatch):
    """Let the backfills of some segments fail; returns how often each has."""
    failures: dict[int, int] = {}
    look = backfill.look

    def poisoned(tables, found, some, now):
        if found.subject_id in failures:
            failures[found.subject_id] += 1
            raise ValueError("a bug")
        return look(tables, found, some, now)

    monkeypatch.setattr(backfill, "look", poisoned)
    return failures


@pytest.mark.usefixtures("at_once")
def test_a_backfill_that_fails_holds_up_no_other(world, poison):
    contact = world.contact(attributes={"plan": "pro"})
    bad = backfills.create(world, PRO, "Bad")
    good = backfills.create(world, PRO, "Good")
    poison[bad] = 0
    first, world.workspace = world.workspace, second_workspace(world)
    elsewhere_contact = world.contact(attributes={"plan": "pro"})
    elsewhere = backfills.create(world, PRO)

    def ended() -> bool:
        return not world.rows("SELECT 1 FROM backfills WHERE status = 'RUNNING'")

    run_backfills(world, ended)
    assert backfills.status(world, elsewhere) == "READY"
    assert world.members(elsewhere) == {elsewhere_contact}
    world.workspace = first
    assert backfills.status(world, good) == "READY"
    assert world.members(good) == {contact}
    given_up = backfills.latest(world, bad)
    assert (given_up.status, given_up.error, poison[bad]) == ("FAILED", "ValueError: a bug", 3)
    assert given_up.finished_at is not None
    assert backfills.status(world, bad) == "BACKFILLING"


@pytest.mark.usefixtures("at_once")
def test_a_backfill_that_fails_once_is_done_in_the_end(world, poison):
    contact = world.contact(attributes={"plan": "pro"})
    segment = backfills.create(world, PRO)
    poison[segment] = 0

    def healed() -> bool:
        if poison.get(segment):
            del poison[segment]
        return backfills.status(world, segment) == "READY"

    run_backfills(world, healed)
    assert world.members(segment) == {contact}
    assert backfills.latest(world, segment).error is None


def test_rebuilds_go_on_after_the_store_could_not_be_read_or_written(world, monkeypatch):
    monkeypatch.setattr(rebuild_loop, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(rebuild_loop, "advance", lambda *_: 1 / 0)
    world.change(rebuild.begin)
    outages = ["read", "write"]
    running, run = rebuild_loop.running, GroupCommit.run

    def sometimes(tables):
        if "read" in outages:
            outages.remove("read")
            raise Unavailable("Not now.")
        return running(tables)

    def seldom(commits, work, **how):
        if "write" in outages and "finish" in str(work.__code__.co_names):
            outages.remove("write")
            raise Unavailable("Not now.")
        return run(commits, work, **how)

    monkeypatch.setattr(rebuild_loop, "running", sometimes)
    monkeypatch.setattr(GroupCommit, "run", seldom)

    def failed() -> bool:
        return bool(world.rows("SELECT status FROM backfills") == [("FAILED",)])

    run_loop(world, lambda commits, _: rebuild_loop.RebuildLoop(world.store, world.engine, commits), failed)
    assert not outages
    assert failed()
