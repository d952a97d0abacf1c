"""Tells endpoints what has happened: leases what is due, posts it, and writes how that went.

Each turn is one transaction at most: it settles the tries that have come back and leases the next ones. The tries
themselves run beside each other, a few for one endpoint, so that a slow one holds up nobody but itself. Order is not
promised: a delivery that failed comes after what happened later.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from ensue.accounts.audit import Actor, Recorder
from ensue.base import bounds
from ensue.base.errors import EnsueError
from ensue.base.ids import show
from ensue.base.sealing import Sealer
from ensue.channels.outgoing_http import OutgoingHttp
from ensue.engine.engine import Engine
from ensue.engine.webhooks import queue
from ensue.engine.webhooks.queue import Claim, Place, Try
from ensue.model.webhook import DisabledBy
from ensue.store.ports import Readable, Tables
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes
from ensue.worker.webhook_try import attempt

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
# Commits come by the hundred a second: what they bring is looked at together.
_AFTER_COMMIT_SECONDS = 0.02
_AFTER_TRY_SECONDS = 0.004
_LONGEST_PAUSE_SECONDS = 0.5
_RETRY_SECONDS = 1.0
_TIDY_SECONDS = 60.0
_GRACE_SECONDS = 5.0
_NOBODY = Actor(None, None, "")


class WebhookLoop:
    """Sleeps until something is due, a try comes back, or a commit may have brought something."""

    def __init__(
        self,
        engine: Engine,
        store: Readable,
        commits: GroupCommit,
        wakes: Wakes,
        sealer: Sealer,
        http: OutgoingHttp,
        draw: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._wakes = wakes
        self._sealer = sealer
        self._http = http
        self._draw = draw
        self._tries: set[asyncio.Task[None]] = set()
        self._back: list[tuple[Claim, Try]] = []
        self._came_back = asyncio.Event()
        self._last = Place(0, 0)
        self._tidy_at = 0.0
        self._look_seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="webhooks")

    async def close(self) -> None:
        """Stop, after the tries that are under way have had a moment to come back. The others lose their lease."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._tries:
            await asyncio.wait(self._tries, timeout=_GRACE_SECONDS)
        for running in self._tries:
            running.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)
        await self._http.close()
        if self._back:
            try:
                await self._settle_and_claim([])
            except EnsueError as error:
                _log.warning("tries of webhooks were not written: %s", error)

    async def _run(self) -> None:
        while not self._wakes.stopping:
            try:
                await self._turn()
            except EnsueError as error:
                _log.warning("webhooks wait: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001  a loop that ends by itself would leave everything untold
                _log.exception("webhooks failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _turn(self) -> None:
        hint, clock = self._wakes.hint(), asyncio.get_running_loop().time
        now, began = self._engine.ids.instant(), clock()
        places, later = await glance(self._store, lambda tables: queue.ready(tables, now))
        self._look_seconds = clock() - began
        if self._back or (places and self._free > 0):
            for claimed in await self._settle_and_claim(self._in_turn(places)):
                self._begin(claimed)
        elif clock() >= self._tidy_at:
            await self._tidy()
        else:
            await self._rest(hint, later - now if later is not None else None)

    @property
    def _free(self) -> int:
        return bounds.WEBHOOK_TRIES_AT_ONCE - len(self._tries)

    def _in_turn(self, places: list[Place]) -> list[Place]:
        """The endpoints, beginning after the one that was last to get a try."""
        return [place for place in places if place > self._last] + [place for place in places if place <= self._last]

    async def _settle_and_claim(self, places: list[Place]) -> list[Claim]:
        back, self._back = self._back, []
        free = self._free

        def work(tables: Tables) -> list[Claim]:
            now = self._engine.ids.instant()
            # In one order everywhere, so that two processes never wait for each other.
            for claimed, tried in sorted(back, key=lambda one: (*_place(one[0]), one[0].delivery.id)):
                own = tables.workspace(claimed.workspace_id)
                reason = queue.settle(own, claimed, tried, now, self._draw)
                if reason is not None:
                    self._record(tables, claimed.workspace_id, claimed.endpoint.id, reason)
            return queue.claim(tables, places, now, free)

        try:
            claims = await self._commits.run(work, own=True)
        except (EnsueError, asyncio.CancelledError):
            self._back = back + self._back
            raise
        # After anything else they are let go: one of them may be at fault, and their leases run out.
        if claims:
            self._last = _place(claims[-1])
        return claims

    def _record(self, tables: Tables, workspace_id: int, endpoint_id: int, reason: DisabledBy) -> None:
        _log.warning("webhook %s was disabled: %s", show("whk", endpoint_id), reason)
        recorder = Recorder(tables, self._engine.ids, _NOBODY)
        recorder.record(workspace_id, "webhook.disable", ("whk", endpoint_id), reason=reason)

    def _begin(self, claimed: Claim) -> None:
        task = asyncio.get_running_loop().create_task(self._try(claimed))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    async def _try(self, claimed: Claim) -> None:
        try:
            tried = await attempt(claimed, self._http, self._sealer, self._engine.clock)
        except Exception:  # noqa: BLE001  whatever it is concerns this try alone; its lease runs out
            _log.exception("a try of %s failed", show("whd", claimed.delivery.id))
            return
        self._back.append((claimed, tried))
        self._came_back.set()

    async def _tidy(self) -> None:
        """Remove what is old, a little at a time."""
        more = False
        for workspace_id in await glance(self._store, lambda tables: tables.webhook_workspaces()):
            more |= await self._commits.run(partial(self._tidy_one, workspace_id), own=True)
        self._tidy_at = asyncio.get_running_loop().time() + (_RETRY_SECONDS if more else _TIDY_SECONDS)

    def _tidy_one(self, workspace_id: int, tables: Tables) -> bool:
        more, disabled = queue.tidy(tables.workspace(workspace_id), self._engine.ids.instant())
        for endpoint_id in disabled:
            self._record(tables, workspace_id, endpoint_id, "BACKLOG")
        return more

    async def _rest(self, hint: asyncio.Event, milliseconds: int | None) -> None:
        seconds = _IDLE_SECONDS if milliseconds is None else min(milliseconds / 1000, _IDLE_SECONDS)
        waits = [asyncio.ensure_future(hint.wait()), asyncio.ensure_future(self._came_back.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        pause = _AFTER_TRY_SECONDS if self._came_back.is_set() else _AFTER_COMMIT_SECONDS
        # However many endpoints there are, looking at them takes a tenth of the time; but none waits long for it.
        pause = max(pause, min(9 * self._look_seconds, _LONGEST_PAUSE_SECONDS))
        self._came_back.clear()
        if not self._wakes.stopping:
            await asyncio.sleep(pause)


def _place(claimed: Claim) -> Place:
    return Place(claimed.workspace_id, claimed.endpoint.id)
