"""Section 6: enrolments that go on, that sleep, and that come due in one minute while events are taken in."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.background import until, worse
from bench.bare import Recorder, Transaction
from bench.server import Server
from bench.stage import Stage, ask
from bench.table import Line
from bench.workload import Site, Size, build
from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, SimulatedClock, SystemClock
from ensue.base.ids import Ids
from ensue.engine.engine import Engine
from ensue.engine.subject import ENROLMENT
from ensue.model.campaign import Campaign, Enrolment
from ensue.store.sql.transaction import Tables
from ensue.store.sqlite.connection import open_connection
from ensue.store.sqlite.store import FILE, SqliteStore

_STAGES = 60
_CHUNK = 10_000
_TICK = 0.01


def steps(stage: Stage) -> list[Line]:
    """Enrolments that leave one delay for the next, against bare updates of the same rows at the same batch size."""
    count = 50_000 if stage.full else 5_000
    wave = _Enrolled(count, due=HOUR, spread=1)
    site = stage.site("enrolled", Size(count, 0), wave.make)
    with stage.copy(site) as scratch:
        recorded = _record(scratch, wave.last)
    found = stage.interleave(
        {"steps": lambda: _rate(stage, site, wave.last), "bare": lambda: _bare(stage, site, recorded, count)}
    )
    return [
        Line(
            "enrolment steps that change only state", f"{found['steps']:,.0f}/s",
            f"the same rows bare, {bounds.DUE_CONTACTS} a commit: {found['bare']:,.0f}/s",
            found["steps"] / found["bare"], 0.30, at_least=True, figures=dict(found),
        )
    ]  # fmt: skip


def asleep(stage: Stage) -> list[Line]:
    """Many enrolments asleep, against an empty server, by CPU."""
    count, seconds = (1_000_000, 60.0) if stage.full else (20_000, 3.0)
    sleeping = stage.site("asleep", Size(count, 0), _Enrolled(count, due=30 * DAY, spread=DAY).make)
    empty = stage.site("empty", Size(1, 0), lambda folder, size: build(folder, size, defined=False))
    with stage.copy(sleeping) as own, stage.serving("asleep", "product", str(own.folder)) as server:
        used = _idle(server, seconds)
    with stage.copy(empty) as own, stage.serving("empty", "product", str(own.folder)) as server:
        against = _idle(server, seconds)
    stage.drop("asleep")
    # The clock of the kernel ticks: nothing used cannot be told from one tick.
    return [
        Line(
            f"CPU in {seconds:.0f} s with {count:,} enrolments asleep", f"{used:.2f} s",
            f"an empty server: {against:.2f} s", (used + _TICK) / (against + _TICK), 1.5, at_least=False,
            figures={"measured": used, "against": against},
        )
    ]  # fmt: skip


def wave(stage: Stage) -> list[Line]:
    """Many enrolments due within a minute, and what ingest feels of them."""
    count, spread = (100_000, MINUTE) if stage.full else (5_000, 3 * SECOND)
    # Far enough away for the workspace to be made, the server to start, and ingest to be measured before.
    before_it = round(stage.rounds * stage.seconds * SECOND)
    wave = _Enrolled(count, due=before_it + 15 * SECOND + count // 4, spread=spread)
    site = stage.site("wave", Size(count, 0), wave.make)
    with stage.product("wave of enrolments", site) as (server, own):
        sent = stage.bodies(own)
        before = median(stage.post(server, own, sent, 64).p99 for _ in range(stage.rounds))
        time.sleep(max(0.0, wave.first / 1000 - time.time()))
        during, took = until(stage, server, own, lambda: _behind(own) == 0, wave.first / 1000)
    # They come due over the minute; what counts is how long it took beyond that.
    limit = spread / 1000 + 30
    return [
        worse(f"ingest p99 while {count:,} enrolments come due in {spread // 1000} s", during, "before", before),
        Line(
            f"{count:,} enrolments due in {spread // 1000} s", f"{took:.1f} s", f"{limit:.0f} s", took / limit, 1.0,
            at_least=False,
        ),
    ]  # fmt: skip


class _Enrolled:
    """Contacts that are all in one campaign of delays of a day, the first of which is over `due` from now on (ms).

    They come due over `spread`. Written straight to the tables, as the engine would have written them.
    """

    def __init__(self, count: int, due: int, spread: int) -> None:
        self._count = count
        self._due = due
        self._spread = spread
        self.first = self.last = 0

    def make(self, folder: Path, size: Size) -> Site:
        """Make the workspace."""
        site = build(folder, size)
        store, clock = SqliteStore(folder, synchronous="OFF"), SystemClock()
        ids = Ids(clock, floor=store.read(lambda tables: tables.largest_id()))
        now = clock.now()
        self.first, self.last = now + self._due, now + self._due + self._spread
        campaign = Campaign(
            ids.next(),
            "Sleepy",
            "AUTOMATED",
            "ACTIVE",
            1,
            [{"type": "MANUAL"}],
            _delays(),
            {},
            None,
            None,
            None,
            now,
            now,
        )
        try:
            store.write(lambda tables: _define(tables, site, campaign))
            for start in range(0, self._count, _CHUNK):
                some = list(enumerate(site.contacts[start : start + _CHUNK], start))
                runs = [self._run(ids.next(), campaign, contact_id, at) for at, contact_id in some]
                store.write(lambda tables, runs=runs: _enrol(tables, site, runs))  # type: ignore[misc]
        finally:
            store.close()
        return site

    def _run(self, enrolment_id: int, campaign: Campaign, contact_id: int, place: int) -> Enrolment:
        at = self.first + self._spread * place // self._count
        return Enrolment(
            enrolment_id, campaign.id, 1, contact_id, "", "ACTIVE", "d0", campaign.created_at, at, "MANUAL", None, 0, 0,
            campaign.created_at, deadline=at,
        )  # fmt: skip


def _delays() -> dict[str, Any]:
    nodes = [{"id": f"d{at}", "type": "delay", "data": {"duration": "1d"}} for at in range(_STAGES)]
    return {"nodes": nodes, "edges": [{"from": f"d{at}", "to": f"d{at + 1}"} for at in range(_STAGES - 1)]}


def _define(tables: Tables, site: Site, campaign: Campaign) -> None:
    definitions = tables.workspace(site.workspace_id).definitions
    definitions.put_campaign(campaign)
    definitions.bump(campaign.created_at)


def _enrol(tables: Tables, site: Site, runs: list[Enrolment]) -> None:
    own = tables.workspace(site.workspace_id)
    own.enrolments.put(runs)
    due = [(run.contact_id, run.wake_at) for run in runs if run.wake_at is not None]
    own.timers.arm((run.contact_id, ENROLMENT, run.id, run.wake_at) for run in runs if run.wake_at is not None)
    own.contacts.due_no_later(due)


class _Engine(NamedTuple):
    """An engine of its own over a store, at an instant."""

    engine: Engine
    store: SqliteStore

    def work_off(self) -> int:
        """Advance everybody who is due; how many that was."""
        total = 0
        while advanced := self.store.write(self.engine.run_due):
            total += advanced
        return total


@contextmanager
def _at(site: Site, now: int) -> Iterator[_Engine]:
    store, clock = SqliteStore(site.folder), SimulatedClock(now)
    # As the server does.
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield _Engine(Engine(clock, Ids(clock, floor=store.read(lambda tables: tables.largest_id()))), store)
    finally:
        gc.set_threshold(*before)
        store.close()


def _rate(stage: Stage, site: Site, now: int) -> float:
    with stage.copy(site) as own, _at(own, now) as running:
        begun = time.perf_counter()
        done = running.work_off()
        return done / (time.perf_counter() - begun)


def _record(site: Site, now: int) -> list[Transaction]:
    """What the engine writes for the wave, transaction by transaction."""
    recorder = Recorder(open_connection(str(site.folder / FILE), synchronous="OFF"))
    tables, clock = Tables(recorder), SimulatedClock(now)
    engine = Engine(clock, Ids(clock, floor=tables.largest_id()))
    transactions: list[Transaction] = []
    while True:
        recorder.run("BEGIN IMMEDIATE")
        recorder.taken()
        advanced = engine.run_due(tables)
        written = recorder.taken()
        recorder.run("COMMIT")
        if not advanced:
            return transactions
        transactions.append(written)


def _bare(stage: Stage, site: Site, transactions: list[Transaction], count: int) -> float:
    with stage.copy(site) as own:
        connection = open_connection(str(own.folder / FILE))
        try:
            execute, many = connection.execute, connection.executemany
            begun = time.perf_counter()
            for transaction in transactions:
                execute("BEGIN IMMEDIATE")
                for statement, rows in transaction:
                    many(statement, rows)
                execute("COMMIT")
            return count / (time.perf_counter() - begun)
        finally:
            connection.close()


def _idle(server: Server, seconds: float) -> float:
    """Seconds of CPU that a server uses in so many seconds of nothing, once it has come to rest."""
    time.sleep(2.0)
    before = server.cpu()
    time.sleep(seconds)
    return server.cpu() - before


def _behind(site: Site) -> int:
    """How many have not left the first delay."""
    return ask(site, "SELECT COUNT(*) FROM enrolments WHERE node_id = 'd0'")
