"""A broadcast on the real server, killed again and again: everybody is taken in, and nobody twice."""

import os
import random
import sqlite3
import time

import pytest

from ensue.base import bounds
from ensue.base.clock import SystemClock
from ensue.base.ids import Ids
from ensue.engine.campaigns import editing
from ensue.engine.contacts import changes
from ensue.engine.engine import Engine
from ensue.model.cause import Cause
from ensue.store.sqlite.store import FILE, SqliteStore
from tests.engine.flow import chain, node
from tests.fault.serving import STARTS_WITHIN, Server

KILLS = int(os.environ.get("ENSUE_KILLS", "3"))
CONTACTS = 1_500 * KILLS
pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


def broadcasting(folder):
    """A folder with a broadcast to everybody that was just activated."""
    store, clock = SqliteStore(folder), SystemClock()
    engine = Engine(clock, Ids(clock))
    workspace, now = engine.ids.next(), clock.now()
    store.write(
        lambda tables: tables.sql.run(
            """INSERT INTO workspaces (id, name, slug, trigger_horizon, created_at, updated_at)
            VALUES (?, 'Shop', 'shop', ?, ?, ?)""",
            (workspace, bounds.TRIGGER_HORIZON, now, now),
        )
    )

    def fill(room):
        for _ in range(CONTACTS):
            changes.create(room, {}, Cause("CHANGE"))

    store.write(lambda tables: engine.within(tables, workspace, fill))
    fields = {
        "name": "News", "type": "BROADCAST", "status": "ACTIVE", "settings": {"audience": {}, "reentry": "ALWAYS"},
        "workflow": chain(node("t", "tag", tag="reached"), node("w", "emit_event", eventType="reached")),
    }  # fmt: skip
    store.write(lambda tables: engine.within(tables, workspace, lambda room: editing.create(room, fields)))
    store.close()


def ask(folder, question):
    connection = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def taken(folder):
    return ask(folder, "SELECT COUNT(*) FROM enrolments")[0][0]


def wait_for(folder, number):
    deadline = time.monotonic() + STARTS_WITHIN
    while taken(folder) < number:
        assert time.monotonic() < deadline, "the launch does not go on"
        time.sleep(0.002)


def test_killed_again_and_again_it_takes_everybody_once(tmp_path):
    folder, rng = tmp_path / "data", random.Random(3)
    broadcasting(folder)
    for _ in range(KILLS):
        server = Server(folder)
        try:
            wait_for(folder, min(CONTACTS, taken(folder) + rng.randint(1, 700)))
        finally:
            server.kill()
    interrupted = taken(folder)
    server = Server(folder)
    try:
        wait_for(folder, CONTACTS)
        deadline = time.monotonic() + STARTS_WITHIN
        while ask(folder, "SELECT status FROM launches") != [("DONE",)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        assert server.stop() == 0
    assert interrupted < CONTACTS, "it was never interrupted"
    assert ask(folder, "SELECT COUNT(*), COUNT(DISTINCT contact_id) FROM enrolments") == [(CONTACTS, CONTACTS)]
    assert ask(folder, "SELECT COUNT(*) FROM contact_tags") == [(CONTACTS,)]
    assert ask(folder, "SELECT COUNT(*) FROM events") == [(CONTACTS,)]
    assert ask(folder, "SELECT total, done, enrolled, skipped FROM launches") == [(CONTACTS, CONTACTS, CONTACTS, 0)]
    assert ask(folder, "SELECT status FROM campaigns") == [("COMPLETED",)]
