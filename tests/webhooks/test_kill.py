"""The real server, killed in the middle of telling: nothing that was answered is lost, and every retry has its id."""

import http.client
import json
import threading
from collections import defaultdict

import pytest

from ensue.base import bounds
from ensue.base.clock import SystemClock
from tests.api.house import House
from tests.fault.serving import Caller
from tests.http.live import Live, Owner
from tests.webhooks.conftest import HERE
from tests.webhooks.shop import Shop
from tests.webhooks.sink import STALL, Answer

NETWORKS = ("--private-targets", "127.0.0.0/8")
CLIENTS = 4
MOST = 60


def post_until_gone(port, path, key, answered):
    """Post events, unless the server goes before; note one only once its answer was read."""
    caller = Caller(port, Authorization=f"Bearer {key}")
    try:
        for _ in range(MOST):
            status, _, text = caller.post(path, {"type": "buy"})
            if status == 201:
                answered.add(json.loads(text)["id"])
    except (OSError, http.client.HTTPException):
        return
    finally:
        caller.close()


@pytest.mark.timeout(180)
def test_killed_in_the_middle_of_telling(tmp_path, sink):
    folder = tmp_path / "data"
    server = Live(folder, *NETWORKS)
    owner = Owner(server.url)
    webhook = owner.post(f"{owner.w}/webhooks", {"url": sink.url(), "events": ["event:*"]}, 201)
    # Some are told, then it stalls with tries under way.
    sink.answer("/", *[Answer()] * 20, STALL)
    answered: set[str] = set()
    port = int(server.url.rsplit(":", 1)[1])
    clients = [
        threading.Thread(target=post_until_gone, args=(port, f"{owner.w}/events", owner.key, answered))
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    sink.wait(20 + bounds.WEBHOOK_TRIES_AT_ONCE_PER_ENDPOINT)
    server.kill()
    owner.client.close()
    for client in clients:
        client.join(60)
    interrupted = {received.id for received in sink.received[20:]}
    sink.answer("/", Answer())
    sink.let_go()
    assert len(answered) > 20
    with House(folder, private_targets=HERE) as house:
        house.clock.set(SystemClock().now() + bounds.WEBHOOK_LEASE)
        waiting = "SELECT COUNT(*) FROM webhook_deliveries WHERE status <> 'DELIVERED'"
        Shop(house, house.visitor(), sink).until(lambda: house.rows(waiting) == [(0,)])
        rows = house.rows("SELECT event_id, COUNT(*) FROM webhook_deliveries GROUP BY event_id HAVING COUNT(*) <> 1")
        assert rows == []
        lost = house.rows("SELECT COUNT(*) FROM webhook_attempts WHERE outcome = 'UNKNOWN'")
    told = defaultdict(set)
    for received in sink.received:
        told[received.json["data"]["event"]["id"]].add(received.id)
    assert answered <= told.keys()
    assert all(len(ids) == 1 for ids in told.values())
    again = [received.id for received in sink.received if received.id in interrupted]
    assert len(again) >= 2 * len(interrupted) > 0
    assert lost[0][0] >= len(interrupted)
    assert webhook["id"].startswith("whk_")


def test_a_server_that_is_stopped_finishes_its_tries(tmp_path, sink):
    folder = tmp_path / "data"
    server = Live(folder, *NETWORKS)
    try:
        owner = Owner(server.url)
        owner.post(f"{owner.w}/webhooks", {"url": sink.url(), "events": ["event:*"]}, 201)
        sink.answer("/", STALL)
        owner.post(f"{owner.w}/events", {"type": "buy"}, 201)
        sink.wait(1)
        owner.client.close()
        server.process.terminate()
        sink.let_go()
    finally:
        assert server.stop() == 0
    with House(folder, private_targets=HERE) as house:
        assert house.rows("SELECT status FROM webhook_deliveries") == [("DELIVERED",)]
    assert len(sink.received) == 1
