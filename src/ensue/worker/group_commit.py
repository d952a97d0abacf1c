"""Group commit: what arrives while one transaction becomes durable shares the next one.

Every caller is answered after the commit that holds its work. Events go through the engine together; other work
runs beside them, each behind a savepoint, so that one that fails takes nobody with it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ensue.base import bounds
from ensue.base.errors import Contended, EnsueError, Unavailable
from ensue.engine.arrival import Arrival, Outcome
from ensue.engine.engine import Engine
from ensue.store.ports import Tables, Writable

T = TypeVar("T")
_log = logging.getLogger(__name__)

_TRIES = 4
"""How often a group is begun again because another process was in the way, before each of it stands alone."""


class _Unit:
    """Work of one caller: arrivals for the engine, or a function of the tables."""

    __slots__ = ("arrivals", "done", "outcome", "work")

    def __init__(
        self, arrivals: Sequence[Arrival] | None, work: Callable[[Tables], Any] | None, done: "asyncio.Future[Any]"
    ) -> None:
        self.arrivals = arrivals
        self.work = work
        self.done = done
        self.outcome: Any = None


class GroupCommit:
    """The one writer of a process. `start` it on the event loop that its callers run on."""

    def __init__(
        self,
        store: Writable,
        engine: Engine,
        *,
        group_events: int = bounds.GROUP_EVENTS,
        committed: Callable[[], None] = lambda: None,
        failed: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        """A transaction takes no more work once it has `group_events`, which 1 turns into a commit for each request.

        `committed` is a hint after each commit; `failed` is called when the disk cannot be trusted any more.
        """
        self._store = store
        self._group_events = group_events
        self._engine = engine
        self._committed = committed
        self._failed = failed
        self._waiting: deque[_Unit] = deque()
        self._waiting_events = 0
        self._waiting_works = 0
        self.events = 0
        self.transactions = 0
        self._wanted = asyncio.Event()
        self._closing = False
        self._broken = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take work."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="group commit")

    async def close(self) -> None:
        """Finish what is waiting, then stop."""
        self._closing = True
        self._wanted.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    @property
    def broken(self) -> bool:
        """Whether the disk could not be trusted any more."""
        return self._broken

    @property
    def waiting(self) -> int:
        """Events that wait for the next transaction."""
        return self._waiting_events

    def ingest(self, arrivals: Sequence[Arrival]) -> "asyncio.Future[list[Outcome]]":
        """Outcomes of events, once they are durable.

        Raises:
            Unavailable: too much is waiting already, or the server is stopping.
        """
        if self._waiting_events + len(arrivals) > bounds.GROUP_QUEUE:
            raise Unavailable("Too many events are waiting to be stored.")
        self._waiting_events += len(arrivals)
        return self._add(arrivals, None)

    def run(self, work: Callable[[Tables], T], *, own: bool = False) -> "asyncio.Future[T]":
        """The result of a function of the tables, once what it wrote is durable.

        When another process was in the way it is run again, so it must have no effect but on the tables. The server's
        `own` work, of which each loop has one at a time, is never refused for what others let wait.

        Raises:
            Unavailable: too much is waiting already, or the server is stopping.
        """
        if not own and self._waiting_works >= bounds.WORKS_QUEUE:
            raise Unavailable("Too many changes are waiting to be stored.")
        done = self._add(None, work)
        self._waiting_works += 1
        return done

    def _add(self, arrivals: Sequence[Arrival] | None, work: Callable[[Tables], Any] | None) -> "asyncio.Future[Any]":
        if self._closing or self._broken:
            raise Unavailable("The server is stopping.")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Unit(arrivals, work, done))
        self._wanted.set()
        return done

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wanted.clear()
                await self._wanted.wait()
                continue
            await self._one_transaction(self._take())

    def _take(self) -> list[_Unit]:
        units = []
        events = 0
        works = 0
        while self._waiting and events < self._group_events and works < bounds.GROUP_WORKS:
            unit = self._waiting.popleft()
            units.append(unit)
            if unit.arrivals is not None:
                events += len(unit.arrivals)
            else:
                works += 1
        self._waiting_events -= events
        self._waiting_works -= works
        return units

    async def _one_transaction(self, units: list[_Unit]) -> None:
        try:
            await self._transact(units)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, each caller must hear of it
            await self._after_failure(units, error, await self._undone())
        else:
            self.transactions += 1
            self.events += sum(len(unit.arrivals) for unit in units if unit.arrivals is not None)
            _settle(units)
            self._committed()

    async def _transact(self, units: list[_Unit]) -> None:
        for _ in range(_TRIES - 1):
            try:
                await self._transact_once(units)
            except Contended as error:
                if worse := await self._undone():
                    raise worse from error
            else:
                return
        await self._transact_once(units)

    async def _transact_once(self, units: list[_Unit]) -> None:
        if self._store.statements_wait:
            await self._on_thread(self._apply_and_commit, units)
        else:
            self._apply(units)
            await self._on_thread(self._store.commit)

    def _apply_and_commit(self, units: list[_Unit]) -> None:
        self._apply(units)
        self._store.commit()

    def _on_thread(self, work: Callable[..., T], *given: Any) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    def _apply(self, units: list[_Unit]) -> None:
        tables = self._store.begin()
        together = [unit for unit in units if unit.arrivals is not None]
        if together:
            outcomes = iter(self._engine.ingest(tables, [a for unit in together for a in unit.arrivals or ()]))
            for unit in together:
                unit.outcome = [next(outcomes) for _ in unit.arrivals or ()]
        for unit in units:
            if unit.work is not None:
                unit.outcome = self._guarded(tables, unit.work)

    def _guarded(self, tables: Tables, work: Callable[[Tables], Any]) -> Any:
        try:
            with self._store.savepoint():
                return work(tables)
        except EnsueError as error:
            # Undone up to the savepoint; what was learned from it is not true.
            self._engine.forget()
            if isinstance(error, Unavailable):
                raise
            return _Raised(error)

    async def _after_failure(self, units: list[_Unit], error: Exception, worse: Exception | None) -> None:
        if worse is not None or getattr(error, "stops_the_process", False):
            self._stop(units, worse or error)
        elif isinstance(error, Unavailable) and not (isinstance(error, Contended) and len(units) > 1):
            _fail(units, error)
        elif len(units) == 1:
            _log.error("work failed", exc_info=error)
            if not units[0].done.done():
                units[0].done.set_exception(error)
        else:
            # One of them is poison: let each stand alone, so that the others are served.
            for unit in units:
                if self._broken:
                    _fail([unit], Unavailable("The store failed."))
                else:
                    await self._one_transaction([unit])

    def _stop(self, units: list[_Unit], error: Exception) -> None:
        """What is durable is unknown: refuse what is under way, what waits and what comes."""
        self._broken = True
        _fail([*units, *self._waiting], Unavailable("The store failed."))
        self._waiting.clear()
        self._failed(error)

    async def _undone(self) -> Exception | None:
        """Roll back, and say what went wrong with that."""
        self._engine.forget()
        try:
            if self._store.statements_wait:
                await self._on_thread(self._store.rollback)
            else:
                self._store.rollback()
        except Exception as worse:  # noqa: BLE001 - a transaction that can be neither made nor undone
            return worse
        return None


class _Raised:
    """An error that work ended with, kept until the commit."""

    __slots__ = ("error",)

    def __init__(self, error: EnsueError) -> None:
        self.error = error


def _settle(units: list[_Unit]) -> None:
    for unit in units:
        if unit.done.done():
            continue
        if isinstance(unit.outcome, _Raised):
            unit.done.set_exception(unit.outcome.error)
        else:
            unit.done.set_result(unit.outcome)


def _fail(units: list[_Unit], error: EnsueError) -> None:
    for unit in units:
        if not unit.done.done():
            unit.done.set_exception(error)
