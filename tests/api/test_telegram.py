"""Bots, links and updates over HTTP, with a real server in Telegram's place."""

import json
from ipaddress import ip_network

import pytest

from ensue.base.errors import Unavailable
from tests.api.house import House
from tests.channels.answering import DROP, BotApiServer, Reply, refusal, result
from tests.channels.browser import Browser

TOKEN = BotApiServer.TOKEN
PERSON = 4_200_000_001
KNOWN = result({"id": 700, "first_name": "Shop", "username": "shop_bot"})
HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def telegram():
    with BotApiServer() as server:
        yield server


@pytest.fixture
def house(tmp_path, telegram):
    options = {"telegram_api": telegram.url, "private_targets": HERE}
    with House(tmp_path, registration="open", **options) as house:
        yield house


@pytest.fixture
def bots(owner):
    return owner.w + "/telegram/bots"


@pytest.fixture
def bot(owner, bots):
    return owner.post(bots, {"token": TOKEN}, 201)


def deliver(house, telegram, bot, body, secret=None):
    """Send an update as Telegram does."""
    headers = {"x-telegram-bot-api-secret-token": telegram.webhook["secret_token"] if secret is None else secret}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = bot["webhookUrl"].removeprefix("http://testserver")
    headers["content-type"] = "application/json"
    return house.visitor().client.post(path, content=raw, headers=headers)


def update(number, text, chat=PERSON):
    sender = {"id": chat, "first_name": "Grace", "username": "grace"}
    message = {"message_id": 1, "date": 1, "chat": {"id": chat, "type": "private"}, "from": sender, "text": text}
    return {"update_id": number, "message": message}


# Bots


def test_a_bot_is_connected_and_its_token_never_shown(house, owner, bots, telegram, bot):
    assert (bot["username"], bot["name"], bot["status"], bot["error"]) == ("shop_bot", "Shop", "CONNECTED", None)
    assert telegram.webhook["url"] == bot["webhookUrl"] == f"http://testserver/telegram/{bot['id']}"
    assert telegram.webhook["allowed_updates"] == ["message", "my_chat_member"]
    assert len(telegram.webhook["secret_token"]) >= 43
    assert owner.get(bots) == [bot] == [owner.get(f"{bots}/{bot['id']}")]
    assert TOKEN not in json.dumps([bot, owner.get(bots), owner.get(owner.w + "/audit")])
    (stored,) = house.rows("SELECT token, secret FROM telegram_bots")
    assert TOKEN.encode() not in stored[0]
    assert telegram.webhook["secret_token"].encode() not in stored[1]


@pytest.mark.parametrize("token", ["", "abc", "1:short", f"{TOKEN}/../x", f"{TOKEN}\n", "12:" + "x" * 200, 5])
def test_what_cannot_be_a_token_is_refused_before_telegram_is_asked(owner, bots, telegram, token):
    assert owner.post(bots, {"token": token}, 400)["error"]["details"][0]["path"] == "token"
    assert telegram.requests == []


def test_a_token_that_telegram_does_not_know(owner, bots):
    error = owner.post(bots, {"token": "701:AAAAAAAAAAAAAAAAAAAA"}, 400)["error"]
    assert (error["code"], error["details"][0]["path"]) == ("unknown_token", "token")
    assert owner.get(bots) == []


@pytest.mark.parametrize("reply", [DROP, Reply(502, b"<html>"), refusal(429, "Too Many Requests", retry_after=3)])
def test_telegram_cannot_be_asked(owner, bots, telegram, reply):
    telegram.next = [reply]
    assert TOKEN not in json.dumps(owner.post(bots, {"token": TOKEN}, 503))
    assert owner.get(bots) == []


def test_a_webhook_that_telegram_refuses_is_seen_and_can_be_tried_again(house, owner, bots, telegram):
    refused = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    telegram.next = [KNOWN, refusal(400, refused)]
    bot = owner.post(bots, {"token": TOKEN}, 201)
    assert (bot["status"], bot["error"]) == ("FAILED", refused)
    telegram.next = [KNOWN, DROP]
    assert owner.post(f"{bots}/{bot['id']}/register")["status"] == "FAILED"
    assert owner.post(f"{bots}/{bot['id']}/register")["status"] == "CONNECTED"
    assert owner.get(bots)[0]["error"] is None


def test_connecting_again_replaces_the_token(owner, bots, telegram, bot):
    again = owner.post(bots, {"token": TOKEN}, 201)
    assert again["id"] == bot["id"]
    assert len(owner.get(bots)) == 1


def test_the_secret_of_before_counts_until_telegram_has_the_new_one(house, owner, bots, telegram, bot):
    old = telegram.webhook["secret_token"]
    path = f"{bots}/{bot['id']}/register"
    telegram.next = [KNOWN, refusal(400, "no")]
    owner.post(path)
    assert deliver(house, telegram, bot, update(1, "hello"), old).status_code == 200
    owner.post(path)
    assert telegram.webhook["secret_token"] != old
    assert deliver(house, telegram, bot, update(2, "hello"), old).status_code == 401
    assert deliver(house, telegram, bot, update(2, "hello")).status_code == 200


def test_a_bot_speaks_for_one_workspace(house, owner, bots, bot):
    other = house.person("eve")
    other.workspace = other.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    key = other.post(other.w + "/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    eve = house.with_key(key, other.workspace)
    assert eve.post(eve.w + "/telegram/bots", {"token": TOKEN}, 409)["error"]["code"] == "bot_taken"
    eve.get(f"{eve.w}/telegram/bots/{bot['id']}", 404)
    eve.delete(f"{eve.w}/telegram/bots/{bot['id']}", 404)
    owner.delete(f"{bots}/{bot['id']}")
    eve.post(eve.w + "/telegram/bots", {"token": TOKEN}, 201)


def test_health_is_what_telegram_says_now(owner, bots, telegram, bot):
    path = f"{bots}/{bot['id']}/health"
    healthy = owner.get(path)
    assert (healthy["tokenAccepted"], healthy["receiving"], healthy["pending"]) == (True, True, 0)
    telegram.webhook = {"url": "https://elsewhere.example"}
    assert owner.get(path)["receiving"] is False
    telegram.next = [refusal(401, "Unauthorized")]
    assert owner.get(path)["tokenAccepted"] is False
    telegram.next = [DROP]
    owner.get(path, 503)


def test_a_bot_is_disconnected_also_when_telegram_is_away(house, owner, bots, telegram, bot):
    secret = telegram.webhook["secret_token"]
    telegram.next = [DROP]
    owner.delete(f"{bots}/{bot['id']}")
    assert owner.get(bots) == []
    assert deliver(house, telegram, bot, update(1, "hello"), secret).status_code == 404
    bot = owner.post(bots, {"token": TOKEN}, 201)
    owner.delete(f"{bots}/{bot['id']}")
    assert telegram.webhook == {}
    owner.delete(f"{bots}/{bot['id']}", 404)


# Updates


def test_an_update_is_stored_before_it_is_answered_and_once(house, owner, telegram, bot):
    for _ in range(2):
        answer = deliver(house, telegram, bot, update(7, "hello"))
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
    (event,) = owner.get(owner.w + "/events")
    assert (event["type"], event["source"], event["sessionId"]) == (
        "telegram.message_received", "telegram", f"telegram:700:{PERSON}"
    )  # fmt: skip
    assert event["metadata"]["text"] == "hello"


@pytest.mark.parametrize("secret", ["", "wrong", "ÿ" * 43])
def test_who_does_not_know_the_secret_is_nobody(house, owner, telegram, bot, secret):
    assert deliver(house, telegram, bot, update(7, "hello"), secret.encode("latin-1")).status_code == 401
    assert owner.get(owner.w + "/events") == []


@pytest.mark.parametrize("place", ["bot_0000000000000", "bot_x", "700", "%00"])
def test_no_such_bot(house, telegram, bot, place):
    elsewhere = {**bot, "webhookUrl": f"http://testserver/telegram/{place}"}
    assert deliver(house, telegram, elsewhere, update(7, "hello")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"update_id": 7, "poll_answer": {}}, 200),
        ({"update_id": 7}, 200),
        ({"update_id": 7, "message": {"chat": "x"}}, 200),
        ({}, 400),
        (b"", 400),
        (b"not json", 400),
        (b'{"update_id": NaN}', 400),
        (b'{"update_id": 1' + b"0" * 30 + b"}", 400),
        (b"[" * 100_000, 400),
        (b'{"update_id": 7, "x": "' + b"x" * 300_000 + b'"}', 413),
    ],
)
def test_rubbish_and_novelties(house, owner, telegram, bot, body, status):
    assert deliver(house, telegram, bot, body).status_code == status
    assert owner.get(owner.w + "/events") == []


def test_nothing_is_acknowledged_that_could_not_be_stored(house, owner, telegram, bot, monkeypatch):
    def full(*_):
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(house.services.commits, "run", full)
    assert deliver(house, telegram, bot, update(7, "hello")).status_code == 503
    monkeypatch.undo()
    assert deliver(house, telegram, bot, update(7, "hello")).status_code == 200
    assert len(owner.get(owner.w + "/events")) == 1


# Links


def start(house, telegram, bot, number, link):
    url, _, token = link["url"].partition("?start=")
    assert url == "https://t.me/shop_bot"
    assert len(token) <= 64
    assert token.replace("-", "").replace("_", "").isalnum()
    assert deliver(house, telegram, bot, update(number, f"/start {token}")).status_code == 200


def test_a_link_ties_a_chat_to_a_contact(house, owner, telegram, bot):
    ada = owner.post(owner.w + "/contacts", {"email": "ada@example.com"}, 201)["id"]
    start(house, telegram, bot, 1, owner.post(f"{owner.w}/contacts/{ada}/telegram-link", {}, 201))
    deliver(house, telegram, bot, update(2, "hello"))
    events = owner.get(f"{owner.w}/events?contactId={ada}")
    assert [event["metadata"].get("link") for event in events] == [None, "TIED"]
    (device,) = owner.get(f"{owner.w}/contacts/{ada}/devices")
    assert (device["channel"], device["address"], device["goneAt"]) == ("TELEGRAM", f"700:{PERSON}", None)
    owner.delete(f"{owner.w}/contacts/{ada}/devices/{device['id']}")
    assert owner.get(f"{owner.w}/contacts/{ada}/devices") == []
    deliver(house, telegram, bot, update(3, "hello"))
    assert len(owner.get(f"{owner.w}/contacts/{ada}/devices")) == 1


def test_a_visitor_s_link_needs_only_a_write_key(house, owner, telegram, bot):
    key = owner.post(owner.w + "/keys", {"name": "web", "kind": "WRITE"}, 201)["key"]
    page = house.with_key(key, owner.workspace)
    link = page.post("/public/telegram/links", {"sessionId": "browser"}, 201)
    start(house, telegram, bot, 1, link)
    (contact,) = owner.get(owner.w + "/contacts")["data"]
    assert contact["firstName"] == "Grace"
    house.visitor().post("/public/telegram/links", {"sessionId": "browser"}, 401)
    secret = owner.post(owner.w + "/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    house.with_key(secret, owner.workspace).post("/public/telegram/links", {"sessionId": "browser"}, 403)


def test_a_link_for_a_session_and_how_long_it_works(house, owner, telegram, bot):
    link = owner.post(owner.w + "/telegram/links", {"sessionId": "browser"}, 201)
    assert link["expiresAt"] == "2026-03-01T13:00:00.000Z"
    wanted = {"sessionId": "browser", "expiresAt": "2026-03-02T12:00:00Z", "botId": bot["id"]}
    assert owner.post(owner.w + "/telegram/links", wanted, 201)["expiresAt"] == "2026-03-02T12:00:00.000Z"
    for expires in ("2026-03-01T12:00:00Z", "2026-04-01T12:00:00Z"):
        owner.post(owner.w + "/telegram/links", {**wanted, "expiresAt": expires}, 400)
    owner.post(owner.w + "/telegram/links", {**wanted, "botId": "bot_0000000000000"}, 400)
    owner.post(owner.w + "/contacts/ct_0000000000000/telegram-link", {}, 404)


def test_without_a_bot_there_is_no_link(owner):
    assert owner.post(owner.w + "/telegram/links", {"sessionId": "x"}, 409)["error"]["code"] == "no_bot"


def test_nobody_speaks_for_a_chat_that_anybody_can_guess(house, owner, telegram, bot):
    key = owner.post(owner.w + "/keys", {"name": "web", "kind": "WRITE"}, 201)["key"]
    page = house.with_key(key, owner.workspace)
    chat = f"telegram:700:{PERSON}"
    page.post(owner.w + "/events", {"type": "page_view", "sessionId": chat}, 403)
    (result,) = page.post(owner.w + "/events/batch", {"events": [{"type": "page_view", "sessionId": chat}]})["results"]
    assert result["error"]["code"] == "forbidden"
    page.post("/public/telegram/links", {"sessionId": chat}, 400)
    subscription = Browser("https://push.example/1").subscription()
    page.post("/public/push/subscriptions", {"subscription": subscription, "sessionId": chat}, 400)
    owner.post(owner.w + "/events", {"type": "page_view", "sessionId": chat}, 201)


def test_a_link_that_cannot_tie_says_so_and_holds_nothing_up(house, owner, telegram, bot):
    start(house, telegram, bot, 1, owner.post(owner.w + "/telegram/links", {"sessionId": "browser"}, 201))
    (nameless,) = owner.get(owner.w + "/contacts")["data"]
    full = {f"a{number}": 1 for number in range(150)}
    owner.patch(f"{owner.w}/contacts/{nameless['id']}", {"attributes": full})
    known = {"email": "ada@example.com", "attributes": {f"b{number}": 1 for number in range(150)}}
    ada = owner.post(owner.w + "/contacts", known, 201)["id"]
    start(house, telegram, bot, 2, owner.post(f"{owner.w}/contacts/{ada}/telegram-link", {}, 201))
    events = owner.get(f"{owner.w}/events?contactId={nameless['id']}")
    assert [event["metadata"]["link"] for event in events] == ["REFUSED", "TIED"]
    assert owner.get(f"{owner.w}/contacts/{ada}/devices") == []
