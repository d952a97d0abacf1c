"""What every event and every list asks for is found by an index, however much is stored."""

import hashlib
import json
import re
from itertools import pairwise

import psycopg
import pytest

from ensue.base.ids import id_at
from ensue.engine.arrival import Arrival
from ensue.engine.contacts.erase import erase
from ensue.store.postgres.connection import PostgresConnection
from ensue.store.postgres.statements import numbered
from ensue.store.postgres.store import PostgresStore
from tests.engine.world import START, World
from tests.postgres.server import databases

BIG = {"contacts", "standings", "events", "sessions", "memberships", "timers", "idempotency", "score_ledger"}
ROWS = 4_000
FILL = """
INSERT INTO contacts (workspace_id, id, external_id, created_at, updated_at)
  SELECT %(w)s, %(id)s + n, 'x' || n, 1, 1 FROM generate_series(1, %(n)s) n;
INSERT INTO standings (workspace_id, contact_id, slot, score, as_of, due_at)
  SELECT %(w)s, %(id)s + n, -1, 0, 1, CASE WHEN n %% 50 = 0 THEN %(at)s + n END FROM generate_series(1, %(n)s) n;
INSERT INTO sessions (workspace_id, id, key, contact_id, created_at, linked_at)
  SELECT %(w)s, %(id)s + %(n)s + n, 's' || n, %(id)s + n, 1, 1 FROM generate_series(1, %(n)s) n;
INSERT INTO event_types (workspace_id, id, name, events, first_at, last_at)
  SELECT %(w)s, n, 'type ' || n, 1, 1, 1 FROM generate_series(1000, 1020) n;
INSERT INTO events (workspace_id, id, contact_id, type_id, timestamp, received_at, session_id, source, apart)
  SELECT %(w)s, %(id)s + 2 * %(n)s + n, %(id)s + n %% %(n)s + 1, 1000 + n %% 20, %(at)s + n, %(at)s + n,
    %(id)s + %(n)s + n %% %(n)s + 1, 'api', CASE WHEN n %% 3 = 0 THEN 1 ELSE 0 END FROM generate_series(1, 3 * %(n)s) n;
INSERT INTO idempotency (workspace_id, key, fingerprint, event_id)
  SELECT %(w)s, decode(md5('k' || n), 'hex'), 'f', n FROM generate_series(1, %(n)s) n;
INSERT INTO memberships (workspace_id, id, segment_id, contact_id, version, entered_at, entered_by)
  SELECT %(w)s, %(id)s + 6 * %(n)s + n, 1 + n %% 10, %(id)s + n, 1, 1, '' FROM generate_series(1, %(n)s) n;
INSERT INTO timers (workspace_id, contact_id, kind, subject_id, due_at)
  SELECT %(w)s, %(id)s + n, 2, n, %(at)s + n FROM generate_series(1, %(n)s) n;
INSERT INTO score_ledger (workspace_id, id, contact_id, previous, rule_id, version, cause, at, asked, given, before,
    after)
  SELECT %(w)s, n, %(id)s + n %% 50 + 1, CASE WHEN n > 50 THEN n - 50 END, 1, 1, 'EVENT', 1, 0, 0, 0, 0
    FROM generate_series(1, %(n)s) n;
UPDATE standings SET latest_line = %(n)s - 50 + contact_id - %(id)s - 1
  WHERE contact_id > %(id)s AND contact_id <= %(id)s + 50;
ANALYZE
"""


@pytest.fixture
def world(tmp_path):
    with databases().one() as url:
        store = PostgresStore(url)
        world = World(tmp_path, store=store)
        condition = {"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 2}
        world.segment({"operator": "AND", "conditions": [{**condition, "timeWindow": "30d"}]})
        world.scoring_rule("buy", 5, decay_points=1, decay_period=86_400_000)
        world.campaign({"type": "EVENT", "eventType": "buy"})
        values = {"w": world.workspace, "id": id_at(START) + 10**6, "at": START, "n": ROWS}
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in FILL.split(";"):
                psycopg.ClientCursor(connection).execute(statement.encode(), values)
        yield world
        world.close()


def asked(monkeypatch, work):
    """The statements that work sends."""
    found: dict[str, None] = {}
    ask = PostgresConnection._ask

    def noted(self, statement, values):
        found.setdefault(statement)
        return ask(self, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresConnection, "_ask", noted)
        work()
    return list(found)


def scanned(node):
    """The tables that a plan reads from end to end."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for part in node.get("Plans", []):
        yield from scanned(part)


def read_whole(node):
    """The indexes of which a plan reads all that a workspace has."""
    condition = node.get("Index Cond", "")
    if (
        "Index" in node["Node Type"]
        and node["Node Type"] != "Bitmap Heap Scan"
        and not re.sub(r"\bworkspace_id\b", "", condition).strip("() =$0123456789")
    ):
        yield node["Index Name"]
    for part in node.get("Plans", []):
        yield from read_whole(part)


def plans(world, statements):
    """Each statement with its plan, as it is for values that are not known."""
    with psycopg.connect(world.store.url, autocommit=True) as connection:
        if connection.info.server_version < 16_00_00:
            pytest.fail("plans for unknown values need PostgreSQL 16: give the tests a newer server")
        for statement in statements:
            result = connection.pgconn.exec_(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered(statement)}".encode())
            text = result.get_value(0, 0)
            assert text is not None, (statement, result.error_message)
            yield statement, json.loads(text)[0]["Plan"]


def refuse_scans(world, statements):
    found = {s: tables for s, plan in plans(world, statements) if (tables := BIG & set(scanned(plan)))}
    assert found == {}


def arrivals(world, group):
    base = id_at(START) + 10**6
    return [
        Arrival(
            world.workspace, "buy", world.now, base + 1 + (group * 20 + n) % ROWS, metadata={}, session_id=f"s{n}",
            key=hashlib.md5(f"{group} {n}".encode(), usedforsecurity=False).digest(), fingerprint=b"f",
        )
        for n in range(20)
    ]  # fmt: skip


def test_storing_events_and_what_follows_reads_no_table_from_end_to_end(world, monkeypatch):
    def work():
        for group in (1, 1, 2):
            world.clock.advance(10)
            world.store.write(lambda tables, group=group: world.engine.ingest(tables, arrivals(world, group)))

    statements = asked(monkeypatch, work)
    assert len(statements) > 15
    refuse_scans(world, statements)


def test_what_comes_due_is_found_by_an_index(world, monkeypatch):
    world.clock.advance(ROWS // 2)
    statements = asked(monkeypatch, lambda: world.store.write(lambda tables: world.engine.run_due(tables, 10)))
    assert any("SKIP LOCKED" in statement for statement in statements)
    refuse_scans(world, statements)


def test_lists_and_streams_are_read_by_an_index(world, monkeypatch):
    one = id_at(START) + 10**6 + 1

    def work():
        world.ask(lambda own: own.events.page(None, None, None, None, None, None, 50))
        world.ask(lambda own: own.events.page(one, None, None, None, None, None, 50))
        world.ask(lambda own: own.events.page(None, "type 1003", None, None, None, None, 50))
        world.ask(lambda own: own.events.committed_after(one, 50))
        world.ask(lambda own: own.events.newest(50))
        world.ask(lambda own: own.events.latest_id())
        world.ask(lambda own: own.contacts.id_by_external_id("x7"))
        world.ask(lambda own: own.memberships.members(3, 0, 50))
        world.ask(lambda own: own.keys.find(b"k"))

    refuse_scans(world, asked(monkeypatch, work))


def test_the_check_sees_a_scan(world):
    ((_, plan),) = plans(world, ["SELECT id FROM events WHERE page_url = ?"])
    assert set(scanned(plan)) == {"events"}


def test_keys_of_different_columns_are_no_prefix_of_one_another(world):
    """An index whose columns begin another one of the same table is written for nothing."""
    rows = world.rows(
        """SELECT i.indrelid::regclass::text, i.indkey::text, i.indisunique, pg_get_expr(i.indpred, i.indrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = CAST('public' AS regnamespace) ORDER BY 1, 2"""
    )
    plain = sorted((table, f"{columns} ", unique) for table, columns, unique, where in rows if where is None)
    wasted = [
        one for one, other in pairwise(plain) if one[0] == other[0] and other[1].startswith(one[1]) and not one[2]
    ]
    assert wasted == []


def test_an_erasure_reads_what_the_contact_has_and_nothing_else(world, monkeypatch):
    contact = id_at(START) + 10**6 + 2
    statements = asked(monkeypatch, lambda: world.on(contact, erase))
    assert any("webhook_deliveries" in statement for statement in statements)
    refuse_scans(world, statements)
    about_people = [s for s in statements if "events" in s or "sessions" in s]
    assert {s: found for s, plan in plans(world, about_people) if (found := set(read_whole(plan)))} == {}
