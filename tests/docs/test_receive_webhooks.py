"""The receiver that the how-to shows receives, once, what a webhook tells, and nothing that is not signed."""

import os
import re
import subprocess
import sys
from pathlib import Path
from socket import create_server

import httpx2
import pytest

from ensue.base.clock import SystemClock
from tests.api.house import House
from tests.webhooks.conftest import HERE
from tests.webhooks.shop import Shop
from tests.webhooks.sink import Sink

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "receive-webhooks.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver(tmp_path):
    """Its process and its port."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "receiver.py").write_text(program, "utf-8")
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "receiver.py")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)},
    )  # fmt: skip
    yield process, port
    process.kill()
    process.communicate()


def test_the_receiver_of_the_page(tmp_path, receiver):
    process, port = receiver
    with House(tmp_path / "data", private_targets=HERE) as house, Sink() as sink:
        house.clock.set(SystemClock().now())
        shop = Shop(house, house.owner(), sink)
        url = f"http://127.0.0.1:{port}/hooks/ensue"
        body = {"url": url, "events": ["contact.*"], "secret": SECRET}
        webhook = shop.owner.post(f"{shop.w}/webhooks", body, 201)
        webhook["path"] = f"{shop.w}/webhooks/{webhook['id']}"
        # It may still be starting; then the retry comes.
        shop.contact(email="ada@example.com")
        tries = 1
        while (tried := shop.settled(webhook, tries))["status"] == "QUEUED":
            tries += 1
            shop.forward(6_000)
        assert tried["status"] == "DELIVERED"
        assert process.stdout.readline().startswith("contact.created ")
        shop.owner.post(f"{webhook['path']}/deliveries/{tried['id']}/redeliver", None, 202)
        assert shop.settled(webhook, tries + 1)["status"] == "DELIVERED"
        forged = httpx2.post(url, json={"id": "whd_1", "type": "forged", "data": {}})
        assert forged.status_code == 401
        shop.contact(firstName="Grace")
        # Neither the repetition nor the forgery was printed before it.
        assert "Grace" in process.stdout.readline()
