"""Loops with nothing around them: what the same rows cost, and what the best schema costs."""

import random
import secrets
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import apsw

from bench.workload import SEED, Site, bodies
from ensue.api.ingest import read_event
from ensue.base.clock import SystemClock
from ensue.base.ids import Ids
from ensue.engine.engine import Engine
from ensue.store.sql.connection import Row, Values
from ensue.store.sql.transaction import Tables
from ensue.store.sqlite.connection import SqliteConnection, open_connection
from ensue.store.sqlite.store import FILE

# The statements of one transaction, each with all of its rows.
Transaction = list[tuple[str, list[Values]]]


class Recorder(SqliteConnection):
    """Keeps what is written."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._written: list[tuple[str, Values]] = []

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        self._keep(statement, values)
        return super().rows(statement, values)

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row of a query."""
        self._keep(statement, values)
        return super().row(statement, values)

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a change."""
        self._keep(statement, values)
        return super().run(statement, values)

    def run_many(self, statement: str, values: Iterable[Values]) -> None:
        """Run a change for each row."""
        rows = list(values)
        for row in rows:
            self._keep(statement, row)
        super().run_many(statement, rows)

    def taken(self) -> Transaction:
        """What was written since the last time."""
        written, self._written = self._written, []
        # Which statement came first stays; the rows of one statement go together.
        order = {statement: at for at, (statement, _) in reversed(list(enumerate(written)))}
        written.sort(key=lambda item: order[item[0]])
        return [(text, [values for _, values in same]) for text, same in groupby(written, key=lambda item: item[0])]

    def _keep(self, statement: str, values: Values) -> None:
        if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
            self._written.append((statement, tuple(values)))


def record(site: Site, events: int, group: int) -> list[Transaction]:
    """What the engine writes for so many posted events, `group` to a transaction."""
    connection = open_connection(str(site.folder / FILE), synchronous="OFF")
    recorder = Recorder(connection)
    tables = Tables(recorder)
    clock = SystemClock()
    engine = Engine(clock, Ids(clock, floor=tables.largest_id()))
    transactions = []
    posted = bodies(site, events, SEED + 2)
    for start in range(0, events, group):
        arrivals = [
            read_event(site.workspace_id, body, secrets.token_hex(8), clock.now(), "api")
            for body in posted[start : start + group]
        ]
        connection.execute("BEGIN IMMEDIATE")
        engine.ingest(tables, arrivals)
        connection.execute("COMMIT")
        transactions.append(recorder.taken())
    connection.close()
    return transactions


class SameRows:
    """Writes what was recorded, a part of it at each call."""

    def __init__(self, site: Site, transactions: list[Transaction], events: int, parts: int) -> None:
        self._connection = open_connection(str(site.folder / FILE))
        self._each = len(transactions) // parts
        self._left = iter(transactions)
        self._events = events * self._each / len(transactions)

    def rate(self) -> float:
        """Events a second."""
        execute, many = self._connection.execute, self._connection.executemany
        begun = time.perf_counter()
        for _ in range(self._each):
            execute("BEGIN IMMEDIATE")
            for statement, rows in next(self._left):
                many(statement, rows)
            execute("COMMIT")
        return self._events / (time.perf_counter() - begun)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


_BEST = """
CREATE TABLE contacts (id INTEGER PRIMARY KEY, score INTEGER NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, contact INTEGER NOT NULL, type INTEGER NOT NULL, at INTEGER NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX events_of_contact ON events (contact, id);
CREATE TABLE memberships (contact INTEGER NOT NULL, segment INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (contact, segment)) WITHOUT ROWID;
"""
_COMMIT = 256


class BestSchema:
    """The best schema of performance.md: event, score and a membership in ten, 256 rows a commit."""

    def __init__(self, folder: Path, contacts: int) -> None:
        folder.mkdir(parents=True)
        self._connection = open_connection(str(folder / "best.db"))
        self._connection.execute(_BEST)
        with self._connection:
            self._connection.executemany("INSERT INTO contacts VALUES (?, 0)", ((at,) for at in range(contacts)))
        self._ids = Ids(SystemClock())
        site = Site(folder, 1, "", list(range(contacts)))
        self._bodies = [body.decode() for body in bodies(site, 20_000)]
        self._drawn = self._draw(contacts)

    def rate(self, seconds: float) -> float:
        """Events a second."""
        execute, many = self._connection.execute, self._connection.executemany
        begun, rows = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            events = [next(self._drawn) for _ in range(_COMMIT)]
            scores: dict[int, int] = {}
            for _, contact, _, _, _ in events:
                scores[contact] = scores.get(contact, 0) + 5
            execute("BEGIN IMMEDIATE")
            many("INSERT INTO events VALUES (?, ?, ?, ?, ?)", events)
            many("UPDATE contacts SET score = score + ? WHERE id = ?", [(n, contact) for contact, n in scores.items()])
            many(
                "INSERT INTO memberships VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                [(contact, event_id % 5, at) for event_id, contact, _, at, _ in events[::10]],
            )
            execute("COMMIT")
            rows += _COMMIT
        return rows / (time.perf_counter() - begun)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _draw(self, contacts: int) -> Iterator[tuple[int, int, int, int, str]]:
        chance = random.Random(SEED)
        clock = SystemClock()
        while True:
            for body in self._bodies:
                yield self._ids.next(), int(contacts * chance.random() ** 3), 1, clock.now(), body
