"""The one timer loop: contacts for which time alone may have changed something, a bounded number per transaction."""

import asyncio
import logging

from ensue.base import bounds
from ensue.base.errors import Unavailable
from ensue.engine.engine import Engine
from ensue.store.ports import Tables
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0


class TimerLoop:
    """Sleeps until the earliest due instant, or until a commit may have brought an earlier one."""

    def __init__(self, engine: Engine, commits: GroupCommit, wakes: Wakes) -> None:
        self._engine = engine
        self._commits = commits
        self._wakes = wakes
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="timers")

    async def close(self) -> None:
        """Stop between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                advanced, next_due = await self._commits.run(self._advance)
            except Unavailable:
                await asyncio.sleep(1)
                continue
            except Exception:
                _log.exception("timers failed")
                await asyncio.sleep(1)
                continue
            if advanced < bounds.DUE_CONTACTS:
                await self._rest(next_due)

    def _advance(self, tables: Tables) -> tuple[int, int | None]:
        advanced = self._engine.run_due(tables)
        return advanced, tables.next_due()

    async def _rest(self, next_due: int | None) -> None:
        now = self._engine.clock.now()
        seconds = _IDLE_SECONDS if next_due is None else min(max(next_due - now, 0) / 1000, _IDLE_SECONDS)
        if seconds > 0:
            await self._wakes.wait(seconds)
