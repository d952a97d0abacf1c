"""The one loop for what campaigns do in the background: reads on a thread, writes in small shared transactions."""

import asyncio
import logging
from concurrent.futures import Executor
from contextlib import suppress

from ensue.base.errors import NotFound, Unavailable
from ensue.engine.campaigns import background
from ensue.engine.campaigns.background import Chore
from ensue.engine.engine import Engine
from ensue.store.ports import Readable
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_AFTER_COMMIT_SECONDS = 0.1
_AFTER_FAILURE_SECONDS = 5.0


class CampaignLoop:
    """Does one piece of every chore that is due, again and again; rests until one is, or a commit may bring one."""

    def __init__(self, engine: Engine, store: Readable, commits: GroupCommit, wakes: Wakes, readers: Executor) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._wakes = wakes
        self._readers = readers
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop; what an earlier process left unfinished goes on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="campaigns")

    async def close(self) -> None:
        """Stop between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._wakes.stopping:
            try:
                await self._turn()
            except Unavailable as error:
                _log.warning("campaigns wait: %s", error)
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            except Exception:  # noqa: BLE001  a loop that ends by itself would leave every launch where it is
                _log.exception("campaigns failed")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)

    async def _turn(self) -> None:
        hint, now = self._wakes.hint(), self._engine.ids.instant()
        chores = await glance(self._store, lambda tables: background.due(tables, now))
        for chore in chores:
            with suppress(NotFound):  # The workspace is gone.
                await self._attempt(chore)
        if not chores:
            await self._rest(hint, now)

    async def _rest(self, hint: asyncio.Event, now: int) -> None:
        coming = await glance(self._store, lambda tables: tables.next_campaign_work())
        seconds = _IDLE_SECONDS if coming is None else min(max(coming - now, 1) / 1000, _IDLE_SECONDS)
        await self._wakes.wait(seconds, hint)
        if seconds > _AFTER_COMMIT_SECONDS:
            # Commits come by the hundred a second, and hardly any brings work.
            await asyncio.sleep(_AFTER_COMMIT_SECONDS)

    async def _attempt(self, chore: Chore) -> None:
        try:
            await self._do(chore)
        except (Unavailable, NotFound):
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong concerns this one, and the others go on
            _log.exception("a campaign's work failed")
            await self._divide(chore, f"{type(error).__name__}: {error}")

    async def _do(self, chore: Chore) -> None:
        await asyncio.get_running_loop().run_in_executor(self._readers, self._read, chore)
        await self._write(chore)

    async def _divide(self, chore: Chore, sentence: str) -> None:
        """Do it piece by piece, and leave out the one that is at fault."""
        for part in chore.parts():
            try:
                await self._write(part)
            except (Unavailable, NotFound):
                raise
            except Exception as error:  # noqa: BLE001 - see above
                _log.exception("part of a campaign's work failed")
                await self._divide(part, f"{type(error).__name__}: {error}")
        if not chore.parts():
            await self._commits.run(
                lambda tables: self._engine.within(
                    tables, chore.workspace_id, lambda room: chore.failed(room, sentence)
                ),
                own=True,
            )

    async def _write(self, chore: Chore) -> None:
        await self._commits.run(lambda tables: self._engine.within(tables, chore.workspace_id, chore.write), own=True)

    def _read(self, chore: Chore) -> None:
        self._store.read(lambda tables: chore.read(tables, self._engine.ids))
