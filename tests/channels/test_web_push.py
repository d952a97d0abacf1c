import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ensue.base import web_push
from ensue.base.web_push import BadKey, Recipient, Seed, VapidKey, from_base64url
from tests.channels.browser import Browser

ENDPOINT = "https://push.example.net:8443/send/abc"


# RFC 8291, appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
THEIR_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
THEIR_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
OUR_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PB"
    "ru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def private_key(text):
    return ec.derive_private_key(int.from_bytes(from_base64url(text), "big"), ec.SECP256R1())


def test_the_example_of_the_rfc_comes_out():
    seed = Seed(from_base64url(SALT), private_key(OUR_PRIVATE))
    assert web_push.to_base64url(web_push.encrypt(PLAIN, Recipient.read(THEIR_PUBLIC, AUTH), seed)) == BODY


def test_the_browser_of_these_tests_reads_the_example():
    browser = Browser(ENDPOINT, private_key(THEIR_PRIVATE), from_base64url(AUTH))
    assert web_push.to_base64url(browser.point) == THEIR_PUBLIC
    assert browser.read(from_base64url(BODY)) == PLAIN


def test_only_the_browser_that_subscribed_reads_it():
    mine, other = Browser(ENDPOINT), Browser(ENDPOINT)
    body = web_push.encrypt(b"hello", Recipient(mine.point, mine.auth))
    assert mine.read(body) == b"hello"
    with pytest.raises(Exception):  # noqa: B017
        other.read(body)


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
