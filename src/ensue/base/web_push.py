"""What RFC 8291 (encryption of a push message) and RFC 8292 (VAPID, who sends it) ask for, without any I/O.

Randomness is handed in where it decides the bytes, so that the example of the RFC can be computed again.
"""

import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ensue.base import json

BODY_MOST = 4096
"""Push services must take a body of so many bytes, and may refuse a larger one (RFC 8030, 7.2)."""

_CURVE = ec.SECP256R1()
_POINT = 65
_SCALAR = 32
_AUTH = 16
_SALT = 16
_TAG = 16
# Salt, record size, length of the key and the key; the last record's delimiter; the tag.
_OVERHEAD = _SALT + 4 + 1 + _POINT + 1 + _TAG
_LAST_RECORD = b"\x02"

PAYLOAD_MOST = BODY_MOST - _OVERHEAD
"""The largest payload that fits into one message, in bytes."""


class BadKey(ValueError):
    """A key that a browser cannot have made."""


def to_base64url(raw: bytes) -> str:
    """Base64 for URLs, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of base64url, padded or not.

    Raises:
        BadKey: it is something else.
    """
    try:
        raw = urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        raise BadKey("must be base64url") from None
    # The decoder passes over letters that it does not know.
    if to_base64url(raw) != text.rstrip("="):
        raise BadKey("must be base64url")
    return raw


@dataclass(frozen=True, slots=True)
class Recipient:
    """The keys that a browser gives with its subscription: its public point, and the secret it shares with us."""

    p256dh: bytes
    auth: bytes

    @classmethod
    def read(cls, p256dh: str, auth: str) -> "Recipient":
        """The recipient of two base64url texts.

        Raises:
            BadKey: one of them is no such key; the message begins with its name.
        """
        try:
            point = from_base64url(p256dh)
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
        except ValueError:
            raise BadKey("p256dh: must be an uncompressed point of P-256 in base64url") from None
        if len(point) != _POINT:
            raise BadKey("p256dh: must be an uncompressed point of P-256 in base64url")
        try:
            secret = from_base64url(auth)
        except BadKey:
            secret = b""
        if len(secret) != _AUTH:
            raise BadKey(f"auth: must be {_AUTH} bytes in base64url")
        return cls(point, secret)


@dataclass(frozen=True, slots=True)
class Seed:
    """The randomness of one message: never used twice."""

    salt: bytes = field(default_factory=lambda: os.urandom(_SALT))
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(_CURVE))


def encrypt(payload: bytes, recipient: Recipient, seed: Seed | None = None) -> bytes:
    """The body of a push message, with `Content-Encoding: aes128gcm`: only that browser can read the payload.

    Raises:
        ValueError: the payload is larger than `PAYLOAD_MOST`.
    """
    if len(payload) > PAYLOAD_MOST:
        raise ValueError(f"a push message has at most {PAYLOAD_MOST} bytes")
    seed = seed or Seed()
    sender = _point(seed.private_key.public_key())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, recipient.p256dh)
    shared = seed.private_key.exchange(ec.ECDH(), theirs)
    secret = _derive(shared, recipient.auth, b"WebPush: info\x00" + recipient.p256dh + sender, 32)
    key = _derive(secret, seed.salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(secret, seed.salt, b"Content-Encoding: nonce\x00", 12)
    sealed = AESGCM(key).encrypt(nonce, payload + _LAST_RECORD, None)
    return seed.salt + struct.pack("!LB", BODY_MOST, len(sender)) + sender + sealed


class VapidKey:
    """The key pair by which push services know a workspace."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key
        self.public = to_base64url(_point(private_key.public_key()))
        """What a browser asks for as `applicationServerKey`."""

    @classmethod
    def new(cls) -> "VapidKey":
        """A fresh key pair."""
        return cls(ec.generate_private_key(_CURVE))

    @classmethod
    def of(cls, raw: bytes) -> "VapidKey":
        """The pair of a private key as `raw` gave it."""
        return cls(ec.derive_private_key(int.from_bytes(raw, "big"), _CURVE))

    def raw(self) -> bytes:
        """The private key, to be kept sealed."""
        return self._private_key.private_numbers().private_value.to_bytes(_SCALAR, "big")

    def authorization(self, endpoint: str, subject: str, expires_at: int) -> str:
        """The `Authorization` header for a push service, good until an instant (milliseconds, at most a day ahead).

        `subject` is a `mailto:` or `https:` address of who answers for the messages.
        """
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": expires_at // 1000, "sub": subject}
        signed = ".".join(to_base64url(json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._private_key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_SCALAR, "big") + s.to_bytes(_SCALAR, "big")
        return f"vapid t={signed}.{to_base64url(signature)}, k={self.public}"


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=purpose).derive(secret)
