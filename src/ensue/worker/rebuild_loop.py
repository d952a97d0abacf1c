"""Rebuilds of scores, a bounded number of contacts per transaction, beside everything else."""

import asyncio
import logging
from typing import TypeVar

from ensue.base.errors import Unavailable
from ensue.engine.engine import Engine
from ensue.engine.scoring import rebuild
from ensue.store.ports import Readable, Tables
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit

T = TypeVar("T")
_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


class RebuildLoop:
    """Looks once a second whether a rebuild is running, also one that an earlier process began, and goes on with it."""

    def __init__(self, store: Readable, engine: Engine, commits: GroupCommit) -> None:
        self._store = store
        self._engine = engine
        self._commits = commits
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="rebuilds")

    async def close(self) -> None:
        """Stop between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                for workspace_id, rebuild_id in await glance(self._store, running):
                    await self._go_on(workspace_id, rebuild_id)
            except Unavailable as error:
                _log.warning("rebuilds of scores wait: %s", error)
            except Exception:  # noqa: BLE001  a loop that ends by itself would leave every rebuild undone
                _log.exception("rebuilds of scores failed")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _go_on(self, workspace_id: int, rebuild_id: int) -> None:
        try:
            while await self._commits.run(
                lambda tables: advance(self._engine, tables, workspace_id, rebuild_id), own=True
            ):
                pass
        except Unavailable:
            # It is still running; the next look goes on with it.
            return
        except Exception as error:  # noqa: BLE001 - a rebuild that fails must be seen to have failed
            _log.exception("a rebuild of scores failed")
            sentence = f"{type(error).__name__}: {error}"
            await self._commits.run(
                lambda tables: tables.workspace(workspace_id).backfills.finish(
                    rebuild_id, "FAILED", self._engine.ids.instant(), sentence
                ),
                own=True,
            )


def running(tables: Tables) -> list[tuple[int, int]]:
    """(workspace, rebuild) of those that are not finished."""
    return [
        (workspace_id, backfill.id)
        for workspace_id in tables.workspaces_backfilling()
        for backfill in tables.workspace(workspace_id).backfills.running()
        if backfill.kind == rebuild.KIND
    ]


def advance(engine: Engine, tables: Tables, workspace_id: int, rebuild_id: int) -> bool:
    """One transaction's part of a rebuild; False when it is done."""
    return engine.within(tables, workspace_id, lambda room: rebuild.advance(room, rebuild_id))
