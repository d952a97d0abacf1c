"""The one delivery loop: takes messages that are due, hands them over, and writes what became of them.

A lane is one channel of one workspace: a slow one holds up no other. A hand-over is leased first, in a transaction that
is durable before it begins. When nobody comes back from it, because the process was killed, the lease runs out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any

from ensue.base import bounds
from ensue.base.errors import NotFound, Unavailable
from ensue.base.ids import show
from ensue.channels.channel import Channel
from ensue.engine.engine import Engine
from ensue.engine.messages import dispatch, outcome
from ensue.engine.messages.dispatch import Composed
from ensue.engine.working_set import WorkingSet
from ensue.model.handover import Handover, Unknown
from ensue.model.message import Message, Sender
from ensue.store.ports import Readable, Tables
from ensue.worker.composition import Batch, Composer
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.lanes import Lane
from ensue.worker.outcomes import Outcomes, Result
from ensue.worker.parcels import parcel_of
from ensue.worker.wakes import Wakes

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_AFTER_COMMIT_SECONDS = 0.05
_RETRY_SECONDS = 1.0
_DRAIN_SECONDS = 15.0
_LANES_KEPT = 1_000

_STOPPED = Unknown("The server was stopped in the middle of it.")

# Telegram answers 429 to a bot that sends more than about thirty.
_USUAL_PACE = {"TELEGRAM": 25.0}

Place = tuple[int, str]
"""A lane, by its workspace and channel."""


class DeliveryLoop:
    """Hands over what is due. `channels` are the ways out, by name; `draw` gives jitter, from 0 to below 1."""

    def __init__(
        self,
        engine: Engine,
        store: Readable,
        commits: GroupCommit,
        wakes: Wakes,
        readers: Executor,
        composer: Composer,
        channels: Mapping[str, Channel],
        draw: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._store = store
        self._commits = commits
        self._wakes = wakes
        self._readers = readers
        self._composer = composer
        self._channels = channels
        self._lanes: dict[Place, Lane] = {}
        self._outcomes = Outcomes(engine, commits, channels, draw, self._over)
        self._freed = asyncio.Event()
        self._closing = False
        self._handing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop; what an earlier process left behind is found when its lease runs out."""
        self._outcomes.start()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="deliveries")

    async def close(self) -> None:
        """Take nothing more, wait a while for what is under way, and write what became of it."""
        self._closing = True
        self._freed.set()
        if self._task is not None:
            await self._task
        if self._handing:
            await asyncio.wait(self._handing, timeout=_DRAIN_SECONDS)
        for task in self._handing:
            task.cancel()
        await asyncio.gather(*self._handing, return_exceptions=True)
        await self._outcomes.close()
        for channel in self._channels.values():
            await channel.close()

    async def _run(self) -> None:
        while not self._closing:
            try:
                await self._turn()
            except Unavailable as error:
                _log.warning("deliveries wait: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001  a loop that ends by itself would keep every message
                _log.exception("deliveries failed")
                await asyncio.sleep(_RETRY_SECONDS)

    # Taking what is due

    async def _turn(self) -> None:
        """Take from every lane what may go now, or rest until something may."""
        self._freed.clear()
        hint = self._wakes.hint()
        places, next_at = await glance(self._store, self._look)
        taken = 0
        for place in places:
            if not self._closing:
                taken += await self._take(place)
        if taken or self._closing:
            return
        if places:
            await self._rest_for_room(places)
        else:
            await self._rest(hint, next_at)

    def _look(self, tables: Tables) -> tuple[list[Place], int | None]:
        places = [place for place in tables.lanes_due(self._engine.ids.instant()) if place[1] in self._channels]
        return places, tables.next_message() if not places else None

    async def _take(self, place: Place) -> int:
        """Lease what may go of a lane, and begin to hand it over; returns how many were looked at."""
        lane = self._lane(place)
        batch = await self._on_thread(lambda: self._read(place, lane))
        if not batch.composed:
            return 0
        workspace_id, _ = place
        leased = await self._lease(workspace_id, batch.composed)
        lane.take({message.id for message in leased})
        for message in leased:
            task = asyncio.create_task(self._hand_over(place, lane, message, batch))
            self._handing.add(task)
            task.add_done_callback(self._handing.discard)
        return len(batch.composed)

    def _read(self, place: Place, lane: Lane) -> Batch:
        """On a thread: what is due in a lane and may go, in words."""
        workspace_id, channel = place
        now = self._engine.ids.instant()

        def found(tables: Tables) -> Batch:
            own = tables.workspace(workspace_id)
            sender = own.senders.get(channel)
            lane.pace(pace_of(channel, sender))
            # Those under way are due only once their lease has run out, and somebody may still come back from them.
            due = own.messages.due(channel, now, lane.allowed() + len(lane.under_way)) if lane.allowed() else []
            free = [message for message in due if message.id not in lane.under_way][: lane.allowed()]
            return self._composer.compose(tables, workspace_id, sender, free, now)

        return self._store.read(found)

    async def _lease(self, workspace_id: int, composed: list[Composed]) -> list[Message]:
        """The messages that are to be handed over now, in leases that are durable."""
        try:
            return await self._lease_together(workspace_id, composed)
        except (Unavailable, NotFound):
            raise
        except Exception:  # noqa: BLE001 - which one is at fault is found out below
            if len(composed) == 1:
                _log.exception("%s cannot be sent; it is tried again later", show("msg", composed[0].message.id))
                await self._put_off(workspace_id, composed[0].message)
                return []
            # One of them is at fault, and the others must not wait for it.
            return [message for one in composed for message in await self._lease(workspace_id, [one])]

    async def _lease_together(self, workspace_id: int, composed: list[Composed]) -> list[Message]:
        def work(room: WorkingSet) -> list[Message]:
            until = room.now + bounds.LEASE
            found = [self._lease_one(room, one, until) for one in composed]
            return [message for message in found if message is not None]

        return await self._commits.run(lambda tables: self._engine.within(tables, workspace_id, work), own=True)

    def _lease_one(self, room: WorkingSet, composed: Composed, until: int) -> Message | None:
        message = composed.message
        if not message.leased:
            return dispatch.lease(room, composed, until)
        self._outcomes.settle(room, message.id, message.attempt, message.channel, outcome.INTERRUPTED)
        return None

    async def _put_off(self, workspace_id: int, message: Message) -> None:
        def work(tables: Tables) -> None:
            now = self._engine.ids.instant()
            tables.workspace(workspace_id).messages.put_off(message.id, now + bounds.DUE_RETRY, None, now)

        await self._commits.run(work, own=True)

    # Handing over

    async def _hand_over(self, place: Place, lane: Lane, message: Message, batch: Batch) -> None:
        workspace_id, channel = place
        handover: Handover | None = None
        try:
            async with lane.slots:
                if self._still_fit(message):
                    handover = _STOPPED
                    handover = await self._handed(self._channels[channel], message, batch, workspace_id)
        finally:
            # Also when it was cancelled, in the middle or before its turn came.
            self._outcomes.add(Result(workspace_id, message.id, message.attempt, channel, handover))

    def _still_fit(self, message: Message) -> bool:
        """Whether a leased message can be handed over as it was looked at.

        While it waited its turn it may have been called off, or whom it is for may have opted out.
        """
        leased_at = (message.due_at or 0) - bounds.LEASE
        return not self._closing and self._engine.clock.now() - leased_at < bounds.LOOKED_AT

    async def _handed(self, channel: Channel, message: Message, batch: Batch, workspace_id: int) -> Handover:
        try:
            async with asyncio.timeout(bounds.HAND_OVER / 1_000):
                return await channel.hand_over(parcel_of(message, workspace_id, batch))
        except TimeoutError:
            return Unknown(f"It took longer than {bounds.HAND_OVER // 1_000} seconds.")
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this message alone
            _log.exception("handing %s over failed", show("msg", message.id))
            return Unknown(f"{type(error).__name__}: {error}")

    def _over(self, result: Result) -> None:
        """What became of an attempt is durable."""
        lane = self._lanes.get((result.workspace_id, result.channel))
        if lane is not None:
            lane.under_way.discard(result.message_id)
        self._freed.set()

    # Resting

    async def _rest(self, hint: asyncio.Event, next_at: int | None) -> None:
        """Wait until a message may be due."""
        if next_at is None:
            seconds = _IDLE_SECONDS
        else:
            seconds = min(_IDLE_SECONDS, max(0.0, (next_at - self._engine.clock.now()) / 1_000))
        await _first_of(seconds, hint.wait(), self._freed.wait())
        if not self._closing and not self._freed.is_set():
            # Commits come by the hundred a second, and hardly any brings a message.
            await asyncio.sleep(min(_AFTER_COMMIT_SECONDS, seconds))

    async def _rest_for_room(self, places: list[Place]) -> None:
        """Wait until a hand-over is over, or a lane's pace lets one go."""
        paces = [pace for place in places if (pace := self._lane(place).wait_for()) is not None]
        await _first_of(min([*paces, _RETRY_SECONDS]), self._freed.wait())

    def _lane(self, place: Place) -> Lane:
        lane = self._lanes.get(place)
        if lane is None:
            if len(self._lanes) >= _LANES_KEPT:
                self._lanes = {known: one for known, one in self._lanes.items() if not one.idle}
            lane = self._lanes[place] = Lane(asyncio.get_running_loop().time)
        return lane

    def _on_thread(self, work: Callable[[], Batch]) -> Awaitable[Batch]:
        return asyncio.get_running_loop().run_in_executor(self._readers, work)


def pace_of(channel: str, sender: Sender | None) -> float | None:
    """How many messages a second may go on a channel; None for as many as can."""
    said = sender.settings.get("perSecond") if sender is not None else None
    return said if said is not None else _USUAL_PACE.get(channel)


async def _first_of(seconds: float, *waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of these is over, or after so many seconds."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
