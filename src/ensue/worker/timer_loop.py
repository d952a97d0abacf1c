"""The one timer loop: contacts for which time alone may have changed something, a bounded number per transaction."""

import asyncio
import logging
from typing import TypeVar

from ensue.base.errors import EnsueError, Unavailable
from ensue.base.ids import show
from ensue.engine.engine import Engine
from ensue.store.ports import Readable
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

_log = logging.getLogger(__name__)

T = TypeVar("T")

_IDLE_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_ELSEWHERE_SECONDS = 0.1


class TimerLoop:
    """Sleeps until the earliest due instant, or until a commit may have brought an earlier one."""

    def __init__(self, engine: Engine, store: Readable, commits: GroupCommit, wakes: Wakes) -> None:
        self._engine = engine
        self._store = store
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
        while not self._wakes.stopping:
            try:
                await self._turn()
            except EnsueError as error:
                _log.warning("timers wait: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001  a loop that ends by itself would stop time for everybody
                _log.exception("timers failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _turn(self) -> None:
        """Work off what is due, or rest until something may be."""
        hint = self._wakes.hint()
        next_due, sweeps = await glance(self._store, lambda tables: (tables.next_due(), tables.sweeps()))
        now = self._engine.clock.now()
        # What a sweep has to thaw is armed nowhere: the timers of the frozen are used up.
        if sweeps or (next_due is not None and next_due <= now):
            await self._work_off()
        elif next_due is None:
            await self._wakes.wait(_IDLE_SECONDS, hint)
        else:
            await self._wakes.wait(min((next_due - now) / 1000, _IDLE_SECONDS), hint)

    async def _work_off(self) -> None:
        try:
            if not await self._commits.run(self._engine.run_due, own=True):
                # All that is due is being worked on by another process.
                await self._wakes.wait(_ELSEWHERE_SECONDS)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - one of them is at fault, and the others must not wait for it
            _log.exception("timers failed together; each contact is tried by itself")
            for workspace_id, contact_id in await glance(self._store, self._engine.due):
                await self._run_one(workspace_id, contact_id)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _run_one(self, workspace_id: int, contact_id: int) -> None:
        try:
            await self._commits.run(lambda tables: self._engine.run_one(tables, workspace_id, contact_id), own=True)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it concerns this contact alone
            _log.exception("the timers of %s failed; they are tried again later", show("ct", contact_id))
            await self._commits.run(lambda tables: self._engine.put_off(tables, workspace_id, contact_id), own=True)
