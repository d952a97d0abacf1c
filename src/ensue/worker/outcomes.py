"""What became of hand-overs, written together: results that come in while one transaction commits share the next."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ensue.base.errors import NotFound, Unavailable
from ensue.base.ids import show
from ensue.channels.channel import Channel
from ensue.engine.engine import Engine
from ensue.engine.messages import outcome
from ensue.engine.working_set import WorkingSet
from ensue.model.handover import Handover
from ensue.store.ports import Tables
from ensue.worker.group_commit import GroupCommit

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Result(NamedTuple):
    """What became of one attempt; `handover` is None when it was not begun."""

    workspace_id: int
    message_id: int
    attempt: int
    channel: str
    handover: Handover | None


class Outcomes:
    """Writes results. `over` is told of each one when it is durable."""

    def __init__(
        self,
        engine: Engine,
        commits: GroupCommit,
        channels: Mapping[str, Channel],
        draw: Callable[[], float],
        over: Callable[[Result], None],
    ) -> None:
        self._engine = engine
        self._commits = commits
        self._channels = channels
        self._draw = draw
        self._over = over
        self._waiting: list[Result] = []
        self._noticed = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="delivery results")

    async def close(self) -> None:
        """Write what is there, then stop."""
        self._closing = True
        self._noticed.set()
        if self._task is not None:
            await self._task

    def add(self, result: Result) -> None:
        """Take a result in."""
        self._waiting.append(result)
        self._noticed.set()

    def settle(self, room: WorkingSet, message_id: int, attempt: int, channel: str, handover: Handover) -> None:
        """Write one result, now, in a running transaction."""
        resends = self._channels[channel].resends_unknown
        outcome.settle(room, message_id, attempt, handover, resends_unknown=resends, draw=self._draw)

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._noticed.clear()
                await self._noticed.wait()
                continue
            results, self._waiting = self._waiting, []
            await self._write(results)

    async def _write(self, results: list[Result]) -> None:
        try:
            await self._commits.run(lambda tables: self._settle_all(tables, results), own=True)
        except Unavailable as error:
            if self._commits.broken:
                # Nothing more can be written; the leases run out.
                return
            _log.warning("results of deliveries wait: %s", error)
            self._waiting = results + self._waiting
            await asyncio.sleep(_RETRY_SECONDS)
            return
        except Exception:  # noqa: BLE001 - which one is at fault is found out below
            if len(results) > 1:
                # One of them is at fault, and the others must not be lost with it.
                for result in results:
                    await self._write([result])
                return
            _log.exception("what became of %s cannot be written", show("msg", results[0].message_id))
        for result in results:
            self._over(result)

    def _settle_all(self, tables: Tables, results: list[Result]) -> None:
        in_order = sorted(results, key=attrgetter("workspace_id"))
        for workspace_id, together in groupby(in_order, key=attrgetter("workspace_id")):
            some = list(together)
            try:
                self._engine.within(tables, workspace_id, partial(self._settle_some, results=some))
            except NotFound:
                _log.info("the workspace of %d deliveries is gone", len(some))

    def _settle_some(self, room: WorkingSet, results: list[Result]) -> None:
        for result in results:
            if result.handover is None:
                room.tables.messages.give_back(result.message_id, result.attempt, room.now)
            else:
                self.settle(room, result.message_id, result.attempt, result.channel, result.handover)
