"""Subscribing over HTTP, as a page does."""

import json
import shutil
import subprocess

import pytest

from tests.channels.browser import Browser

ENDPOINT = "https://push.example.net/send/1"
ORIGIN = "https://shop.example"


@pytest.fixture
def page(house, owner):
    key = owner.post(owner.w + "/keys", {"name": "web", "kind": "WRITE", "allowedOrigins": [ORIGIN]}, 201)["key"]
    return house.with_key(key, owner.workspace, origin=ORIGIN)


@pytest.fixture
def ada(owner):
    return owner.post(owner.w + "/contacts", {"email": "ada@example.com"}, 201)["id"]


def subscription(endpoint=ENDPOINT):
    return {"subscription": Browser(endpoint).subscription()}


def devices(owner, contact):
    return [device["address"] for device in owner.get(f"{owner.w}/contacts/{contact}/devices")]


def test_the_key_is_made_once_and_never_shown_whole(house, owner, page):
    key = owner.get(owner.w + "/push/key")
    assert page.get("/public/push/key") == key == {"publicKey": key["publicKey"]}
    assert len(key["publicKey"]) == 87
    ((private,),) = house.rows("SELECT private_key FROM push_keys")
    assert len(private) > 32 + 12 + 16


def test_another_workspace_has_another_key(open_house):
    ada = open_house.owner()
    eve = open_house.person("eve")
    eve.workspace = eve.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    assert ada.get(ada.w + "/push/key") != eve.get(eve.w + "/push/key")


def test_the_browser_of_a_session(owner, page, ada):
    page.post("/public/push/subscriptions", {**subscription(), "sessionId": "browser"}, 204)
    assert devices(owner, ada) == []
    owner.post(f"{owner.w}/contacts/{ada}/identify", {"sessionId": "browser"})
    assert devices(owner, ada) == [ENDPOINT]


def test_the_browser_of_a_contact_by_its_token(house, owner, page, ada):
    token = owner.post(f"{owner.w}/contacts/{ada}/push-token", {}, 201)
    assert token["expiresAt"] == "2026-03-01T13:00:00.000Z"
    page.post("/public/push/subscriptions", {**subscription(), "contactToken": token["token"]}, 204)
    (device,) = owner.get(f"{owner.w}/contacts/{ada}/devices")
    assert (device["channel"], device["detail"]) == ("PUSH", {})
    house.clock.advance(3_600_000)
    page.post("/public/push/subscriptions", {**subscription(), "contactToken": token["token"]}, 401)
    page.post("/public/push/subscriptions", {**subscription(), "contactToken": token["token"][:-1] + "_"}, 401)
    owner.post(f"{owner.w}/contacts/{ada}/push-token", {"expiresAt": "2026-03-03T12:00:00Z"}, 400)
    owner.post(f"{owner.w}/contacts/ct_0000000000000/push-token", {}, 404)


def test_a_page_can_name_no_contact_and_no_bad_subscription(page, ada):
    good = {**subscription(), "sessionId": "browser"}
    keys = good["subscription"]["keys"]
    for path, body in {
        "contactId": {**good, "contactId": ada},
        "sessionId": subscription(),
        "subscription.endpoint": {**good, "subscription": {"endpoint": "javascript:alert(1)", "keys": keys}},
        "subscription.keys.auth": {**good, "subscription": {"endpoint": ENDPOINT, "keys": {**keys, "auth": "AAAA"}}},
        "subscription.keys.p256dh": {**good, "subscription": {"endpoint": ENDPOINT, "keys": {**keys, "p256dh": "B"}}},
    }.items():
        details = page.post("/public/push/subscriptions", body, 400)["error"]["details"]
        assert path in {detail["path"] for detail in details}
    page.post("/public/push/subscriptions", {**good, "contactToken": "x"}, 400)


@pytest.mark.parametrize(
    "endpoint", ["https://user@push.example", "https:///x", "https://x:y/", "ftp://x/", "x", "https://x y/"]
)
def test_what_is_no_endpoint(page, endpoint):
    page.post("/public/push/subscriptions", {**subscription(endpoint), "sessionId": "browser"}, 400)


def test_unsubscribing(owner, page, ada):
    token = owner.post(f"{owner.w}/contacts/{ada}/push-token", {}, 201)["token"]
    page.post("/public/push/subscriptions", {**subscription(), "contactToken": token}, 204)
    answer = page.send("DELETE", "/public/push/subscriptions", {"endpoint": ENDPOINT})
    assert answer.status_code == 204
    assert devices(owner, ada) == []


def test_the_answer_does_not_tell_who_was_erased(owner, page, ada):
    token = owner.post(f"{owner.w}/contacts/{ada}/push-token", {}, 201)["token"]
    owner.post(f"{owner.w}/contacts/{ada}/erase", None, 204)
    page.post("/public/push/subscriptions", {**subscription(), "contactToken": token}, 204)


def test_only_pages_that_the_key_allows(house, owner, page):
    body = {**subscription(), "sessionId": "browser"}
    elsewhere = page.client.post(
        "/api/public/push/subscriptions", json=body, headers={"origin": "https://evil.example"}
    )
    assert elsewhere.status_code == 403
    house.visitor().post("/public/push/subscriptions", body, 401)
    secret = owner.post(owner.w + "/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    house.with_key(secret, owner.workspace).post("/public/push/subscriptions", body, 403)


def test_a_page_may_ask_and_read_the_answer(house, page):
    asked = {"access-control-request-method": "POST", "origin": ORIGIN}
    for path in ("push/key", "push/subscriptions", "telegram/links"):
        answer = house.visitor().client.request("OPTIONS", f"/api/public/{path}", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "authorization" in answer.headers["access-control-allow-headers"]
    assert page.send("GET", "/public/push/key").headers["access-control-allow-origin"] == "*"


WORKER = """
const handlers = {}, shown = [], opened = [];
globalThis.self = {
  location: {origin: "https://shop.example"},
  addEventListener: (name, handler) => { handlers[name] = handler; },
  registration: {showNotification: async (title, options) => { shown.push([title, options]); }},
  clients: {openWindow: async (url) => { opened.push(url); }},
};
%s
for (const data of %s) {
  handlers.push({data: data === null ? null : {json: () => JSON.parse(data)}, waitUntil() {}});
}
for (const [, options] of shown) {
  handlers.notificationclick({notification: {data: options.data, close() {}}, waitUntil() {}});
}
handlers.notificationclick({notification: {data: null, close() { opened.push("closed another's"); }}, waitUntil() {}});
console.log(JSON.stringify({shown, opened}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="runs the service worker")
def test_the_service_worker_shows_what_is_ours_and_opens_where_it_leads(house):
    answer = house.visitor().client.get("/push/sw.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    pushed = [
        json.dumps({"id": "msg_1", "title": "Hello", "body": "there", "url": "https://shop.example/c/1"}),
        json.dumps({"id": "msg_2", "title": "Bad", "url": "javascript:alert(1)"}),
        json.dumps({"title": "another's"}),
        "not json",
        None,
    ]
    done = subprocess.run(
        ["node", "-e", WORKER % (answer.text, json.dumps(pushed))], capture_output=True, check=True, text=True
    )
    result = json.loads(done.stdout)
    assert [(title, options["body"], options["tag"]) for title, options in result["shown"]] == [
        ("Hello", "there", "msg_1"), ("Bad", "", "msg_2")
    ]  # fmt: skip
    assert result["opened"] == ["https://shop.example/c/1"]
