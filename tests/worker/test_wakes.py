"""A commit between the look and the rest is not slept through."""

import asyncio

import pytest

from ensue.worker.wakes import Wakes

LONG = 60


@pytest.mark.parametrize("happens", [Wakes.committed, Wakes.heard, Wakes.stop])
@pytest.mark.timeout(10)
def test_what_happened_since_the_hint_was_taken_ends_the_wait_at_once(happens):
    async def look_and_rest():
        wakes = Wakes()
        hint = wakes.hint()
        happens(wakes)
        await wakes.wait(LONG, hint)

    asyncio.run(look_and_rest())


@pytest.mark.timeout(10)
def test_what_happened_before_is_waited_for_no_more():
    async def rest():
        wakes = Wakes()
        wakes.committed()
        waiting = asyncio.ensure_future(wakes.wait(LONG, wakes.hint()))
        await asyncio.sleep(0)
        assert not waiting.done()
        wakes.committed()
        await waiting

    asyncio.run(rest())
