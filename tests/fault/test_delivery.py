"""The real server, killed at each point of handing a message over; and one that stood still and was overtaken.

The mail server of the test keeps the ledger: what it took, it took. No message may be lost, none may be sent without
being kept as sent, and one that was taken twice is the same one by its Message-ID.
"""

import asyncio
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ensue.base import bounds
from ensue.base.clock import MINUTE, SECOND
from ensue.base.sealing import Sealer, Signer
from ensue.channels.channel import Accepted
from ensue.engine.messages.addresses import Addresses
from ensue.engine.messages.orders import Order, Recipient
from ensue.engine.messages.outbox import queue
from ensue.model.message import TRANSACTIONAL, Message, Sender
from ensue.store.sqlite.store import SqliteStore
from ensue.worker.composition import Composer
from ensue.worker.delivery_loop import DeliveryLoop
from ensue.worker.group_commit import GroupCommit
from ensue.worker.mail_tracking import MailTracking
from ensue.worker.wakes import Wakes
from tests.engine.world import World
from tests.fault.serving import Server
from tests.sending.post_office import PostOffice

MESSAGES = 30
KILLS = int(os.environ.get("ENSUE_KILLS", "1"))


def orders(world: World, count: int, channel: str = "EMAIL") -> None:
    order = Order(channel, TRANSACTIONAL, {"subject": "Hi", "text": "Hi"} if channel == "EMAIL" else {"text": "Hi"})

    def work(room):
        for number in range(count):
            assert isinstance(queue(room, order, Recipient(None, {}, f"p{number}@example.org")), Message)

    world.change(work)


def prepared(folder: Path, office: PostOffice) -> None:
    """A workspace with a mail server and messages that wait, as a killed server might have left it."""
    world = World(folder)
    settings = {"host": "127.0.0.1", "port": office.port, "security": "NONE", "fromEmail": "shop@example.com"}
    world.change(lambda room: room.tables.senders.put(Sender("EMAIL", settings, None, 1)))
    orders(world, MESSAGES)
    world.close()


def rows(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    store = SqliteStore(folder)
    try:
        return store.read(lambda tables: tables.sql.rows(statement))
    finally:
        store.close()


def killed_at(folder: Path, office: PostOffice, point: str) -> None:
    """Let a server run until the mail server comes to a point of a conversation, and kill it there."""
    started = threading.Event()
    servers: list[Server] = []

    def kill() -> None:
        assert started.wait(60)
        servers[0].kill()

    office.at[point] = kill
    servers.append(Server(folder))
    started.set()
    assert servers[0].ended() == -9


def unsent(folder: Path, where: str = "") -> set[str]:
    return {row[0] for row in rows(folder, f"SELECT address FROM messages WHERE status <> 'SENT'{where}")}


def worked_off(folder: Path, office: PostOffice) -> None:
    """Let a server send what it can, stop it, and let the time pass until the next tries."""
    waiting, before = unsent(folder, " AND leased = 0"), len(office.letters)
    server = Server(folder)
    office.waits_until(lambda letters: waiting <= {letter.recipients[0] for letter in letters[before:]})
    assert server.stop() == 0
    store = SqliteStore(folder)
    store.write(lambda tables: tables.sql.run("UPDATE messages SET due_at = 0 WHERE due_at IS NOT NULL"))
    store.close()


@pytest.mark.parametrize("point", ["CONNECT", "MAIL", "RCPT", "DATA", "END", "TAKEN"])
def test_killed_at_any_point_of_a_hand_over_it_loses_and_forgets_nothing(tmp_path, point):
    folder = tmp_path / "data"
    with PostOffice() as office:
        prepared(folder, office)
        for _ in range(KILLS):
            killed_at(folder, office, point)
        assert unsent(folder), "it was killed too late"
        for _ in range(KILLS + 1):
            worked_off(folder, office)
        ledger = [(letter.recipients[0], letter.mail["Message-ID"]) for letter in office.letters]
    everybody = {f"p{number}@example.org" for number in range(MESSAGES)}
    assert {address for address, _ in ledger} == everybody
    assert len(set(ledger)) == MESSAGES, "what came twice did not have the same id"
    assert rows(folder, "SELECT DISTINCT status, leased FROM messages") == [("SENT", 0)]
    log = rows(
        folder,
        """SELECT m.address, m.attempt, COUNT(*), SUM(a.outcome = 'ACCEPTED') FROM messages m
        JOIN message_attempts a ON a.message_id = m.id GROUP BY m.id""",
    )
    # Each try is in the log once, also those that nobody came back from; the last of them was accepted.
    assert {address: (tries, accepted) for address, attempt, tries, accepted in log if attempt == tries} == {
        address: (tries, 1) for address, _, tries, _ in log
    }
    copies = Counter(address for address, _ in ledger)
    assert all(copies[address] <= tries for address, _, tries, _ in log)


class Stalling:
    """A channel that stands still in the middle of a hand-over until it is told to come back."""

    name = "TELEGRAM"

    def __init__(self, *, resends: bool, stands_still: bool) -> None:
        self.resends_unknown = resends
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.attempts: list[int] = []
        if not stands_still:
            self.goes_on.set()

    async def hand_over(self, parcel):
        self.attempts.append(parcel.attempt)
        self.begun.set()
        await self.goes_on.wait()
        return Accepted(f"by attempt {parcel.attempt}")

    async def close(self):
        pass


class Process:
    """A server's delivery, as far as it concerns a lease: loops of its own over a store that is shared."""

    def __init__(self, world: World, commits: GroupCommit, wakes: Wakes, readers: Any, channel: Stalling) -> None:
        addresses = Addresses(Signer(b"k" * 32), "http://localhost")
        composer = Composer(Sealer(b"k" * 32), MailTracking(addresses, reads_mailbox=False))
        channels = {channel.name: channel}
        self.loop = DeliveryLoop(world.engine, world.store, commits, wakes, readers, composer, channels, lambda: 0.0)


@pytest.mark.parametrize(("resends", "then"), [(True, "SENT"), (False, "UNKNOWN")])
def test_one_that_stood_still_past_its_lease_is_overtaken_and_writes_nothing(tmp_path, resends, then):
    """What becomes of a message that nobody came back with is the channel's policy."""
    world = World(tmp_path)
    orders(world, 1, "TELEGRAM")

    def kept() -> list[Any]:
        return world.rows("SELECT status, attempt, provider_id, leased FROM messages")

    async def scenario() -> None:
        wakes = Wakes()
        with ThreadPoolExecutor(2) as readers:
            commits = GroupCommit(world.store, world.engine, committed=wakes.committed)
            commits.start()
            slow, quick = (Stalling(resends=resends, stands_still=still) for still in (True, False))
            paused = Process(world, commits, wakes, readers, slow).loop
            paused.start()
            await slow.begun.wait()
            assert kept() == [("SENDING", 1, None, 1)]
            other = Process(world, commits, wakes, readers, quick).loop
            world.clock.advance(bounds.LEASE + MINUTE)
            other.start()
            while kept()[0][0] == "SENDING":
                await wakes.wait(5)
                # In small steps: a lease that waits for its hand-over grows old.
                world.clock.advance(SECOND)
                await commits.run(lambda tables: None)
            overtaken = kept()
            slow.goes_on.set()
            await paused.close()
            await other.close()
            await commits.close()
            assert kept() == overtaken, "who had lost the lease wrote all the same"
            assert slow.attempts == [1]
            assert quick.attempts == ([2] if resends else [])

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert kept()[0][0] == then
    outcomes = world.rows("SELECT attempt, outcome FROM message_attempts ORDER BY attempt")
    assert outcomes == [(1, "UNKNOWN"), *([(2, "ACCEPTED")] if resends else [])]
    world.close()


def test_a_lease_that_ran_out_before_its_turn_came_is_not_used(tmp_path):
    """A process that stood still between its lease and the hand-over must not begin it."""
    world = World(tmp_path)
    orders(world, 1, "TELEGRAM")

    async def scenario() -> None:
        wakes = Wakes()
        with ThreadPoolExecutor(2) as readers:
            commits = GroupCommit(world.store, world.engine, committed=wakes.committed)
            commits.start()
            channel = Stalling(resends=False, stands_still=False)
            loop = Process(world, commits, wakes, readers, channel).loop
            begin = loop._hand_over
            late = [bounds.LEASE]

            async def slept(*arguments: Any) -> None:
                world.clock.advance(late.pop() if late else 0)
                await begin(*arguments)

            loop._hand_over = slept  # type: ignore[assignment, method-assign]
            loop.start()
            while world.rows("SELECT 1 FROM messages WHERE status = 'SENT'") == []:
                await wakes.wait(5)
            await loop.close()
            await commits.close()
            # The first lease was given back unused, and the second one was used.
            assert channel.attempts == [2]

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert world.rows("SELECT attempt, tries FROM messages") == [(2, 1)]
    assert world.rows("SELECT attempt, outcome FROM message_attempts") == [(2, "ACCEPTED")]
    world.close()
