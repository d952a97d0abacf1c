"""P1 and P14 on the real server, over real HTTP: killed under load, and stopped under load."""

import json
import os
import random
import shutil
import subprocess
from copy import copy

import pytest

from ensue.base.ids import read, show
from tests.fault.serving import Caller, Load, Server, ensue, environment
from tests.fault.site import Ledger, Site

KILLS = int(os.environ.get("ENSUE_KILLS", "5"))
STOPS = int(os.environ.get("ENSUE_STOPS", "2"))
pytestmark = pytest.mark.timeout(120 + 10 * (KILLS + STOPS))


def number_of(prefix, shown):
    number = read(prefix, shown)
    assert number is not None
    return number


class House:
    """A folder that was served once: an owner, a workspace with rules, and a key to it."""

    def __init__(self, folder):
        self.folder = folder
        server = Server(folder)
        try:
            caller = Caller(server.port)
            person = {"name": "Ada", "email": "ada@example.com", "password": "sturdy lantern parade"}
            status, headers, text = caller.post("/api/auth/register", person)
            assert status == 201, text
            cookie = headers["Set-Cookie"].split(";")[0]
            ours = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
            _, _, text = caller.post("/api/workspaces", {"name": "Shop", "slug": "shop"}, **ours)
            shown = json.loads(text)["id"]
            scopes = {"name": "load", "scopes": ["events:read", "events:write"]}
            status, _, text = caller.post(f"/api/workspaces/{shown}/keys", scopes, **ours)
            assert status == 201, text
            self.headers = {"Authorization": f"Bearer {json.loads(text)['key']}"}
            self.path = f"/api/workspaces/{shown}/events"
            self.workspace = number_of("ws", shown)
            caller.close()
        finally:
            server.stop()
        site = Site(folder, workspace=self.workspace)
        self.contacts = [show("ct", number) for number in site.contacts]
        site.close()

    def judged(self, load, name):
        """The keys in the store, after asserting that everything answered is there and follows from the log."""
        ledger = Ledger({key: number_of("evt", json.loads(text)["id"]) for key, text in load.answers.items()})
        site = Site(shutil.copytree(self.folder, self.folder.with_name(name)), workspace=self.workspace)
        try:
            assert site.missing(ledger) == set()
            assert site.flaws() == []
            rows = site.store.read(lambda tables: tables.sql.rows("SELECT metadata FROM events"))
            return {json.loads(row[0])["key"] for row in rows}
        finally:
            site.close()

    def send_again(self, server, load, keys):
        """Retries: what was answered is answered the same, what was not is answered now."""
        caller = Caller(server.port, **self.headers)
        for key in keys:
            status, headers, text = caller.post(self.path, load.sent[key], **{"Idempotency-Key": key})
            assert status == 201, text
            if key in load.answers:
                assert (headers["Idempotency-Replayed"], text) == ("true", load.answers[key])
            load.answers[key] = text
        caller.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return House(tmp_path_factory.mktemp("served") / "data")


@pytest.fixture
def house(served, tmp_path):
    """A copy of it for each test: the server starts slowly."""
    house = copy(served)
    house.folder = shutil.copytree(served.folder, tmp_path / "data")
    return house


def test_killed_under_load_it_loses_nothing_that_it_answered(house):
    rng, load = random.Random(1), Load()
    for number in range(KILLS):
        server = Server(house.folder)
        try:
            unanswered = sorted(load.sent.keys() - load.answers.keys())
            answered = sorted(load.answers)
            house.send_again(server, load, unanswered + rng.sample(answered, min(20, len(answered))))
            load.start(server.port, house.path, house.headers, house.contacts)
            load.wait_for(rng.randint(1, 400))
        finally:
            server.kill()
            load.join()
        assert not load.others, load.others[:3]
        house.judged(load, f"judged {number}")
    assert len(load.answers) > 20 * KILLS
    verified = subprocess.run(
        ensue("verify", "--data", str(house.folder)), env=environment(), capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_stopped_under_load_it_answers_what_it_took(house):
    rng = random.Random(2)
    kept: set[str] = set()
    load = Load()
    for number in range(STOPS):
        server = Server(house.folder)
        try:
            load.start(server.port, house.path, house.headers, house.contacts)
            load.wait_for(rng.randint(20, 400))
        finally:
            code = server.stop()
            load.join()
        assert code == 0
        assert {status for status, _ in load.others} <= {503}
        kept = house.judged(load, f"judged {number}")
        assert kept == load.answers.keys(), "it stored events whose senders were not answered"
