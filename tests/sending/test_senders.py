"""How a workspace sends: set, shown without secrets, tried, and kept to its pace."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from standardwebhooks import Webhook

from ensue.base.clock import HOUR
from ensue.worker.lanes import TAKEN_AHEAD, Lane
from tests.api.house import PASSWORD, House
from tests.sending.post_office import PostOffice, accepting
from tests.sending.shop import Shop

SECRET = "sturdy lantern parade"


def test_no_secret_is_ever_shown_or_lies_readable_in_the_store(shop, tmp_path):
    said = [
        shop.set_sender(username="shop", password=SECRET),
        shop.owner.get(f"{shop.w}/senders/EMAIL"),
        shop.owner.get(f"{shop.w}/senders"),
        shop.owner.get(f"{shop.w}/audit"),
    ]
    assert SECRET not in repr(said)
    assert said[1]["secrets"] == ["password"]
    shop.house.flush()
    for file in tmp_path.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file.name


def test_a_password_stays_until_another_one_or_none_is_said(shop):
    shop.set_sender(username="shop", password=SECRET)
    assert shop.set_sender(username="shop")["secrets"] == ["password"]
    assert shop.set_sender(username="shop", password=None)["secrets"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "no host"), ("host", ""), ("host", "a\r\nb"), ("port", 0), ("port", 70_000), ("port", "25"),
        ("security", "SSL"), ("fromEmail", "nobody"), ("fromEmail", "a@b\r\nBcc: x@y.org"), ("fromName", "A\nBcc: x"),
        ("fromName", ""), ("replyTo", "x"), ("perSecond", 0), ("perSecond", -1), ("perSecond", 1e9), ("extra", 1),
        ("username", "a\rb"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_path(shop, field, value):
    wanted = {"host": "mail.example.com", "fromEmail": "a@example.com"} | {field: value}
    response = shop.owner.send("PUT", f"{shop.w}/senders/EMAIL", wanted)
    assert response.status_code == 400
    assert [detail["path"] for detail in response.json()["error"]["details"]] == [field]


def test_a_trial_says_at_once_what_the_server_says(shop, office):
    tried = shop.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "me@example.org"})
    assert tried == {"outcome": "ACCEPTED", "reason": None}
    assert office.letters[0].recipients == ["me@example.org"]
    office.says["RCPT"] = lambda _address: "550 5.7.1 relaying denied"
    tried = shop.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "me@example.org"})
    assert tried == {"outcome": "REJECTED", "reason": "550 5.7.1 relaying denied"}
    with PostOffice(authenticator=accepting(shop="right"), auth_required=True, auth_require_tls=False) as strict:
        shop.set_sender(port=strict.port, username="shop", password="wrong")
        tried = shop.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "me@example.org"})
    assert tried["outcome"] == "DEFERRED"
    assert "535" in tried["reason"]
    assert "wrong" not in tried["reason"]
    # A trial is no message.
    assert shop.messages() == []


def test_a_lane_keeps_its_pace():
    now = [100.0]
    lane = Lane(lambda: now[0])
    lane.pace(None)
    assert (lane.allowed(), lane.wait_for()) == (TAKEN_AHEAD, None)
    lane.pace(2)
    assert lane.allowed() == 1
    lane.take({1})
    assert (lane.allowed(), lane.wait_for()) == (0, 0.5)
    now[0] += 0.5
    lane.pace(2)
    assert lane.allowed() == 1
    now[0] += 3600
    lane.pace(2)
    # What was not used is lost but for a second's worth.
    assert lane.allowed() == 2
    lane.take({2, 3})
    now[0] += 0.25
    lane.pace(2)
    assert (lane.allowed(), lane.wait_for()) == (0, 0.25)
    lane.pace(0.1)
    now[0] += 10
    lane.pace(0.1)
    assert lane.allowed() == 1


def test_however_slow_a_sender_is_everything_goes_out(shop, office):
    shop.set_sender(perSecond=50)
    for number in range(5):
        shop.send(to=f"p{number}@example.org")
    shop.settle()
    assert len(office.letters) == 5


def webhook(shop, site, **fields):
    made = shop.owner.send("PUT", f"{shop.w}/senders/WEBHOOK", {}).json()
    wanted = {"channel": "WEBHOOK", "subject": None, "text": None, "url": site.url + "/hook"}
    wanted |= {"to": None, "contactId": shop.contact(), "body": '{"hi": {{ contact.firstName | json }}}'} | fields
    (message,) = shop.send(**wanted)["data"]
    shop.settle()
    return made["signingSecret"], message["id"]


def test_a_webhook_is_signed_with_the_secret_that_was_shown_once(shop, site):
    secret, message = webhook(shop, site)
    (asked,) = site.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert asked.headers["webhook-id"] == message
    assert f"/workspaces/{asked.headers['ensue-workspace']}" == shop.w
    # The house's clock stands in the past: the age of the signature is not what is looked at here.
    stamp = datetime.fromtimestamp(int(asked.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(message, stamp, asked.body.decode())
    assert asked.headers["webhook-signature"] == expected
    assert asked.body == b'{"hi": "Bob"}'
    assert shop.message(message)["status"] == "SENT"
    again = shop.owner.send("PUT", f"{shop.w}/senders/WEBHOOK", {}).json()
    assert (again["signingSecret"], again["secrets"]) == (None, ["signingSecret"])
    other = shop.owner.send("PUT", f"{shop.w}/senders/WEBHOOK", {"signingSecret": None}).json()
    assert other["signingSecret"] not in (None, secret)


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        ((204, {}, b""), "ACCEPTED", "SENT"),
        ((500, {}, b"down"), "DEFERRED", "SENDING"),
        ((404, {}, b""), "DEFERRED", "SENDING"),
        ((302, {"location": "http://127.0.0.1/elsewhere"}, b""), "DEFERRED", "SENDING"),
        ((410, {}, b"gone"), "REJECTED", "FAILED"),
        (None, "UNKNOWN", "SENDING"),
    ],
)
def test_what_the_answer_to_a_webhook_means(shop, site, answer, outcome, status):
    site.answer = lambda asked: answer
    _, message = webhook(shop, site)
    kept = shop.message(message)
    assert (kept["status"], [line["outcome"] for line in kept["log"]]) == (status, [outcome])
    assert len(site.asked) == 1


def test_retry_after_is_heeded(shop, site):
    site.answer = lambda asked: (429, {"retry-after": "3600"}, b"")
    _, message = webhook(shop, site)
    assert HOUR <= shop.row(message)["due_at"] - shop.house.clock.now() <= HOUR * 1.1
    site.answer = lambda asked: (200, {}, b"")
    shop.until_next_try(message)
    assert shop.row(message)["status"] == "SENT"
    assert len({asked.headers["webhook-id"] for asked in site.asked}) == 1


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "file:///etc/passwd"]
)
def test_a_webhook_never_goes_inside(shop, site, url):
    _, message = webhook(shop, site, url=url)
    assert (shop.row(message)["status"], shop.row(message)["reason"]) == ("FAILED", "REJECTED")


def test_webhooks_without_a_secret_are_not_sent(shop, site):
    wanted = {"channel": "WEBHOOK", "subject": None, "text": None, "to": None, "contactId": shop.contact()}
    (message,) = shop.send(**wanted, url=site.url, body="{}")["data"]
    shop.settle()
    assert shop.row(message["id"])["reason"] == "NO_SENDER"
    assert site.asked == []


def test_secrets_that_cannot_be_read_any_more_are_said_to_be_so(tmp_path, office):
    """The data was restored without its key: nothing crashes, and entering the secret again is all it takes."""
    with House(tmp_path, secret_key=b"a" * 32) as house:
        shop = Shop(house, office)
        shop.set_sender(username="shop", password=SECRET)
    with House(tmp_path, secret_key=b"b" * 32) as house:
        reopened = Shop.__new__(Shop)
        reopened.__dict__.update(shop.__dict__, house=house)
        reopened.owner = house.visitor()
        signed_in = {"email": "ada@example.com", "password": PASSWORD}
        reopened.owner.post("/auth/login", signed_in)
        (message,) = reopened.send()["data"]
        reopened.settle()
        assert reopened.row(message["id"])["reason"] == "NO_SENDER"
        assert reopened.owner.get(f"{shop.w}/senders/EMAIL")["secrets"] == []
        tried = reopened.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "a@example.org"}, 409)
        assert tried["error"]["code"] == "secret_unreadable"
        reopened.set_sender()
        reopened.owner.post(f"{shop.w}/messages/{message['id']}/replay")
        reopened.settle()
        assert len(office.letters) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "::ffff:127.0.0.1"])
def test_where_anybody_may_register_no_mail_server_is_inside(tmp_path, office, host):
    with House(tmp_path, registration="open") as house:
        shop = Shop(house, office)
        shop.set_sender(host=host)
        tried = shop.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "a@example.org"})
        assert tried["outcome"] == "DEFERRED"
        assert "not a public address" in tried["reason"]
    assert office.connections == 0


def test_what_the_operator_allows_is_reached_all_the_same(tmp_path, office):
    with House(tmp_path, registration="open", private_targets=(ip_network("127.0.0.0/8"),)) as house:
        shop = Shop(house, office)
        tried = shop.owner.post(f"{shop.w}/senders/EMAIL/test", {"to": "a@example.org"})
        assert tried["outcome"] == "ACCEPTED"
