"""Forgets what was kept for a while only: forms whose address nobody confirmed in time."""

import asyncio
import logging
from functools import partial

from ensue.base import bounds
from ensue.base.errors import EnsueError
from ensue.engine.engine import Engine
from ensue.store.ports import Readable, Tables
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0


class ForgetLoop:
    """Looks once a minute for what has expired, and deletes a bounded number in one transaction."""

    def __init__(self, engine: Engine, store: Readable, commits: GroupCommit) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="forgetting")

    async def close(self) -> None:
        """Stop between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Delete all that has expired; returns how many there were.

        Raises:
            Unavailable: not now.
        """
        forgotten = 0
        now = self._engine.clock.now()
        for workspace_id in await glance(self._store, lambda tables: tables.workspaces_forgetting(now)):
            found = bounds.FORM_EXPIRED_AT_ONCE
            while found == bounds.FORM_EXPIRED_AT_ONCE:
                found = await self._commits.run(partial(_forget_some, workspace_id=workspace_id, now=now), own=True)
                forgotten += found
        return forgotten

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except EnsueError as error:
                _log.warning("what has expired is kept a little longer: %s", error)
            except Exception:  # noqa: BLE001  a loop that ends by itself would keep everything for ever
                _log.exception("forgetting failed")
            await asyncio.sleep(_LOOK_SECONDS)


def _forget_some(tables: Tables, workspace_id: int, now: int) -> int:
    return tables.workspace(workspace_id).form_submissions.forget_expired(now, bounds.FORM_EXPIRED_AT_ONCE)
