"""What has happened arrives, signed, at least once, and whoever waits for it can see what became of it."""

import json
from collections import Counter
from email.utils import formatdate
from functools import partial

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from ensue.accounts import removal
from ensue.base import bounds, ids
from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from ensue.base.retries import SCHEDULE
from ensue.engine.webhooks import queue
from ensue.engine.webhooks.signing import sign
from tests.webhooks.sink import RESET, STALL, Answer

FAILING = Answer(500, {}, b"no")


def verify(secret, received):
    """What the standard's own library says of it."""
    return Webhook(secret).verify(received.body, received.headers)


def test_an_event_arrives_signed_and_as_the_api_shows_it(shop):
    webhook = shop.listen("event:purchase", "contact.updated")
    contact = shop.contact(email="ada@example.com", attributes={"plan": "pro", "größe": [1, None]})
    metadata = {"amount": 1.5, "text": "ü\U0001f600<", "deep": {"a": [True]}}
    body = {"type": "purchase", "contactId": contact["id"], "metadata": metadata, "utmSource": "mail"}
    created = shop.owner.post(f"{shop.w}/events", body, 201)
    shop.owner.patch(f"{shop.w}/contacts/{contact['id']}", {"firstName": "Ada"})
    event, change = sorted(shop.sink.wait(2), key=lambda received: received.json["type"], reverse=True)
    assert verify(webhook["secret"], event) == event.json
    assert event.headers["content-type"] == "application/json"
    assert f"/workspaces/{event.headers['ensue-workspace']}" == shop.w
    assert event.json["id"] == event.id == event.headers["webhook-id"]
    assert event.json["data"]["event"] == created
    told = change.json["data"]
    (listed,) = shop.owner.get(f"{shop.w}/contacts")["data"]
    assert told["contact"] == listed
    assert told["changes"] == {"firstName": {"from": None, "to": "Ada"}}


def test_an_altered_body_or_another_secret_does_not_verify(shop):
    webhook = shop.listen()
    shop.contact()
    (received,) = shop.sink.wait(1)
    with pytest.raises(WebhookVerificationError):
        verify(webhook["secret"], received._replace(body=received.body + b" "))
    with pytest.raises(WebhookVerificationError):
        verify(shop.listen()["secret"], received)


def test_a_rotated_secret_is_valid_for_a_day_beside_the_new_one(shop):
    webhook = shop.listen()
    fresh = shop.owner.post(f"{webhook['path']}/rotate-secret")
    assert from_iso(fresh["oldSecretUntil"]) == shop.house.clock.now() + DAY
    shop.contact()
    (received,) = shop.sink.wait(1)
    assert len(received.headers["webhook-signature"].split(" ")) == 2
    assert verify(webhook["secret"], received) == verify(fresh["secret"], received) == received.json
    shop.forward(DAY)
    shop.contact()
    _, received = shop.sink.wait(2)
    (signature,) = received.headers["webhook-signature"].split(" ")
    seconds = int(received.headers["webhook-timestamp"])
    assert seconds == shop.house.clock.now() // 1000
    assert signature == sign(fresh["secret"], received.id, seconds, received.body.decode())


def test_a_secret_of_ones_own_and_none_that_is_shown_again(shop):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = {"url": shop.sink.url(), "events": ["contact.created"], "secret": secret}
    made = shop.owner.post(f"{shop.w}/webhooks", body, 201)
    assert made["secret"] == secret
    shop.contact()
    assert verify(secret, shop.sink.wait(1)[0])
    assert "secret" not in shop.owner.get(f"{shop.w}/webhooks/{made['id']}")
    assert secret not in str(shop.house.rows("SELECT * FROM webhook_endpoints"))
    assert secret.encode() not in shop.house.rows("SELECT secret FROM webhook_endpoints")[0][0]
    body["secret"] = "whsec_short"
    assert shop.owner.post(f"{shop.w}/webhooks", body, 400)["error"]["details"][0]["path"] == "secret"


def test_the_schedule_to_its_end_and_back_from_the_dead(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING, RESET, Answer(404), *[FAILING] * 7, Answer())
    shop.contact()
    for number, pause in enumerate((*SCHEDULE[1:], None), 1):
        tried = shop.settled(webhook, number)
        assert tried["attempts"] == number
        if pause is None:
            break
        wait = from_iso(tried["nextAttemptAt"]) - shop.house.clock.now()
        assert pause <= wait <= pause * 1.1
        # Not a moment before it is due.
        shop.forward(wait - 1)
        assert len(shop.sink.received) == number
        shop.forward(1)
    assert (tried["status"], tried["nextAttemptAt"]) == ("DEAD", None)
    assert len({received.id for received in shop.sink.received}) == 1
    assert len({received.body for received in shop.sink.received}) == 1
    log = shop.delivery(webhook)["log"]
    assert [line["outcome"] for line in log] == ["FAILED"] * 10
    assert [line["statusCode"] for line in log[:3]] == [500, None, 404]
    assert log[0]["responseBody"] == "no"
    assert log[1]["error"]
    assert log[0]["requestHeaders"]["webhook-id"] == tried["id"]
    since = tried["createdAt"]
    assert shop.owner.post(f"{webhook['path']}/recover", {"since": since}, 202) == {"queued": 1}
    tried = shop.settled(webhook, 11)
    assert tried["status"] == "DELIVERED"
    assert shop.sink.wait(11)[-1].id == tried["id"]
    assert shop.owner.post(f"{webhook['path']}/recover", {"since": since}, 202) == {"queued": 0}


@pytest.mark.parametrize("asked", ["3600", "date"])
def test_retry_after_is_kept(shop, asked):
    if asked == "date":
        asked = formatdate(shop.house.clock.now() / 1000 + 3600, usegmt=True)
    webhook = shop.listen()
    shop.sink.answer("/", Answer(429, {"retry-after": asked}), Answer())
    shop.contact()
    tried = shop.settled(webhook, 1)
    wait = from_iso(tried["nextAttemptAt"]) - shop.house.clock.now()
    assert HOUR - SECOND <= wait <= HOUR * 1.1
    shop.forward(wait)
    assert shop.settled(webhook, 2)["status"] == "DELIVERED"


@pytest.mark.parametrize("asked", ["-5", "soon", "1e9", "", "99999999999999999999", "Wed, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_not_believed(shop, asked):
    webhook = shop.listen()
    shop.sink.answer("/", Answer(503, {"retry-after": asked}))
    shop.contact()
    wait = from_iso(shop.settled(webhook, 1)["nextAttemptAt"]) - shop.house.clock.now()
    assert 5 * SECOND <= wait <= DAY * 1.1


def test_gone_disables_at_once_and_says_so(shop):
    webhook = shop.listen()
    shop.sink.answer("/", Answer(410), Answer())
    shop.contact()
    assert shop.settled(webhook, 1)["status"] == "DEAD"
    shown = shop.get(webhook)
    assert (shown["status"], shown["reason"]) == ("DISABLED", "GONE")
    lines = [line for line in shop.owner.get(f"{shop.w}/audit") if line["action"] == "webhook.disable"]
    assert [(line["target"], line["detail"]) for line in lines] == [(webhook["id"], {"reason": "GONE"})]
    shop.contact()
    assert len(shop.deliveries(webhook)) == 1
    shop.owner.post(f"{webhook['path']}/resume")
    shop.contact()
    assert shop.settled(webhook, 1, -1)["status"] == "DELIVERED"


def test_nothing_but_failures_for_days_disables(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING)
    shop.contact()
    shop.settled(webhook, 1)
    since = shop.get(webhook)["failingSince"]
    assert since is not None
    shop.forward(bounds.WEBHOOK_FAILING - MINUTE)
    shop.settled(webhook, 2)
    assert shop.get(webhook)["status"] == "ACTIVE"
    shop.forward(10 * MINUTE)
    shop.settled(webhook, 3)
    shown = shop.get(webhook)
    assert (shown["status"], shown["reason"], shown["failingSince"]) == ("DISABLED", "FAILING", since)
    assert "webhook.disable" in [line["action"] for line in shop.owner.get(f"{shop.w}/audit")]
    # What waited is told once somebody resumes it.
    shop.sink.answer("/", Answer())
    shop.forward(DAY)
    shop.owner.post(f"{webhook['path']}/resume")
    assert shop.settled(webhook, 4)["status"] == "DELIVERED"
    assert shop.get(webhook)["failingSince"] is None


def test_one_success_between_failures_keeps_it(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING, Answer(), FAILING)
    shop.contact()
    shop.settled(webhook, 1)
    shop.forward(MINUTE)
    shop.settled(webhook, 2)
    assert shop.get(webhook)["failingSince"] is None
    shop.forward(bounds.WEBHOOK_FAILING)
    shop.contact()
    shop.settled(webhook, 1, -1)
    assert shop.get(webhook)["status"] == "ACTIVE"


def test_a_redirect_is_not_followed(shop):
    webhook = shop.listen(path="/moved")
    shop.sink.answer("/moved", Answer(307, {"location": shop.sink.url("/secret")}))
    shop.contact()
    shop.settled(webhook, 1)
    (tried,) = shop.delivery(webhook)["log"]
    assert (tried["statusCode"], tried["outcome"]) == (307, "FAILED")
    assert shop.sink.at("/secret") == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
def test_what_is_not_public_is_refused_by_name(guarded, host):
    webhook = guarded.listen(url=guarded.sink.url(host=host))
    guarded.contact()
    guarded.settled(webhook, 1)
    (tried,) = guarded.delivery(webhook)["log"]
    assert tried["outcome"] == "FAILED"
    assert tried["statusCode"] is None
    assert "public" in tried["error"] or "resolve" in tried["error"].lower()
    assert guarded.sink.received == []


def test_a_name_that_leads_nowhere_is_a_try_that_failed(shop):
    webhook = shop.listen(url="https://nowhere.invalid/hook")
    shop.contact()
    assert shop.settled(webhook, 1)["status"] == "QUEUED"
    assert shop.delivery(webhook)["log"][0]["error"]


def test_a_long_answer_is_kept_in_part_and_without_its_secrets(shop):
    webhook = shop.listen()
    body = b"\x00\xff" + b"x" * (bounds.BODY * 3)
    shop.sink.answer("/", Answer(200, {"set-cookie": "sid=hush", "x-request": "1", "x-long": "y" * 9_000}, body))
    shop.contact()
    shop.settled(webhook, 1)
    (tried,) = shop.delivery(webhook)["log"]
    assert 0 < len(tried["responseBody"]) <= bounds.WEBHOOK_ANSWER
    assert len(tried["responseHeaders"]["x-long"]) < 1_000
    assert tried["responseHeaders"]["x-request"] == "1"
    assert "hush" not in json.dumps(shop.delivery(webhook))
    assert webhook["secret"] not in json.dumps(shop.delivery(webhook))


def test_a_slow_endpoint_holds_up_nobody_and_gets_few_at_once(shop):
    most = bounds.WEBHOOK_TRIES_AT_ONCE_PER_ENDPOINT
    shop.sink.answer("/slow", STALL)
    slow, quick = shop.listen(path="/slow"), shop.listen(path="/quick")
    for _ in range(most + 8):
        shop.contact()
    shop.sink.wait(most + 8, "/quick")
    assert len(shop.sink.wait(most, "/slow")) == most
    shop.until(lambda: all(one["status"] == "DELIVERED" for one in shop.deliveries(quick)))
    assert Counter(one["status"] for one in shop.deliveries(slow)) == {"SENDING": most, "QUEUED": 8}
    shop.sink.let_go()
    shop.until(lambda: all(one["status"] == "DELIVERED" for one in shop.deliveries(slow)))
    assert shop.sink.most_at_once["/slow"] == most
    assert Counter(received.id for received in shop.sink.received).most_common(1)[0][1] == 1


def test_who_comes_back_after_the_lease_writes_nothing(shop):
    webhook = shop.listen()
    shop.sink.answer("/", STALL, Answer(500), Answer(500))
    shop.contact()
    shop.sink.wait(1)
    shop.forward(bounds.WEBHOOK_LEASE)
    tried = shop.settled(webhook, 2)
    assert tried["status"] == "QUEUED"
    due = tried["nextAttemptAt"]
    shop.sink.let_go()
    loop_is_idle(shop)
    (tried,) = shop.deliveries(webhook)
    assert (tried["status"], tried["attempts"], tried["nextAttemptAt"]) == ("QUEUED", 2, due)
    assert [(line["number"], line["outcome"]) for line in shop.delivery(webhook)["log"]] == [
        (1, "UNKNOWN"), (2, "FAILED"),
    ]  # fmt: skip
    assert len({received.id for received in shop.sink.wait(2, "/")}) == 1


def loop_is_idle(shop):
    """Once another webhook was told, what came back before has been written, or refused."""
    other = shop.listen("event:later", path="/later")
    shop.owner.post(f"{shop.w}/events", {"type": "later"}, 201)
    assert shop.settled(other, 1)["status"] == "DELIVERED"


def test_a_paused_webhook_waits(shop):
    webhook = shop.listen()
    shop.owner.post(f"{webhook['path']}/pause")
    shop.contact()
    loop_is_idle(shop)
    assert shop.sink.at("/") == []
    assert shop.get(webhook)["waiting"] == 1
    shop.owner.post(f"{webhook['path']}/test", None, 409)
    shop.owner.post(f"{webhook['path']}/resume")
    shop.sink.wait(1, "/")
    assert shop.settled(webhook, 1)["status"] == "DELIVERED"


def test_a_test_is_tried_once_and_says_nothing_about_the_rest(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING)
    queued = shop.owner.post(f"{webhook['path']}/test", None, 202)
    assert queued["event"] == "webhook.test"
    assert shop.settled(webhook, 1)["status"] == "DEAD"
    assert shop.get(webhook)["failingSince"] is None
    assert verify(webhook["secret"], shop.sink.wait(1)[0])["data"]["webhookId"] == webhook["id"]


def test_one_delivery_again_by_the_same_id(shop):
    webhook = shop.listen()
    shop.contact()
    first = shop.settled(webhook, 1)
    shop.owner.post(f"{webhook['path']}/deliveries/{first['id']}/redeliver", None, 202)
    assert shop.settled(webhook, 2)["status"] == "DELIVERED"
    one, other = shop.sink.wait(2)
    assert (one.id, one.body) == (other.id, other.body)
    shop.owner.post(f"{webhook['path']}/deliveries/whd_0000000000000/redeliver", None, 404)
    another = shop.listen("event:none")
    shop.owner.get(f"{another['path']}/deliveries/{first['id']}", 404)


def test_deliveries_are_found_by_status_and_kind(shop):
    webhook = shop.listen("contact.created", "event:*")
    shop.sink.answer("/", FAILING, Answer())
    contact = shop.contact()
    shop.settled(webhook, 1)
    shop.owner.post(f"{shop.w}/events", {"type": "buy", "contactId": contact["id"]}, 201)
    shop.settled(webhook, 1, -1)
    assert [one["event"] for one in shop.deliveries(webhook, "?status=QUEUED")] == ["contact.created"]
    assert [one["event"] for one in shop.deliveries(webhook, "?event=event:buy")] == ["event:buy"]
    assert shop.deliveries(webhook, "?since=2100-01-01T00:00:00Z") == []
    shop.owner.get(f"{webhook['path']}/deliveries?since=now", 400)
    shop.owner.get(f"{webhook['path']}/deliveries?status=LOST", 400)


def test_a_deleted_webhook_is_told_nothing_and_leaves_nothing(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING)
    shop.contact()
    shop.settled(webhook, 1)
    shop.owner.delete(webhook["path"])
    shop.owner.get(webhook["path"], 404)
    shop.forward(HOUR)
    loop_is_idle(shop)
    assert len(shop.sink.at("/")) == 1
    shop.house.call(tidied, shop.house)
    assert shop.house.rows("SELECT COUNT(*) FROM webhook_deliveries WHERE kind = 'contact.created'") == [(0,)]
    assert shop.house.rows("SELECT COUNT(*) FROM webhook_endpoints WHERE status = 'REMOVED'") == [(0,)]


async def tidied(house):
    def work(tables):
        for workspace_id in tables.webhook_workspaces():
            while queue.tidy(tables.workspace(workspace_id), house.services.engine.ids.instant())[0]:
                pass

    await house.services.write(work)


def test_what_is_old_goes_and_a_backlog_disables(shop, monkeypatch):
    monkeypatch.setattr(bounds, "WEBHOOK_BACKLOG", 3)
    webhook = shop.listen()
    shop.owner.post(f"{webhook['path']}/pause")
    for _ in range(4):
        shop.contact()
    shop.house.call(tidied, shop.house)
    shown = shop.get(webhook)
    assert (shown["status"], shown["reason"]) == ("DISABLED", "BACKLOG")
    shop.forward(bounds.WEBHOOK_KEPT + DAY)
    shop.house.call(tidied, shop.house)
    assert shop.house.rows("SELECT COUNT(*) FROM webhook_deliveries") == [(0,)]


def test_a_workspace_that_is_removed_is_silent(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING, Answer())
    shop.contact()
    shop.settled(webhook, 1)
    shop.owner.delete(shop.w)
    shop.forward(DAY)
    shop.until(lambda: shop.house.rows("SELECT COUNT(*) FROM webhook_deliveries") == [(0,)])
    assert shop.house.rows("SELECT COUNT(*) FROM webhook_endpoints") == [(0,)]
    assert len(shop.sink.received) == 1


def test_what_waits_in_a_workspace_that_is_being_removed_stays_untold(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING)
    shop.contact()
    shop.settled(webhook, 1)
    later = shop.house.clock.now() + DAY
    ready = partial(shop.house.store.read, lambda tables: queue.ready(tables, later))
    assert ready()[0]
    number = ids.read("ws", shop.owner.workspace) or 0
    shop.house.write(lambda tables: removal.close_workspace(tables, number, shop.house.clock.now()))
    assert ready() == ([], None)


def test_changing_where_to_and_what(shop):
    webhook = shop.listen()
    shop.sink.answer("/", FAILING)
    shop.contact()
    shop.settled(webhook, 1)
    changes = {"url": shop.sink.url("/new"), "events": ["event:buy"], "description": "Shop"}
    shop.owner.patch(webhook["path"], changes)
    shop.contact()
    shop.owner.post(f"{shop.w}/events", {"type": "buy"}, 201)
    shop.forward(MINUTE)
    assert {received.json["type"] for received in shop.sink.wait(2, "/new")} == {"contact.created", "event:buy"}
    shop.owner.patch(webhook["path"], {"url": "ftp://x"}, 400)
    shop.owner.patch(webhook["path"], {"events": []}, 400)
