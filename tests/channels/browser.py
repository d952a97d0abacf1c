"""A browser's side of web push: it subscribes, and it alone can read what is pushed to it."""

import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ensue.base.web_push import to_base64url


class Browser:
    """One subscription with the private key that stays in the browser; `contact` is whose it is, where tests say so."""

    contact = ""

    def __init__(self, endpoint: str, key: ec.EllipticCurvePrivateKey | None = None, auth: bytes | None = None) -> None:
        self.endpoint = endpoint
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self.auth = auth or os.urandom(16)
        self.point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` gives it."""
        keys = {"p256dh": to_base64url(self.point), "auth": to_base64url(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """The payload of a pushed body, step by step as RFC 8291 (3.4) and RFC 8188 (2) have it."""
        salt, (size, length) = body[:16], struct.unpack("!LB", body[16:21])
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = self._hkdf(self.auth, shared, b"WebPush: info\0" + self.point + sender, 32)
        key = self._hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = self._hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert padded.endswith(b"\x02")
        return padded[:-1]

    @staticmethod
    def _hkdf(salt: bytes, secret: bytes, purpose: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, purpose).derive(secret)
