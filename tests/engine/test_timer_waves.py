"""A wave of timers due at one instant: none is lost, none is late, and events are taken in meanwhile."""

import asyncio
import os
from itertools import pairwise

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.engine import timers
from ensue.engine.arrival import Arrival, Created
from ensue.engine.contacts import changes
from ensue.model.cause import Cause
from ensue.worker.group_commit import GroupCommit
from ensue.worker.timer_loop import TimerLoop
from ensue.worker.wakes import Wakes
from tests.engine.flow import chain, node, sign_up

WAVE = 100_000 if os.environ.get("ENSUE_LONG") else 10_000
LONG = pytest.mark.timeout(1_200 if os.environ.get("ENSUE_LONG") else 120)


@pytest.fixture
def wave(world):
    """The instant at which every contact leaves the segment that its one event brought it into."""
    condition = {
        "type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 1, "timeWindow": "1m",
    }  # fmt: skip
    world.segment({"operator": "AND", "conditions": [condition]})
    people = []
    for start in range(0, WAVE, 1_000):
        people += world.change(
            lambda room, start=start: [
                changes.create(room, {"externalId": str(number)}, Cause("CHANGE"))[0].id
                for number in range(start, start + 1_000)
            ]
        )
    for start in range(0, WAVE, 1_000):
        arrivals = [Arrival(world.workspace, "buy", world.now, person) for person in people[start : start + 1_000]]
        world.store.write(lambda tables, arrivals=arrivals: world.engine.ingest(tables, arrivals))
    return world.now + MINUTE


def due(world):
    return world.rows("SELECT COUNT(*) FROM standings WHERE due_at <= ?", world.now)[0][0]


def assert_over(world, wave):
    assert due(world) == 0
    assert world.rows("SELECT exited_at, COUNT(*) FROM memberships GROUP BY exited_at") == [(wave, WAVE)]
    assert world.rows("SELECT COUNT(*) FROM timers WHERE due_at <= ?", world.now) == [(0,)]


@LONG
def test_a_wave_is_worked_off_in_bounded_chunks_each_transition_at_its_instant(world, wave):
    world.clock.set(wave - 1)
    assert world.store.write(world.engine.run_due) == 0
    # Noticed a day late, as after a downtime.
    world.clock.set(wave + DAY)
    chunks = []
    while advanced := world.store.write(world.engine.run_due):
        chunks.append(advanced)
    assert sum(chunks) == WAVE
    assert max(chunks) <= bounds.DUE_CONTACTS
    assert_over(world, wave)


@LONG
def test_a_wave_cut_short_goes_on_where_it_was(world, wave):
    world.clock.set(wave)
    for _ in range(3):
        world.store.write(world.engine.run_due)
    tables = world.store.begin()
    assert world.engine.run_due(tables)
    world.store.rollback()
    world.engine.forget()
    assert due(world) == WAVE - 3 * bounds.DUE_CONTACTS
    world.run_due()
    assert_over(world, wave)


@LONG
def test_events_are_answered_while_a_wave_is_worked_off(world, wave):
    world.clock.set(wave)
    wakes = Wakes()
    answered: list[int] = []

    async def main() -> None:
        commits = GroupCommit(world.store, world.engine, committed=wakes.committed)
        timers = TimerLoop(world.engine, world.store, commits, wakes)
        commits.start()
        timers.start()
        async with asyncio.timeout(600):
            while len(answered) < 10:
                (outcome,) = await commits.ingest([Arrival(world.workspace, "view", world.now)])
                assert isinstance(outcome, Created)
                answered.append(due(world))
            while due(world):
                await wakes.wait(60)
        wakes.stop()
        await timers.close()
        await commits.close()

    asyncio.run(main())
    assert all(remaining > 0 for remaining in answered), "the wave was over before the events were answered"
    # Between two answers there is at most a bounded piece of the wave.
    pieces = [before - after for before, after in pairwise(answered)]
    assert max(pieces) <= 2 * bounds.DUE_CONTACTS
    assert_over(world, wave)


def test_one_that_is_put_off_keeps_its_timers_among_others_that_are_due(world):
    """It may come into a wave under the id of somebody who was merged into it."""
    world.campaign(
        {"type": "EVENT", "eventType": "signup"}, workflow=chain(node("d", "delay", duration="1h"), node("e", "exit"))
    )
    contacts = [sign_up(world)[0] for _ in range(3)]
    world.clock.advance(2 * HOUR)
    world.store.write(lambda tables: world.engine.put_off(tables, world.workspace, contacts[1]))
    world.change(lambda room: timers.advance_due(room, contacts))
    left = world.rows("SELECT contact_id FROM timers")
    assert left == [(contacts[1],)]
    assert world.rows("SELECT COUNT(*) FROM enrolments WHERE ended_at IS NULL") == [(1,)]
    world.forward(HOUR)
    assert world.rows("SELECT COUNT(*) FROM enrolments WHERE ended_at IS NULL") == [(0,)]
