"""The real server, killed with SIGKILL while Telegram or a push service has a message and has not answered yet."""

import json
import threading
import time

import httpx2
import pytest

from tests.channels.answering import BotApiServer, push_service
from tests.channels.browser import Browser
from tests.http.live import Live, Owner

WITHIN = 60


class Held:
    """Lets nobody's answer out until `let_go`; `reached` is set when one is being kept."""

    def __init__(self, server, kept):
        self.reached = threading.Event()
        self._let_go = threading.Event()
        self._server, self._usual, self._kept = server, server.usual, kept
        server.usual = self._answer

    def _answer(self, request):
        if self._kept in request.path:
            self.reached.set()
            self._let_go.wait(WITHIN)
        return self._usual(request)

    def let_go(self):
        self._server.usual = self._usual
        self._let_go.set()


@pytest.fixture
def telegram():
    with BotApiServer() as server:
        yield server


@pytest.fixture
def service():
    with push_service() as server:
        yield server


def start(folder, telegram):
    return Live(folder, "--telegram-api", telegram.url, "--private-targets", "127.0.0.0/8")


def until(question):
    """The first answer that says anything."""
    deadline = time.monotonic() + WITHIN
    while not (answer := question()):
        assert time.monotonic() < deadline
    return answer


def killed_while(held, server, owner, **message):
    """The id of a message that the other side had when the server was killed."""
    sent = owner.post(f"{owner.w}/messages", message, 201)["data"][0]["id"]
    assert held.reached.wait(WITHIN)
    server.kill()
    held.let_go()
    owner.client.close()
    return sent


def status(server, owner, message):
    answer = httpx2.get(f"{server.url}{owner.w}/messages/{message}", headers={"authorization": f"Bearer {owner.key}"})
    return answer.json()["status"]


def test_in_the_chat_nobody_knows_and_nothing_is_sent_twice(tmp_path, telegram):
    server = start(tmp_path / "data", telegram)
    owner = Owner(server.url)
    bot = owner.post(f"{owner.w}/telegram/bots", {"token": telegram.TOKEN}, 201)
    ada = owner.post(f"{owner.w}/contacts", {"email": "ada@example.org"}, 201)["id"]
    link = owner.post(f"{owner.w}/contacts/{ada}/telegram-link", {}, 201)["url"]
    said = {"message_id": 1, "date": 1, "chat": {"id": 42, "type": "private"}, "text": "/start " + link.split("=")[1]}
    secret = {"x-telegram-bot-api-secret-token": telegram.webhook["secret_token"]}
    owner.post(f"/telegram/{bot['id']}", {"update_id": 1, "message": said}, 200, **secret)
    message = killed_while(
        Held(telegram, "/sendMessage"), server, owner, channel="TELEGRAM", contactId=ada, text="hello"
    )  # fmt: skip
    server = start(tmp_path / "data", telegram)
    assert until(lambda: status(server, owner, message) == "UNKNOWN")
    # What Telegram sends again, because the answer got lost, is known.
    again = httpx2.post(f"{server.url}/telegram/{bot['id']}", json={"update_id": 1, "message": said}, headers=secret)
    assert again.status_code == 200
    events = httpx2.get(f"{server.url}{owner.w}/events", headers={"authorization": f"Bearer {owner.key}"}).json()
    assert [event["type"] for event in events] == ["telegram.message_received"]
    assert server.stop() == 0
    assert len([request for request in telegram.requests if request.path.endswith("/sendMessage")]) == 1


def test_in_the_browser_the_repetition_takes_the_place_of_the_first(tmp_path, telegram, service):
    server = start(tmp_path / "data", telegram)
    owner = Owner(server.url)
    ada = owner.post(f"{owner.w}/contacts", {"email": "ada@example.org"}, 201)["id"]
    key = owner.post(f"{owner.w}/keys", {"name": "web", "kind": "WRITE"}, 201)["key"]
    owner.get(f"{owner.w}/push/key")
    token = owner.post(f"{owner.w}/contacts/{ada}/push-token", {}, 201)["token"]
    browser = Browser(f"{service.url}/send/1")
    wanted = {"subscription": browser.subscription(), "contactToken": token}
    page = {"authorization": f"Bearer {key}"}
    assert httpx2.post(f"{server.url}/api/public/push/subscriptions", json=wanted, headers=page).status_code == 204
    message = killed_while(
        Held(service, "/send/1"), server, owner, channel="PUSH", contactId=ada, title="Hello", body="there"
    )  # fmt: skip
    server = start(tmp_path / "data", telegram)
    assert until(lambda: status(server, owner, message) == "SENT")
    assert server.stop() == 0
    assert [request.headers["topic"] for request in service.requests] == [message, message]
    assert {json.loads(browser.read(request.body))["id"] for request in service.requests} == {message}
