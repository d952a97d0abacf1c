"""Section 5: posts stored in PostgreSQL, by one process and by two, against the floor and against raw inserts."""

import itertools
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg

from bench import load
from bench.load import Bodies, Unsound
from bench.server import Server
from bench.stage import Stage
from bench.table import Line
from bench.workload import SEED, Site, Size, bodies, fill
from ensue.store.postgres.store import PostgresStore
from tests.postgres.server import OwnServer, database

_CONNECTIONS = 256
_COMMIT = 256
_BODIES = 20_000


def posting(stage: Stage) -> list[Line]:
    """`POST events` with 256 connections. The database waits for its disk, as in production."""
    size = Size(100_000, 1_000_000) if stage.full else Size(20_000, 100_000)
    with ExitStack() as stack:
        cluster = stack.enter_context(closing(OwnServer("max_connections=100", "autovacuum=on")))
        site = _site(stage, cluster.url, size)
        sent = load.write_bodies(site.folder / "bodies", bodies(site, _BODIES))
        floor = stack.enter_context(Server("floor"))
        raw = stack.enter_context(closing(RawInserts(cluster.url, size.contacts)))
        one = stack.enter_context(_product(site, cluster.url, 1))
        two = stack.enter_context(_product(site, cluster.url, 2))
        found = stage.interleave(
            {
                "floor": lambda: load.run(floor, site, sent, _CONNECTIONS, stage.seconds).rate,
                "one": lambda: _post(stage, one, site, cluster.url, sent),
                "two": lambda: _post(stage, two, site, cluster.url, sent),
                "raw": lambda: raw.rate(stage.seconds),
            }
        )
    return [
        _line("PostgreSQL, 1 process, 256 connections", found["one"], "floor", found["floor"], 0.30),
        _line("PostgreSQL, 2 processes", found["two"], "1 process", found["one"], 1.2),
        _line("PostgreSQL, 1 process, 256 connections", found["one"], "raw inserts", found["raw"], None),
    ]


class RawInserts:
    """The leanest schema that stores an event, a score for each contact and commit, and a membership in ten."""

    def __init__(self, url: str, contacts: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE raw")
        self._connection = psycopg.connect(database(url, "raw"))
        self._contacts = contacts
        self._ids = itertools.count(1)
        self._chance = random.Random(SEED)
        for statement in (
            "CREATE TABLE contacts (id bigint PRIMARY KEY, score bigint NOT NULL) WITH (fillfactor = 80)",
            "CREATE TABLE events (id bigint PRIMARY KEY, contact bigint NOT NULL, at bigint NOT NULL, body text)",
            "CREATE INDEX events_of_contact ON events (contact, id)",
            "CREATE TABLE memberships (contact bigint, segment bigint, at bigint, PRIMARY KEY (contact, segment))",
        ):
            self._connection.execute(statement.encode())
        with self._connection.cursor() as cursor:
            cursor.executemany("INSERT INTO contacts VALUES (%s, 0)", ((at,) for at in range(contacts)))
        self._connection.commit()

    def rate(self, seconds: float) -> float:
        """Events a second."""
        begun, rows = time.perf_counter(), 0
        body = "x" * 300
        while time.perf_counter() - begun < seconds:
            events = [
                (next(self._ids), int(self._contacts * self._chance.random() ** 3), 1, body) for _ in range(_COMMIT)
            ]
            with self._connection.cursor() as cursor:
                cursor.executemany("INSERT INTO events VALUES (%s, %s, %s, %s)", events)
                # In one order, as ever where rows are locked.
                cursor.executemany(
                    "UPDATE contacts SET score = score + 5 WHERE id = %s", sorted({(event[1],) for event in events})
                )
                cursor.executemany(
                    """INSERT INTO memberships VALUES (%s, %s, %s)
                    ON CONFLICT (contact, segment) DO UPDATE SET at = excluded.at""",
                    [(event[1], event[0] % 5, 1) for event in events[::10]],
                )
            self._connection.commit()
            rows += _COMMIT
        return rows / (time.perf_counter() - begun)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


def _site(stage: Stage, url: str, size: Size) -> Site:
    print(f"  making postgres: {size.contacts:,} contacts, {size.events:,} events", flush=True)
    folder = stage.folder / "postgres"
    folder.mkdir()
    with closing(PostgresStore(url)) as store:
        return fill(store, folder, size)


@contextmanager
def _product(site: Site, url: str, processes: int) -> Iterator[Server]:
    with Server("postgres", str(site.folder), url, str(processes)) as server:
        load.fetch(server, site, site.path, bodies(site, 1)[0])
        yield server


def _post(stage: Stage, server: Server, site: Site, url: str, sent: Bodies) -> float:
    before = _stored(site, url)
    done = load.run(server, site, sent, _CONNECTIONS, stage.seconds)
    stored = _stored(site, url) - before
    if stored < done.requests:
        raise Unsound(f"{done.requests} events were acknowledged, {stored} are stored.")
    return done.rate


def _stored(site: Site, url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT COUNT(*) FROM events WHERE workspace_id = %s", (site.workspace_id,)).fetchone()
        return int(row[0]) if row else 0


def _line(name: str, measured: float, against: str, other: float, bar: float | None) -> Line:
    return Line(
        name, f"{measured:,.0f}/s", f"{against}: {other:,.0f}/s", measured / other, bar, at_least=True,
        figures={"measured": measured, "against": other},
    )  # fmt: skip
