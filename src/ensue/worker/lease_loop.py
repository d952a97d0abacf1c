"""Keeps the lease of this process's node number while nothing else is written."""

import asyncio
import logging

from ensue.base.errors import EnsueError
from ensue.worker.group_commit import GroupCommit

_log = logging.getLogger(__name__)

_RENEWED_EVERY_SECONDS = 20.0


class LeaseLoop:
    """Every transaction renews the lease, so an empty one is enough."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lease")

    async def close(self) -> None:
        """Stop; the store gives the number back when it is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_RENEWED_EVERY_SECONDS)
            try:
                await self._commits.run(lambda _tables: None, own=True)
            except EnsueError as error:
                _log.warning("the lease of this process's ids is not renewed now: %s", error)
