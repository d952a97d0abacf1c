"""The timer loop: what wakes it, and what must not stop it or hold it up."""

import asyncio
from contextlib import suppress
from functools import partial

from ensue.base import bounds
from ensue.base.clock import HOUR
from ensue.engine.campaigns import editing
from ensue.engine.reactions import react
from ensue.engine.working_set import WorkingSet
from ensue.store.sql.events import EventLog
from ensue.worker.group_commit import GroupCommit
from ensue.worker.timer_loop import TimerLoop
from ensue.worker.wakes import Wakes
from tests.engine.flow import chain, node, run_of, sign_up
from tests.engine.world import World

SIGNUP = {"type": "EVENT", "eventType": "signup"}


def run_loop(world: World, done) -> None:
    """Let the real loop work until `done`."""

    async def main() -> None:
        wakes = Wakes()
        commits = GroupCommit(world.store, world.engine, committed=wakes.committed)
        timers = TimerLoop(world.engine, world.store, commits, wakes)
        commits.start()
        timers.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while not done():
                    await wakes.wait(5)
        wakes.stop()
        await timers.close()
        await commits.close()

    asyncio.run(main())


def _change_status(campaign: int, status: str, room: WorkingSet) -> None:
    editing.change_status(room, editing.named(room, campaign), status)


def pause_and_resume(world: World, campaign: int) -> None:
    for status in ("PAUSED", "ACTIVE"):
        world.change(partial(_change_status, campaign, status))
        world.clock.advance(HOUR)


def sweeping(world: World) -> bool:
    return bool(world.store.read(lambda tables: tables.sweeps()))


def test_a_sweep_goes_on_when_no_timer_is_due_anywhere(world):
    campaign = world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", eventType="buy")))
    sign_up(world)
    pause_and_resume(world, campaign)
    assert sweeping(world)
    assert world.store.read(lambda tables: tables.next_due()) is None
    run_loop(world, lambda: not sweeping(world))
    assert not sweeping(world)


def test_a_workspace_that_is_being_removed_is_swept_no_more(world):
    campaign = world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", eventType="buy")))
    sign_up(world)
    pause_and_resume(world, campaign)
    world.store.write(lambda tables: tables.accounts.workspaces.begin_removal(world.workspace, world.now))
    assert not sweeping(world)
    assert world.store.write(world.engine.run_due) == 0


def test_a_contact_whose_timers_fail_holds_up_nobody(world, monkeypatch):
    once = {"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1}
    recent = world.segment(once | {"timeWindow": "1h"})
    poisoned, sound = world.contact(), world.contact()
    bought_at = world.now
    for contact in (poisoned, sound):
        world.post("buy", contact)
    healthy = react.to_time

    def to_time(subject, due, at):
        if subject.id == poisoned:
            raise ValueError("a bug")
        return healthy(subject, due, at)

    monkeypatch.setattr(react, "to_time", to_time)
    world.clock.advance(2 * HOUR)
    run_loop(world, lambda: world.stored(poisoned).due_at == world.now + bounds.DUE_RETRY and not is_due(world))
    assert world.members(recent) == {poisoned}

    monkeypatch.setattr(react, "to_time", healthy)
    world.forward(bounds.DUE_RETRY)
    assert world.rows("SELECT exited_at FROM memberships") == [(bought_at + HOUR,)] * 2


def is_due(world: World) -> bool:
    return bool(world.store.read(world.engine.due))


def test_a_campaigns_window_reads_no_more_of_the_log_than_it_spans(world, monkeypatch):
    once = {"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 2}
    world.campaign(SIGNUP, workflow=chain(node("w", "wait_until", rules=once | {"timeWindow": "1h"})))
    contact, enrolment = sign_up(world)
    world.post("buy", contact)
    world.clock.advance(2 * HOUR)
    edges = []
    read = EventLog.of_contact

    def of_contact(log, contact_id, types, after, upto):
        edges.append(after)
        return read(log, contact_id, types, after, upto)

    monkeypatch.setattr(EventLog, "of_contact", of_contact)
    world.post("buy", contact)
    assert edges
    assert set(edges) == {world.now - HOUR}
    assert run_of(world, enrolment).node_id == "w"
    world.post("buy", contact)
    assert run_of(world, enrolment).status == "COMPLETED"
