import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from webpush import WebPush, WebPushSubscription
from webpush.vapid import VAPID

from ensue.base import web_push
from ensue.base.web_push import BadKey, Recipient, Seed, VapidKey, from_base64url
from tests.channels.browser import Browser

ENDPOINT = "https://push.example.net:8443/send/abc"


def test_the_example_of_rfc_8291_comes_out():
    recipient = Recipient.read(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    number = int.from_bytes(from_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    seed = Seed(from_base64url("DGv6ra1nlYgDCS1FRnbzlw"), ec.derive_private_key(number, ec.SECP256R1()))
    body = web_push.encrypt(b"When I grow up, I want to be a watermelon", recipient, seed)
    assert web_push.to_base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PB"
        "ru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_only_the_browser_that_subscribed_reads_it():
    mine, other = Browser(ENDPOINT), Browser(ENDPOINT)
    body = web_push.encrypt(b"hello", Recipient(mine.point, mine.auth))
    assert mine.read(body) == b"hello"
    with pytest.raises(Exception):  # noqa: B017
        other.read(body)


def test_the_reader_of_these_tests_reads_what_another_program_encrypts():
    private, public, _ = VAPID.generate_keys()
    browser = Browser("https://push.example.net/abc")
    subscription = WebPushSubscription.model_validate(browser.subscription())
    pushed = WebPush(private, public, subscriber="ada@example.com").get(b"hello", subscription)
    assert browser.read(pushed.encrypted) == b"hello"


def test_a_message_fills_a_body_and_no_more():
    browser = Browser(ENDPOINT)
    recipient = Recipient(browser.point, browser.auth)
    assert len(web_push.encrypt(b"x" * web_push.PAYLOAD_MOST, recipient)) == 4096
    with pytest.raises(ValueError, match="at most"):
        web_push.encrypt(b"x" * (web_push.PAYLOAD_MOST + 1), recipient)


def test_two_messages_share_nothing():
    browser = Browser(ENDPOINT)
    first, second = (web_push.encrypt(b"x", Recipient(browser.point, browser.auth)) for _ in range(2))
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]


def test_the_push_service_learns_who_sends():
    key = VapidKey.of(VapidKey.new().raw())
    header = key.authorization(ENDPOINT, "mailto:ada@example.com", 1_772_000_000_123)
    token, public = header.removeprefix("vapid t=").split(", k=")
    assert public == key.public
    head, claims, signature = token.split(".")
    assert json.loads(from_base64url(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(from_base64url(claims)) == {
        "aud": "https://push.example.net:8443", "exp": 1_772_000_000, "sub": "mailto:ada@example.com"
    }  # fmt: skip
    raw = from_base64url(signature)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(public))
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        point.verify(der, f"{head}.{claims}x".encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("p256dh", "auth", "at"),
    [
        ("", "AAAAAAAAAAAAAAAAAAAAAA", "p256dh"),
        ("BAAA", "AAAAAAAAAAAAAAAAAAAAAA", "p256dh"),
        ("A" * 87, "AAAAAAAAAAAAAAAAAAAAAA", "p256dh"),
        ("é" * 87, "AAAAAAAAAAAAAAAAAAAAAA", "p256dh"),
        (None, "AAAA", "auth"),
        (None, "AAAAAAAAAAAAAAAAAAAAA!", "auth"),
        (None, "", "auth"),
    ],
)
def test_keys_that_no_browser_made_are_refused(p256dh, auth, at):
    good = Browser(ENDPOINT).subscription()["keys"]["p256dh"]
    with pytest.raises(BadKey, match=f"^{at}:"):
        Recipient.read(good if p256dh is None else p256dh, auth)
