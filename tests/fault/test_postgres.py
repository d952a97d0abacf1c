"""P1, P3, P11, P12 and P14 on the server store: real servers over a real PostgreSQL that is cut, frozen and shared."""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

import psycopg
import pytest

from ensue.base.ids import read
from tests.fault.serving import Caller, Load, Server, ensue, environment
from tests.postgres.server import OwnServer, databases

CRASHES = int(os.environ.get("ENSUE_CRASHES", "3"))
pytestmark = pytest.mark.timeout(180 + 20 * CRASHES)

RULES = {
    "operator": "AND",
    "conditions": [{"type": "event", "eventType": "buy", "aggregate": "count", "operator": "gte", "value": 5}],
}


@dataclass
class Shop:
    """A workspace in a database: how to get in, where its events go, and three contacts."""

    url: str
    headers: dict[str, str]
    workspace: str
    contacts: list[str]

    @property
    def events(self) -> str:
        return f"{self.workspace}/events"

    def stored(self) -> dict[str, int]:
        """The events by the key that was in their metadata."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT metadata, id FROM events").fetchall()
        found = {json.loads(row[0])["key"]: row[1] for row in rows}
        assert len(found) == len(rows), "an event is there twice"
        return found

    def judge(self, *loads: Load) -> None:
        """Everything that was answered is there, once, and everything there is follows from the log."""
        stored = self.stored()
        for load in loads:
            answered = {key: read("evt", json.loads(text)["id"]) for key, text in load.answers.items()}
            assert {key: stored.get(key) for key in answered} == answered
        verified = subprocess.run(
            ensue("verify", "--database-url", self.url), env=environment(), capture_output=True, text=True, check=False
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr


def open_shop(server: Server, url: str) -> Shop:
    caller = Caller(server.port)
    status, headers, text = caller.post(
        "/api/auth/register", {"name": "Ada", "email": "ada@example.com", "password": "sturdy lantern parade"}
    )
    assert status == 201, text
    ours = {"Cookie": headers["Set-Cookie"].split(";")[0], "Sec-Fetch-Site": "same-origin"}

    def make(path, body, **headers):
        status, _, text = caller.post(path, body, **headers)
        assert status == 201, text
        return json.loads(text)

    workspace = f"/api/workspaces/{make('/api/workspaces', {'name': 'Shop', 'slug': 'shop'}, **ours)['id']}"
    key = make(f"{workspace}/keys", {"name": "load", "scopes": ["admin"]}, **ours)["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    make(f"{workspace}/segments", {"name": "Buyers", "type": "DYNAMIC", "rules": RULES}, **bearer)
    make(f"{workspace}/scoring-rules", {"name": "Buys", "eventType": "buy", "delta": 1}, **bearer)
    contacts = [make(f"{workspace}/contacts", {"externalId": f"p{n}"}, **bearer)["id"] for n in range(3)]
    caller.close()
    return Shop(url, bearer, workspace, contacts)


class Stream:
    """A live stream, read on a thread of its own until it has shown everything that it must."""

    def __init__(self, port: int, shop: Shop, after: str | None = None) -> None:
        self.shown: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = shop.headers | ({"Last-Event-ID": after} if after else {})
        self._connection.request("GET", f"{shop.events}/stream", headers=headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, AttributeError, ValueError):
            while line := self._response.readline():
                if line.startswith(b"id: "):
                    self.shown.append(line[4:].strip().decode())

    def close(self) -> None:
        self._response.close()
        self._connection.close()
        self._thread.join(30)

    def wait_for(self, ids: set[str]) -> None:
        deadline = time.monotonic() + 60
        while not ids <= set(self.shown):
            assert time.monotonic() < deadline, f"never shown: {sorted(ids - set(self.shown))[:5]}"
            time.sleep(0.01)


def health(server: Server, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def ids_of(*loads: Load) -> set[str]:
    return {json.loads(text)["id"] for load in loads for text in load.answers.values()}


def test_two_processes_keep_one_order_and_streams_show_it_whole(tmp_path):
    with databases().one() as url, contextlib.ExitStack() as held:
        servers = []
        for _ in range(2):
            server = Server(tmp_path / "data", "--database-url", url)
            held.callback(server.kill)
            servers.append(server)
        shop = open_shop(servers[0], url)
        streams = [Stream(server.port, shop) for server in servers]
        for stream in streams:
            held.callback(stream.close)
        loads = [Load(4, "one"), Load(4, "other")]
        for server, load in zip(servers, loads, strict=True):
            load.start(server.port, shop.events, shop.headers, shop.contacts)
        for load in loads:
            load.wait_for(300)
        assert [server.stop() for server in servers] == [0, 0]
        for load in loads:
            load.join()
            assert {status for status, _ in load.others} <= {503}, load.others[:3]
        shop.judge(*loads)
        again = Server(tmp_path / "data", "--database-url", url)
        held.callback(again.kill)
        first = streams[0].shown[0]
        whole = Stream(again.port, shop, after=first)
        held.callback(whole.close)
        held.callback(again.stop)
        whole.wait_for(ids_of(*loads) - {first})
        # Streams end with their server, some events before the last: what they showed is how every stream begins.
        assert len(set(whole.shown)) == len(whole.shown)
        for stream in streams:
            assert stream.shown == [first, *whole.shown][: len(stream.shown)]
            assert len(stream.shown) > 100


def test_postgresql_cut_off_under_load_loses_nothing_that_was_answered(tmp_path):
    rng, database, load = random.Random(3), OwnServer(), Load()
    try:
        server = Server(tmp_path / "data", "--database-url", database.url)
        try:
            shop = open_shop(server, database.url)
            load.start(server.port, shop.events, shop.headers, shop.contacts)
            for _ in range(CRASHES):
                load.wait_for(rng.randint(20, 200))
                database.crash()
                assert health(server, "/api/health") == 200
                database.start()
            load.wait_for(100)
        finally:
            code = server.stop()
            load.join()
        assert code == 0
        assert {status for status, _ in load.others} <= {503}, load.others[:3]
        shop.judge(load)
    finally:
        database.close()


def test_a_database_that_stands_still_is_waited_for_and_said_to(tmp_path):
    database, load = OwnServer(), Load()
    try:
        server = Server(tmp_path / "data", "--database-url", database.url)
        try:
            shop = open_shop(server, database.url)
            load.start(server.port, shop.events, shop.headers, shop.contacts)
            load.wait_for(50)
            with database.frozen():
                assert health(server, "/api/health") == 200
                assert health(server, "/api/health/ready") == 503
                assert health(server, "/api/health") == 200
            load.wait_for(50)
            assert health(server, "/api/health/ready") == 200
        finally:
            code = server.stop()
            load.join()
        assert code == 0
        assert load.others == [] or {status for status, _ in load.others} <= {503}
        shop.judge(load)
    finally:
        database.close()


def test_several_processes_serve_from_one_port_and_a_killed_one_is_replaced(tmp_path):
    with databases().one() as url:
        server = Server(tmp_path / "data", "--database-url", url, "--processes", "2")
        loads = [Load(name="before"), Load(name="after")]
        try:
            shop = open_shop(server, url)
            loads[0].start(server.port, shop.events, shop.headers, shop.contacts)
            loads[0].wait_for(100)
            members = server.members()
            os.kill(members[0], signal.SIGKILL)
            server.wait_for_another(members)
            # Clients whose connection died are gone; new ones find whoever is there.
            loads[1].start(server.port, shop.events, shop.headers, shop.contacts)
            loads[1].wait_for(200)
        finally:
            code = server.stop()
            for load in loads:
                load.join()
        assert code == 0
        shop.judge(*loads)
