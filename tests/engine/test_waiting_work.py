"""How much work may wait for the one writer, and who is never turned away."""

import asyncio
from functools import partial

import pytest

from ensue.base import bounds
from ensue.base.errors import Unavailable
from ensue.store.ports import Tables
from ensue.worker.group_commit import GroupCommit


def _note(done: list[int], number: int, _tables: Tables) -> None:
    done.append(number)


def test_work_beyond_the_bound_is_refused_and_what_waits_is_done(world, monkeypatch):
    monkeypatch.setattr(bounds, "WORKS_QUEUE", 40)
    done: list[int] = []

    async def main() -> None:
        commits = GroupCommit(world.store, world.engine)
        # Nothing is taken before the start.
        for number in range(2):
            waiting = [commits.run(partial(_note, done, number)) for _ in range(40)]
            with pytest.raises(Unavailable):
                commits.run(lambda _tables: done.append(-1))
            own = commits.run(lambda _tables: "own", own=True)
            if number == 0:
                commits.start()
            await asyncio.gather(*waiting)
            assert await own == "own"
        await commits.close()

    asyncio.run(main())
    assert done == [0] * 40 + [1] * 40
