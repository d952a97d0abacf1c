"""What becomes of a message that is handed to a push service, and what only the browser can read of it."""

import asyncio
import json
from email.utils import formatdate
from ipaddress import ip_network

import pytest

from ensue.base import web_push
from ensue.base.clock import SimulatedClock
from ensue.base.web_push import VapidKey, from_base64url, to_base64url
from ensue.channels.channel import Parcel
from ensue.channels.outgoing_http import OutgoingHttp
from ensue.channels.push import PushChannel
from ensue.model.handover import Accepted, Deferred, Rejected, Unknown
from ensue.model.template import Rendered
from tests.channels.answering import DROP, Reply, push_service
from tests.channels.browser import Browser

NOW = 1_772_000_000_000
KEY = VapidKey.new()
HELLO = Rendered(title="Hello", body="Your order is on its way ✓", url="https://shop.example/c/abc")


@pytest.fixture
def service():
    with push_service() as server:
        yield server


def hand_over(service, content=HELLO, browser=None, **more):
    browser = browser or Browser(f"{service.url}/send/1")
    settings = {"privateKey": to_base64url(KEY.raw()), "subject": "mailto:ada@example.com", **more.pop("settings", {})}

    async def once():
        http = OutgoingHttp([ip_network("127.0.0.0/8")])
        try:
            channel = PushChannel(http, SimulatedClock(NOW), "https://ensue.example.com")
            keys = browser.subscription()["keys"]
            parcel = Parcel("msg_01c5v9s4e0000", 1, "PUSH", browser.endpoint, content, settings, 1, detail=keys)
            for name, value in more.items():
                object.__setattr__(parcel, name, value)
            return await channel.hand_over(parcel)
        finally:
            await http.close()

    return asyncio.run(once())


def test_the_browser_reads_what_was_sent_and_the_service_learns_how(service):
    browser = Browser(f"{service.url}/send/1")
    assert hand_over(service, browser=browser) == Accepted("https://push.example.net/message/1")
    (request,) = service.requests
    assert json.loads(browser.read(request.body)) == {
        "id": "msg_01c5v9s4e0000", "title": "Hello", "body": "Your order is on its way ✓",
        "url": "https://shop.example/c/abc",
    }  # fmt: skip
    assert b"Hello" not in request.body
    headers = request.headers
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "2419200", "normal")
    assert headers["topic"] == "msg_01c5v9s4e0000"
    claims = json.loads(from_base64url(headers["authorization"].split(".")[1]))
    assert claims == {"aud": service.url, "exp": NOW // 1000 + 12 * 3600, "sub": "mailto:ada@example.com"}
    assert headers["authorization"].endswith(f"k={KEY.public}")


def test_the_sender_chooses_how_long_and_how_urgently(service):
    hand_over(service, settings={"ttl": 60, "urgency": "high"})
    assert (service.requests[0].headers["ttl"], service.requests[0].headers["urgency"]) == ("60", "high")


def test_who_answers_for_it_is_the_server_when_the_sender_does_not_say(service):
    hand_over(service, settings={"subject": None})
    claims = json.loads(from_base64url(service.requests[0].headers["authorization"].split(".")[1]))
    assert claims["sub"] == "https://ensue.example.com"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(200), (Accepted, None)),
        (Reply(202), (Accepted, None)),
        (Reply(404), (Rejected, "GONE")),
        (Reply(410), (Rejected, "GONE")),
        (Reply(400), (Rejected, "INVALID")),
        (Reply(403), (Rejected, "INVALID")),
        (Reply(413), (Rejected, "INVALID")),
        (Reply(302, b"", {"location": "http://127.0.0.1/"}), (Rejected, "INVALID")),
        (Reply(429), (Deferred, None)),
        (Reply(429, b"", {"retry-after": "12"}), (Deferred, 12_000)),
        (Reply(503, b"", {"retry-after": formatdate(NOW / 1000 + 30, usegmt=True)}), (Deferred, 30_000)),
        (Reply(503, b"", {"retry-after": formatdate(NOW / 1000 - 30, usegmt=True)}), (Deferred, 0)),
        (Reply(500, b"", {"retry-after": "soon"}), (Deferred, None)),
    ],
)
def test_what_becomes_of_it(service, reply, outcome):
    service.next = [reply]
    handover = hand_over(service)
    assert (type(handover), handover[-1]) == outcome


def test_a_notification_that_is_too_large_is_not_even_tried(service):
    body = "x" * (web_push.PAYLOAD_MOST - len('{"id":"msg_01c5v9s4e0000","title":"t","body":""}'))
    assert isinstance(hand_over(service, Rendered(title="t", body=body)), Accepted)
    assert len(service.requests[0].body) == web_push.BODY_MOST
    assert hand_over(service, Rendered(title="t", body=body + "x")).kind == "INVALID"
    assert len(service.requests) == 1


@pytest.mark.parametrize("detail", [{}, {"p256dh": "AAAA", "auth": "AAAA"}])
def test_a_subscription_without_sound_keys_is_over(service, detail):
    assert hand_over(service, detail=detail).kind == "GONE"
    assert service.requests == []


def test_a_connection_that_ends_before_the_answer_leaves_it_open(service):
    service.next = [DROP]
    assert isinstance(hand_over(service), Unknown)


def test_no_push_service_is_in_a_network_of_ours(service):
    browser = Browser("http://10.0.0.1/send/1")
    assert hand_over(service, browser=browser).kind == "INVALID"
