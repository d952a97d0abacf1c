"""The one backfill loop: reads on a thread, writes in small shared transactions, so that events go between."""

import asyncio
import logging
from concurrent.futures import Executor
from typing import TypeVar

from ensue.base.errors import NotFound, Unavailable
from ensue.engine.engine import Engine
from ensue.engine.segments.backfill import KINDS
from ensue.engine.segments.backfill_run import BackfillRun
from ensue.store.ports import Readable, Tables
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

T = TypeVar("T")
_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_AFTER_COMMIT_SECONDS = 0.05
_BUSY_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 5.0


class BackfillLoop:
    """Runs the oldest backfill of each workspace, a step of one after a step of the other."""

    def __init__(self, engine: Engine, store: Readable, commits: GroupCommit, wakes: Wakes, readers: Executor) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._wakes = wakes
        self._readers = readers
        self._runs: dict[int, BackfillRun] = {}
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
                self._take_up(self._store.read(_oldest))
                for workspace_id, run in list(self._runs.items()):
                    await self._step(workspace_id, run)
            except Unavailable as error:
                _log.warning("backfills wait: %s", error)
                await asyncio.sleep(_BUSY_SECONDS)
            except Exception:  # noqa: BLE001 - whatever went wrong, the others go on, and this one is tried again
                # Begun again from its cursor: what was read may be what was wrong.
                _log.exception("a backfill failed")
                self._runs.clear()
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            if not self._runs:
                await self._wakes.wait(_IDLE_SECONDS)
                # Commits come by the hundred a second, and hardly any brings work.
                await asyncio.sleep(_AFTER_COMMIT_SECONDS)

    def _take_up(self, found: dict[int, BackfillRun]) -> None:
        """Go on with the runs that are under way, begin those that are new, and drop those that are over or gone."""
        kept = {
            workspace_id: self._runs[workspace_id]
            for workspace_id, run in found.items()
            if workspace_id in self._runs and self._runs[workspace_id].backfill.id == run.backfill.id
        }
        self._runs = found | kept

    async def _step(self, workspace_id: int, run: BackfillRun) -> None:
        if run.reads:
            await asyncio.get_running_loop().run_in_executor(self._readers, self._read, workspace_id, run)
            return
        try:
            goes_on = await self._commits.run(lambda tables: self._engine.within(tables, workspace_id, run.write))
        except NotFound:
            goes_on = False  # The workspace is gone.
        run.written(goes_on=goes_on)
        if run.over:
            del self._runs[workspace_id]

    def _read(self, workspace_id: int, run: BackfillRun) -> None:
        self._store.read(lambda tables: run.read(tables.workspace(workspace_id), self._engine.ids.instant()))


def _oldest(tables: Tables) -> dict[int, BackfillRun]:
    """The oldest running backfill of each workspace that has one."""
    found: dict[int, BackfillRun] = {}
    for workspace_id in tables.workspaces_backfilling():
        for running in tables.workspace(workspace_id).backfills.running():
            if running.kind in KINDS:
                found.setdefault(workspace_id, BackfillRun(running))
    return found
