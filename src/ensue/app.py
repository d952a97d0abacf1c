"""The composition root: puts the parts together, and alone imports the concrete stores."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from socket import socket
from types import FrameType

import uvicorn

from ensue import logs
from ensue.accounts import removal, tokens
from ensue.accounts.passwords import Passwords
from ensue.api.http import make_app
from ensue.api.services import Services
from ensue.base import bounds
from ensue.base.clock import Clock, SystemClock
from ensue.base.ids import Ids
from ensue.config import Config
from ensue.engine.engine import Engine
from ensue.operations import demo as example
from ensue.operations.welcome import welcome, welcome_demo
from ensue.store.sqlite.store import SqliteStore
from ensue.worker.backfill_loop import BackfillLoop
from ensue.worker.group_commit import GroupCommit
from ensue.worker.timer_loop import TimerLoop
from ensue.worker.wakes import Wakes

_log = logging.getLogger("ensue")

_READER_THREADS = 4
_BACKLOG = 2_048
_DRAIN_SECONDS = 20
DEMO_FOLDER = "ensue-demo"


def open_store(config: Config) -> SqliteStore:
    """The store that the configuration names."""
    return SqliteStore(config.data)


def make_engine(store: SqliteStore, clock: Clock) -> Engine:
    """An engine whose ids go on above those in the store."""
    return Engine(clock, Ids(clock, floor=store.read(lambda tables: tables.largest_id())))


def make_services(
    config: Config, store: SqliteStore, clock: Clock | None = None, *, group_events: int = bounds.GROUP_EVENTS
) -> Services:
    """The running parts; their loops start with `running`. `group_events`: see `GroupCommit`."""
    engine = make_engine(store, clock or SystemClock())
    wakes = Wakes()
    commits = GroupCommit(store, engine, group_events=group_events, committed=wakes.committed, failed=_stop_at_once)
    return Services(
        config=config,
        engine=engine,
        store=store,
        commits=commits,
        wakes=wakes,
        readers=ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="reader"),
    )


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Run the loops of services for as long as the block."""
    timers = TimerLoop(services.engine, services.store, services.commits, services.wakes)
    backfills = BackfillLoop(services.engine, services.store, services.commits, services.wakes, services.readers)
    services.commits.start()
    timers.start()
    removals = asyncio.create_task(removal.finish_all(services.write), name="removals")
    backfills.start()
    try:
        yield
    finally:
        await timers.close()
        await backfills.close()
        removals.cancel()
        await asyncio.gather(removals, return_exceptions=True)
        await services.commits.close()
        services.readers.shutdown()


def serve(config: Config, *, group_events: int = bounds.GROUP_EVENTS) -> int:
    """Serve until told to stop. The benchmarks serve with one event for each commit, too."""
    logs.configure(config.log_level, config.log_format)
    store = open_store(config)
    first = not store.read(lambda tables: tables.accounts.users.any())
    return _serve(config, store, lambda url: welcome(url, first=first), group_events)


def demo(config: Config) -> int:
    """Serve an example workspace, made on the first start in a folder of its own."""
    logs.configure(config.log_level, config.log_format)
    if config.data.name == Config().data.name:
        config = replace(config, data=config.data.with_name(DEMO_FOLDER))
    store = open_store(config)
    password = tokens.new()[:16]
    passwords = Passwords()
    password_hash = asyncio.run(passwords.hash(password))
    passwords.close()
    _say("Making half a year of a shop's life; this takes a few seconds the first time.")
    access = example.prepare(store, SystemClock().now(), password, password_hash)
    return _serve(config, store, lambda url: welcome_demo(url, access))


def _serve(
    config: Config, store: SqliteStore, hello: Callable[[str], str], group_events: int = bounds.GROUP_EVENTS
) -> int:
    try:
        services = make_services(config, store, group_events=group_events)
        app = make_app(services, lambda: running(services))
        server = _Server(server_settings(config, app), services, hello)
        server.run()
    finally:
        store.close()
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Says hello once it listens, and tells the live streams to end as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, services: Services, hello: Callable[[str], str]) -> None:
        super().__init__(config)
        self._services = services
        self._hello = hello

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            # Port 0 takes any free one: ask which.
            port = self.servers[0].sockets[0].getsockname()[1]
            host = "127.0.0.1" if self.config.host in {"0.0.0.0", "::"} else self.config.host  # noqa: S104  only shown
            _say(self._hello(self._services.config.public_url or f"http://{host}:{port}"))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, and no more than that: Uvicorn would raise it again and take the clean-up with it."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        super().handle_exit(sig, frame)
        if self.started:
            asyncio.get_running_loop().call_soon_threadsafe(self._services.wakes.stop)


def server_settings(config: Config, app: object) -> uvicorn.Config:
    """How Uvicorn serves an app."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _stop_at_once(error: BaseException) -> None:
    """The disk cannot be trusted: what this process believes may not be what is stored, so it must not go on."""
    _log.critical("stopping: %s", error)
    signal.raise_signal(signal.SIGTERM)


def _say(text: str) -> None:
    """Tell the person at the terminal; not a log line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
