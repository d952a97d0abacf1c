"""Section 4: work in the background — a wave of timers, a preview, a backfill — and what ingest feels of it."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench import load
from bench.load import fetch
from bench.scale import long_log, long_size
from bench.server import Server
from bench.stage import Stage, ask
from bench.table import Line
from bench.workload import POSTED, SEED, Site, Size, attribute, build, event_rule, through_engine
from ensue.base.clock import MINUTE, SECOND, SystemClock
from ensue.base.ids import Ids, read, show
from ensue.engine.engine import Engine
from ensue.model.segment import Segment
from ensue.store.sqlite.store import SqliteStore

_PULSE = "pulse"
_WINDOW = 30 * MINUTE
_LIMIT_SECONDS = 30


def timers(stage: Stage) -> list[Line]:
    """Many timers due at one instant."""
    count = 100_000 if stage.full else 20_000
    wave = _Wave(count)
    site = stage.site("timers", Size(count, 0), wave.make)
    with stage.product("timers", site) as (server, own):
        sent = stage.bodies(own)
        before = median(stage.post(server, own, sent, 64).p99 for _ in range(stage.rounds))
        time.sleep(max(0.0, wave.due / 1000 - time.time()))
        during, took = until(stage, server, own, lambda: wave.left(own) == 0, wave.due / 1000)
        on_time = wave.on_time(own)
    note = "" if on_time == count else f"only {on_time:,} of {count:,} left at the very instant"
    return [
        worse(f"ingest p99 while {count:,} timers are due", during, "before", before, note),
        Line(
            f"{count:,} timers due at one instant", f"{took:.1f} s", f"{_LIMIT_SECONDS} s",
            took / _LIMIT_SECONDS if on_time == count else None, 1.0, at_least=False, note=note,
        ),
    ]  # fmt: skip


def preview(stage: Stage) -> list[Line]:
    """The count of an unsaved segment against the SQL that counts the same."""
    size, site = long_size(stage), long_log(stage)
    with stage.product("preview", site) as (server, own):
        path = own.path.removesuffix("/events") + "/segments/preview"
        question = json.dumps({"rules": _counted()}).encode()
        counted = json.loads(fetch(server, own, path, question))["count"]
        expected = ask(own, _same_count(own))
        found = stage.interleave(
            {
                "preview": lambda: _timed(lambda: fetch(server, own, path, question)),
                "sql": lambda: _timed(lambda: ask(own, _same_count(own))),
            }
        )
    wrong = "" if counted == expected else f"counts {counted}, SQL counts {expected}"
    return [
        Line(
            f"preview, {size.events:,} events", f"{found['preview']:.2f} s", f"bare SQL: {found['sql']:.2f} s",
            None if wrong else found["preview"] / found["sql"], 3.0, at_least=False, note=wrong, figures=dict(found),
        )
    ]  # fmt: skip


def backfill(stage: Stage) -> list[Line]:
    """Filling a new segment from history against reading the same rows, and what ingest feels of it."""
    size, site = long_size(stage), long_log(stage)
    with stage.product("backfill", site) as (server, own):
        sent = stage.bodies(own)
        path = own.path.removesuffix("/events") + "/segments"
        reading = median(_timed(lambda: ask(own, _READ)) for _ in range(stage.rounds))
        alone = _fill(server, own, path, "alone")
        before = median(stage.post(server, own, sent, 64).p99 for _ in range(stage.rounds))
        made = _create(server, own, path, "meanwhile")
        during, _ = until(stage, server, own, lambda: _ready(server, own, f"{path}/{made}"), time.time())
    return [
        Line(
            f"backfill, {size.contacts:,} contacts", f"{alone:.1f} s", f"reading the same rows: {reading:.1f} s",
            alone / reading, 4.0, at_least=False, figures={"measured": alone, "against": reading},
        ),
        worse("ingest p99 during the backfill", during, "before", before),
    ]  # fmt: skip


class _Wave:
    """Contacts that are all in one windowed segment, whose windows all end at `due`."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.due = 0
        self.segment = 0

    def make(self, folder: Path, size: Size) -> Site:
        """Make the workspace; the instant is far enough away for the server to start and to be measured before."""
        site = build(folder, size)
        store = SqliteStore(folder, synchronous="OFF")
        clock = SystemClock()
        engine = Engine(clock, Ids(clock, floor=store.read(lambda tables: tables.largest_id())))
        self.due = clock.now() + 30 * SECOND + self.count // 2
        self.segment = engine.ids.next()
        rule = event_rule(_PULSE, 1, f"{_WINDOW // 1000}s")
        pulse = Segment(self.segment, "Pulse", None, "DYNAMIC", 1, rule, "READY", clock.now(), clock.now())
        try:
            store.write(lambda tables: tables.workspace(site.workspace_id).definitions.put_segment(pulse))
            store.write(lambda tables: tables.workspace(site.workspace_id).definitions.bump(clock.now()))
            through_engine(
                store, engine, site, _PULSE, self.count, random.Random(SEED), at=self.due - _WINDOW, each_once=True
            )
        finally:
            store.close()
        return site

    def left(self, site: Site) -> int:
        """How many are still in the segment."""
        return ask(site, f"SELECT COUNT(*) FROM memberships WHERE segment_id = {self.segment} AND exited_at IS NULL")

    def on_time(self, site: Site) -> int:
        """How many left at the very instant."""
        return ask(
            site, f"SELECT COUNT(*) FROM memberships WHERE segment_id = {self.segment} AND exited_at = {self.due}"
        )


def until(stage: Stage, server: Server, site: Site, done: Callable[[], bool], begun: float) -> tuple[float, float]:
    """(worst p99 of the rounds, seconds) of posting until something is done."""
    sent, worst = stage.bodies(site), 0.0
    while True:
        generator = load.start(server, site, sent, 64, 2)
        finished = None
        while generator.poll() is None:
            time.sleep(0.1)
            if finished is None and done():
                finished = time.time()
        worst = max(worst, load.finish(generator).p99)
        if finished is not None:
            return worst, finished - begun
        if time.time() - begun > 20 * _LIMIT_SECONDS:
            raise RuntimeError("It never ended.")


def worse(name: str, during: float, against: str, before: float, note: str = "") -> Line:
    """A line about a latency that may be three times what it was before."""
    return Line(
        name, f"{during:.1f} ms", f"{against}: {before:.1f} ms", during / before, 3.0, at_least=False, note=note,
        figures={"measured": during, "against": before},
    )  # fmt: skip


# At least 3 purchases over 50 in 30 days.
def _counted() -> dict[str, Any]:
    over = {"operator": "AND", "conditions": [attribute("metadata.amount", "gt", 50)]}
    return {
        "operator": "AND",
        "conditions": [
            {
                "type": "event", "eventType": POSTED, "aggregate": "count", "operator": "gte", "value": 3,
                "timeWindow": "30d", "where": over,
            }
        ],
    }  # fmt: skip


def _same_count(site: Site) -> str:
    edge = SystemClock().now() - 30 * 24 * 60 * MINUTE
    return f"""SELECT COUNT(*) FROM (SELECT contact_id FROM events WHERE workspace_id = {site.workspace_id}
      AND type_id = (SELECT id FROM event_types WHERE name = '{POSTED}') AND timestamp > {edge}
      AND metadata ->> '$.amount' > 50 GROUP BY contact_id HAVING COUNT(*) >= 3)"""


# What a backfill of that segment has to look at: each contact, and the purchases of each.
_READ = f"""SELECT SUM(LENGTH(c.attributes)) + SUM((SELECT COALESCE(SUM(LENGTH(e.metadata)), 0) FROM events e
    WHERE e.workspace_id = c.workspace_id AND e.contact_id = c.id
      AND e.type_id = (SELECT id FROM event_types WHERE name = '{POSTED}'))) FROM contacts c"""


def _fill(server: Server, site: Site, path: str, name: str) -> float:
    def fill() -> None:
        made = _create(server, site, path, name)
        while not _ready(server, site, f"{path}/{made}"):
            time.sleep(0.1)

    return _timed(fill)


def _create(server: Server, site: Site, path: str, name: str) -> str:
    answer = json.loads(fetch(server, site, path, json.dumps({"name": name, "rules": _counted()}).encode()))
    segment = answer.get("segment", answer)["id"]
    number = read("seg", segment)
    assert number is not None
    return show("seg", number)


def _ready(server: Server, site: Site, path: str) -> bool:
    answer: dict[str, Any] = json.loads(fetch(server, site, path))
    return bool(answer.get("segment", answer)["status"] == "READY")


def _timed(job: Callable[[], object]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun
