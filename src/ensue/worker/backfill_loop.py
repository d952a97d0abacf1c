"""The one backfill loop: reads on a thread, writes in small shared transactions, so that events go between."""

import asyncio
import logging
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from ensue.base.errors import NotFound, Unavailable
from ensue.engine.engine import Engine
from ensue.engine.segments import backfill
from ensue.engine.segments.backfill_run import BackfillRun
from ensue.store.ports import Readable, Tables
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

T = TypeVar("T")
_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_AFTER_COMMIT_SECONDS = 0.05
_BUSY_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 5.0
_TRIES = 3


class _Failures(NamedTuple):
    """How often a backfill failed in this process, and the loop's time before which it is left alone."""

    times: int
    rests_until: float


class BackfillLoop:
    """Runs the oldest backfill of each workspace, a step of one after a step of the other."""

    def __init__(self, engine: Engine, store: Readable, commits: GroupCommit, wakes: Wakes, readers: Executor) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._wakes = wakes
        self._readers = readers
        self._runs: dict[int, BackfillRun] = {}
        self._failed: dict[int, _Failures] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop; what an earlier process left unfinished goes on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="backfills")

    async def close(self) -> None:
        """Stop between two steps."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._wakes.stopping:
            try:
                hint, resting = self._wakes.hint(), self._resting()
                self._take_up(await glance(self._store, partial(_oldest, resting=resting)))
                runs = list(self._runs.items())
                for workspace_id, run in runs:
                    await self._guarded_step(workspace_id, run)
                if not runs:
                    await self._wakes.wait(self._idle_seconds(resting), hint)
                    # Commits come by the hundred a second, and hardly any brings work.
                    await asyncio.sleep(_AFTER_COMMIT_SECONDS)
            except Unavailable as error:
                _log.warning("backfills wait: %s", error)
                await asyncio.sleep(_BUSY_SECONDS)
            except Exception:  # noqa: BLE001  a loop that ends by itself would leave every backfill undone
                _log.exception("backfills failed")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)

    def _resting(self) -> frozenset[int]:
        """The backfills that failed a moment ago."""
        now = asyncio.get_running_loop().time()
        return frozenset(i for i, failures in self._failed.items() if failures.rests_until > now)

    def _idle_seconds(self, resting: AbstractSet[int]) -> float:
        """Until the first of those that were passed over may be tried again, also when that time is over by now."""
        now = asyncio.get_running_loop().time()
        return min([_IDLE_SECONDS, *(max(self._failed[i].rests_until - now, 0) for i in resting)])

    def _take_up(self, found: dict[int, BackfillRun]) -> None:
        """Go on with the runs that are under way, begin those that are new, and drop those that are over or gone."""
        kept = {
            workspace_id: self._runs[workspace_id]
            for workspace_id, run in found.items()
            if workspace_id in self._runs and self._runs[workspace_id].backfill.id == run.backfill.id
        }
        self._runs = found | kept

    async def _guarded_step(self, workspace_id: int, run: BackfillRun) -> None:
        try:
            await self._step(workspace_id, run)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong concerns this one, and the others go on
            # It is begun again from its cursor: what was read may be what was wrong.
            _log.exception("a backfill failed")
            self._runs.pop(workspace_id, None)
            await self._failed_once_more(workspace_id, run.backfill.id, error)

    async def _failed_once_more(self, workspace_id: int, backfill_id: int, error: Exception) -> None:
        before = self._failed.get(backfill_id)
        times = before.times + 1 if before is not None else 1
        until = asyncio.get_running_loop().time() + _AFTER_FAILURE_SECONDS
        self._failed[backfill_id] = _Failures(times, until)
        if times < _TRIES:
            return
        sentence = f"{type(error).__name__}: {error}"
        with suppress(NotFound):  # The workspace is gone.
            await self._commits.run(
                lambda tables: self._engine.within(
                    tables, workspace_id, lambda room: backfill.give_up(room, backfill_id, sentence)
                ),
                own=True,
            )
        del self._failed[backfill_id]

    async def _step(self, workspace_id: int, run: BackfillRun) -> None:
        if run.reads:
            await asyncio.get_running_loop().run_in_executor(self._readers, self._read, workspace_id, run)
            return
        try:
            goes_on = await self._commits.run(
                lambda tables: self._engine.within(tables, workspace_id, run.write), own=True
            )
        except NotFound:
            goes_on = False  # The workspace is gone.
        run.written(goes_on=goes_on)
        if run.over:
            del self._runs[workspace_id]
            self._failed.pop(run.backfill.id, None)

    def _read(self, workspace_id: int, run: BackfillRun) -> None:
        self._store.read(lambda tables: run.read(tables.workspace(workspace_id), self._engine.ids.instant()))


def _oldest(tables: Tables, resting: AbstractSet[int]) -> dict[int, BackfillRun]:
    """The oldest running backfill of each workspace that has one, without those that rest."""
    found: dict[int, BackfillRun] = {}
    for workspace_id in tables.workspaces_backfilling():
        for running in tables.workspace(workspace_id).backfills.running():
            if running.kind in backfill.KINDS and running.id not in resting:
                found.setdefault(workspace_id, BackfillRun(running))
    return found
