"""What an event and an erasure ask the embedded store for is found by an index, and never by the workspace alone."""

import re
from typing import Any

import pytest

from ensue.engine.arrival import Arrival
from ensue.engine.contacts.erase import delete, erase
from ensue.engine.contacts.merge import merge
from ensue.store.sqlite.connection import SqliteConnection
from ensue.store.sqlite.store import SqliteStore
from tests.engine.world import World

BIG = "contacts|standings|events|sessions|memberships|timers|idempotency|score_ledger"
# Of each contact, event and session there are many in a workspace.
WHOLE = re.compile(rf"SCAN (?:{BIG}|[ecsm])\b|SEARCH (?:{BIG}|[ecsmn]) USING .*\(workspace_id=\?( AND ANY\(\w+\))*\)$")


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, store=SqliteStore(tmp_path, synchronous="OFF"))
    condition = {"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 2}
    world.segment({"operator": "AND", "conditions": [{**condition, "timeWindow": "30d"}]})
    world.scoring_rule("buy", 5, cooldown=60_000, decay_points=1, decay_period=86_400_000)
    world.campaign({"type": "EVENT", "eventType": "buy"})
    yield world
    world.close()


def asked(monkeypatch, work):
    """The statements that work sends, each with values it was sent with."""
    found: dict[str, Any] = {}

    def noting(name):
        method = getattr(SqliteConnection, name)

        def noted(self, statement, values=()):
            sent = list(values) if name == "run_many" else values
            for one in sent[:1] if name == "run_many" else [sent]:
                found.setdefault(statement, one)
            return method(self, statement, sent)

        return noted

    with monkeypatch.context() as patch:
        for name in ("row", "rows", "run", "run_many"):
            patch.setattr(SqliteConnection, name, noting(name))
        work()
    return found


def read_whole(world, statements):
    """Statements that read all that a workspace has of a table, with the step that does."""
    whole: dict[str, list[str]] = {}
    for statement, values in statements.items():
        for *_, step in world.rows(f"EXPLAIN QUERY PLAN {statement}", *values):
            if WHOLE.search(step):
                whole.setdefault(statement, []).append(step)
    return whole


def arrivals(world, contacts):
    return [
        Arrival(
            world.workspace, "buy", world.now, contact, metadata={}, session_id=f"s{n}", key=b"%d" % (world.now + n),
            fingerprint=b"f", timestamp=world.now - n * 1_000,
        )
        for n, contact in enumerate([*contacts, *contacts, None])
    ]  # fmt: skip


def test_storing_events_and_what_follows(world, monkeypatch):
    contacts = [world.contact() for _ in range(3)]

    def work():
        for _ in range(2):
            world.clock.advance(61_000)
            world.store.write(lambda tables: world.engine.ingest(tables, arrivals(world, contacts)))

    statements = asked(monkeypatch, work)
    assert len(statements) > 15
    assert read_whole(world, statements) == {}


@pytest.mark.parametrize("how", [erase, delete])
def test_the_contact_goes(world, monkeypatch, how):
    contact = world.contact(email="ann@example.com")
    world.post("buy", contact, session_id="s")
    statements = asked(monkeypatch, lambda: world.on(contact, how))
    assert any("score_ledger" in statement for statement in statements)
    assert read_whole(world, statements) == {}


def test_two_become_one(world, monkeypatch):
    one, two = world.contact(), world.contact()
    for contact in (one, two):
        world.post("buy", contact, session_id=str(contact))
    statements = asked(monkeypatch, lambda: world.change(lambda room: merge(room, one, two)))
    assert any("score_ledger" in statement for statement in statements)
    assert read_whole(world, statements) == {}
