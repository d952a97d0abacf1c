"""The composition root: puts the parts together."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from socket import socket
from typing import TYPE_CHECKING

from rich.console import Console

from ensue import logs, secret_key, storage
from ensue.accounts import removal, tokens
from ensue.accounts.passwords import Passwords
from ensue.api.http import make_app
from ensue.api.services import Services
from ensue.base import bounds
from ensue.base.clock import Clock, SystemClock
from ensue.base.errors import NotFound, Unprocessable
from ensue.base.ids import Ids, SharedIds
from ensue.base.sealing import Sealer, Signer
from ensue.channels.channel import Channel
from ensue.channels.email import EmailChannel
from ensue.channels.outgoing_http import OutgoingHttp, is_public
from ensue.channels.push import PushChannel
from ensue.channels.telegram.bot_api import BotApi
from ensue.channels.telegram.channel import TelegramChannel
from ensue.channels.webhook import WebhookChannel
from ensue.config import Config
from ensue.engine.engine import Engine
from ensue.engine.messages.addresses import Addresses
from ensue.operations import backup as copying
from ensue.operations import copy as moving
from ensue.operations import demo as example
from ensue.operations import doctor as check_up
from ensue.operations import explain as explanation
from ensue.operations import tail as latest
from ensue.operations import verify as verification
from ensue.operations.welcome import welcome, welcome_demo
from ensue.processes import Crew
from ensue.server import Server, listen, refuse_taken, say, settings
from ensue.storage import alone, open_store, opened, usable
from ensue.store.ports import Readable
from ensue.store.sqlite.claim import claimed
from ensue.store.sqlite.store import SqliteStore, holds_store
from ensue.worker.backfill_loop import BackfillLoop
from ensue.worker.campaign_loop import CampaignLoop
from ensue.worker.composition import Composer
from ensue.worker.delivery_loop import DeliveryLoop
from ensue.worker.forget_loop import ForgetLoop
from ensue.worker.group_commit import GroupCommit
from ensue.worker.lease_loop import LeaseLoop
from ensue.worker.mail_tracking import MailTracking
from ensue.worker.mailbox_loop import MailboxLoop
from ensue.worker.neighbours import House, Loop, Neighbours, NoNeighbours
from ensue.worker.rebuild_loop import RebuildLoop
from ensue.worker.timer_loop import TimerLoop
from ensue.worker.wakes import Wakes
from ensue.worker.webhook_loop import WebhookLoop

if TYPE_CHECKING:
    from ensue.storage import AnyStore

_log = logging.getLogger("ensue")

_READER_THREADS = 4
DEMO_FOLDER = "ensue-demo"


def make_engine(store: "AnyStore", clock: Clock) -> Engine:
    """An engine whose ids go on above those in the store."""
    node = store.join(clock)
    make_ids = SharedIds if store.statements_wait else Ids
    return Engine(clock, make_ids(clock, node, floor=store.read(lambda tables: tables.largest_id())))


def make_services(
    config: Config, store: "AnyStore", clock: Clock | None = None, *, group_events: int = bounds.GROUP_EVENTS
) -> Services:
    """The running parts; their loops start with `running`. `group_events`: see `GroupCommit`."""
    engine = make_engine(store, clock or SystemClock())
    with usable(config.data):
        master_key = config.secret_key or secret_key.kept_in(config.data)
    wakes = Wakes()
    commits = GroupCommit(store, engine, group_events=group_events, committed=wakes.committed, failed=_stop_at_once)
    http = OutgoingHttp(config.private_targets or ())
    telegram = BotApi(http, config.telegram_api)
    return Services(
        config=config,
        engine=engine,
        store=store,
        commits=commits,
        wakes=wakes,
        readers=ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="reader"),
        sealer=Sealer(master_key),
        signer=Signer(master_key),
        http=http,
        telegram=telegram,
        channels=make_channels(config, engine.clock, http, telegram),
    )


def make_channels(config: Config, clock: Clock, http: OutgoingHttp, telegram: BotApi) -> dict[str, Channel]:
    """The ways out, by name."""

    def now() -> datetime:
        return datetime.fromtimestamp(clock.now() / 1_000, UTC)

    ways: tuple[Channel, ...] = (
        EmailChannel(now, allowed=_mail_servers(config)),
        WebhookChannel(http, now),
        TelegramChannel(telegram),
        PushChannel(http, clock, _answerable(config.public_url)),
    )
    return {channel.name: channel for channel in ways}


def _mail_servers(config: Config) -> Callable[[str], bool]:
    """Which addresses mail servers may have: inside, too, unless anybody at all can be the one who names them."""
    if config.registration != "open":
        return lambda _address: True
    return lambda address: is_public(address, config.private_targets or ())


def make_tracking(config: Config, signer: Signer) -> MailTracking:
    """What mails get that tell what becomes of them."""
    return MailTracking(Addresses(signer, config.reached_at), reads_mailbox=config.bounce_mailbox is not None)


def make_mailbox(services: Services) -> MailboxLoop | None:
    """The reader of the bounce mailbox, when there is one."""
    config = services.config
    if config.bounce_mailbox is None:
        return None
    addresses = Addresses(services.signer, config.reached_at)
    return MailboxLoop(config.bounce_mailbox, services.engine, services.commits, addresses)


def _answerable(public_url: str | None) -> str:
    """Whom a push service may ask about what we send, when a workspace says nobody."""
    return public_url if public_url is not None and public_url.startswith("https://") else "https://localhost"


def make_deliveries(services: Services) -> DeliveryLoop:
    """The loop that hands messages over."""
    return DeliveryLoop(
        services.engine,
        services.store,
        services.commits,
        services.wakes,
        services.readers,
        Composer(services.sealer, make_tracking(services.config, services.signer)),
        services.channels,
        Random().random,  # noqa: S311  only spreads what is tried again
    )


def make_webhooks(services: Services) -> WebhookLoop:
    """The loop that tells endpoints what has happened, with connections of its own."""
    return WebhookLoop(
        services.engine,
        services.store,
        services.commits,
        services.wakes,
        services.sealer,
        OutgoingHttp(services.config.private_targets or ()),
        Random().random,  # noqa: S311  only spreads what is tried again
    )


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Run the loops of services for as long as the block."""
    neighbours = make_neighbours(services)
    timers = TimerLoop(services.engine, services.store, services.commits, services.wakes)
    webhooks = make_webhooks(services)
    deliveries = make_deliveries(services)
    house = House(neighbours, lambda: make_housekeeping(services))
    leases = LeaseLoop(services.commits)
    services.commits.start()
    timers.start()
    deliveries.start()
    removals = asyncio.create_task(removal.finish_all(partial(services.commits.run, own=True)), name="removals")
    webhooks.start()
    house.start()
    if services.config.database_url is not None:
        leases.start()
    try:
        yield
    finally:
        await timers.close()
        await deliveries.close()
        await webhooks.close()
        await house.close()
        await leases.close()
        await services.http.close()
        removals.cancel()
        await asyncio.gather(removals, return_exceptions=True)
        await services.commits.close()
        await neighbours.close()
        services.readers.shutdown()


def make_neighbours(services: Services) -> Neighbours:
    """The other processes over the same store."""
    url = services.config.database_url
    if url is None:
        return NoNeighbours()
    neighbours = storage.neighbours(url, services.wakes.heard)
    services.wakes.pass_on = neighbours.tell
    neighbours.start()
    return neighbours


def make_housekeeping(services: Services) -> list[Loop]:
    """The loops that one process at a time runs."""
    engine, store, commits, wakes = services.engine, services.store, services.commits, services.wakes
    loops: list[Loop] = [
        BackfillLoop(engine, store, commits, wakes, services.readers),
        RebuildLoop(store, engine, commits),
        ForgetLoop(engine, store, commits),
        CampaignLoop(engine, store, commits, wakes, services.readers),
    ]
    mailbox = make_mailbox(services)
    return [*loops, mailbox] if mailbox is not None else loops


def serve(config: Config, *, group_events: int = bounds.GROUP_EVENTS) -> int:
    """Serve until told to stop. The benchmarks serve with one event for each commit, too."""
    logs.configure(config.log_level, config.log_format)
    refuse_taken(config.host, config.port)
    if config.processes > 1:
        return _serve_together(config)
    with alone(config) as store:
        first = not store.read(lambda tables: tables.accounts.users.any())
        return _serve(config, store, lambda url: welcome(url, first=first), group_events)


def _serve_together(config: Config) -> int:
    if config.database_url is None:
        raise Unprocessable("A file is served by one process; several need --database-url.")
    with closing(open_store(config)) as store:
        first = not store.read(lambda tables: tables.accounts.users.any())
    listener, url = listen(config.host, config.port)
    say(welcome(config.public_url or url, first=first))
    return Crew(config.processes, partial(_serve_beside, config, listener)).run()


def _serve_beside(config: Config, listener: socket) -> None:
    """One of several processes."""
    logs.configure(config.log_level, config.log_format)
    with alone(config) as store:
        sys.exit(_serve(config, store, None, listener=listener))


def work(config: Config) -> int:
    """Do what is due, and serve nobody, until told to stop."""
    logs.configure(config.log_level, config.log_format)
    with alone(config) as store:
        services = make_services(config, store)
        asyncio.run(_work(services))
        return 1 if services.commits.broken else 0


async def _work(services: Services) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with running(services):
        say("Working on what is due.")
        await told.wait()
        services.wakes.stop()


def demo(config: Config) -> int:
    """Serve an example workspace, made on the first start in a folder of its own."""
    logs.configure(config.log_level, config.log_format)
    if config.data.name == Config().data.name:
        config = replace(config, data=config.data.with_name(DEMO_FOLDER))
    refuse_taken(config.host, config.port)
    password = tokens.new()[:16]
    passwords = Passwords()
    password_hash = asyncio.run(passwords.hash(password))
    passwords.close()
    with alone(config) as store:
        if example.missing(store):
            say("Making half a year of a shop's life; this takes some seconds.")
        access = example.prepare(store, SystemClock().now(), password, password_hash)
        return _serve(config, store, lambda url: welcome_demo(url, access, config.data))


def _serve(
    config: Config,
    store: "AnyStore",
    hello: Callable[[str], str] | None,
    group_events: int = bounds.GROUP_EVENTS,
    listener: socket | None = None,
) -> int:
    # A transaction makes thousands of objects that no cycle holds: looking for cycles at every 700 finds nothing.
    gc.set_threshold(50_000, 20, 100)
    # The commit thread comes back from the disk many times a second, and must not wait 5 ms for the interpreter; where
    # it runs the statements, it comes back from each of them.
    sys.setswitchinterval(0.0001 if store.statements_wait else 0.0005)
    services = make_services(config, store, group_events=group_events)
    app = make_app(services, lambda: running(services))
    server = Server(
        settings(config.host, config.port, app),
        services.wakes,
        (lambda url: hello(config.public_url or url)) if hello else None,
    )
    try:
        server.run([listener] if listener is not None else None)
    except SystemExit:
        # Uvicorn cannot listen: it has said why, and would exit with a code of its own.
        return 1
    return 0 if server.started and not services.commits.broken else 1


def verify(config: Config, workspace: str | None, as_json: bool) -> int:
    """Derive everything again and report each difference; 1 when there is one."""
    with opened(config) as store:
        return verification.run(store, _ids(store), Console(), workspace, as_json=as_json)


def explain(config: Config, workspace: str | None, segment: str, contact: str, as_json: bool) -> int:
    """Say why a contact is, or is not, in a segment."""
    with opened(config) as store:
        return explanation.run(store, _ids(store), Console(), segment, contact, workspace, as_json=as_json)


def tail(config: Config, workspace: str | None, follow: bool, as_json: bool) -> int:
    """Show the latest events and what each one did."""
    with opened(config) as store:
        return latest.run(store, Console(), workspace, follow=follow, as_json=as_json)


def doctor(config: Config, as_json: bool) -> int:
    """Check that this machine is fit to serve; 1 when it is not."""
    with opened(config) as store:
        return check_up.run(store, SystemClock(), Console(), config.host, config.port, as_json=as_json)


def backup(config: Config, to: Path) -> int:
    """Copy everything into one file."""
    with opened(config) as store:
        return copying.run(store, Console(), to)


def copy(config: Config, folder: Path, url: str, as_json: bool) -> int:
    """Copy the file of a folder, which nobody serves meanwhile, into an empty database; goes on where it was cut off.

    Raises:
        NotFound: there is no file. Conflict: it or the database is being served, or the database holds anything else.
    """
    logs.configure(config.log_level, config.log_format)
    if not holds_store(folder):
        raise NotFound(f"There is nothing in {folder} yet.")
    with ExitStack() as held:
        with usable(folder):
            held.enter_context(claimed(folder))
            source = SqliteStore(folder)
        held.callback(source.close)
        target = storage.target(url, SystemClock().now())
        held.callback(target.close)
        return moving.run(source, target, Console(), str(folder), as_json=as_json)


def migrate(config: Config) -> int:
    """Bring the store to this version's schema."""
    logs.configure(config.log_level, config.log_format)
    with alone(config) as store:
        say(f"The data has schema {store.schema}.")
    return 0


def _ids(store: Readable) -> Ids:
    return Ids(SystemClock(), floor=store.read(lambda tables: tables.largest_id()))


def _stop_at_once(error: BaseException) -> None:
    """The disk cannot be trusted: what this process believes may not be what is stored, so it must not go on."""
    _log.critical("stopping: %s", error)
    signal.raise_signal(signal.SIGTERM)
