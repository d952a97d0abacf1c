"""Secrets at rest and tokens in links: both rest on one master key, which never lies beside what it protects.

Every use has a key of its own, derived with HKDF-SHA256, so that nothing made for one purpose is worth anything for
another.
"""

import hmac
import secrets
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32

_NONCE_BYTES = 12
_TAG_BYTES = 16
_MAC_BYTES = 12
# The first byte of what is sealed, so that another way of sealing can stand beside this one.
_FORMAT = b"\x01"


class SealBroken(Exception):
    """It was sealed for another workspace or with another master key, or was altered."""


def read_key(text: str) -> bytes:
    """The master key of its base64 text, with or without the `-_` alphabet and the `=` at the end.

    Raises:
        ValueError: it is not 32 bytes.
    """
    plain = text.strip().replace("-", "+").replace("_", "/")
    key = b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64")
    return key


class Sealer:
    """Seals the secrets of workspaces with AES-256-GCM; the workspace is part of what is authenticated."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(_derived(master_key, "sealing"))

    def seal(self, workspace_id: int, plaintext: bytes) -> bytes:
        """What may be stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, _bound_to(workspace_id))

    def open(self, workspace_id: int, sealed: bytes) -> bytes:
        """What was sealed for this workspace.

        Raises:
            SealBroken: it was not, or not with this master key.
        """
        if sealed[:1] != _FORMAT or len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken("This is nothing that was sealed here.")
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, _bound_to(workspace_id))
        except InvalidTag:
            raise SealBroken("It was sealed with another key, or altered.") from None


class Signer:
    """Makes and reads tokens that nobody else can make. What a token carries can be read by everybody."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key

    def sign(self, purpose: str, payload: bytes) -> str:
        """A token for a URL: the payload and 96 bits that prove it, in base64 of `A-Z a-z 0-9 - _`."""
        return urlsafe_b64encode(payload + self._proof(purpose, payload)).decode().rstrip("=")

    def read(self, purpose: str, token: str) -> bytes | None:
        """The payload of a token made for this purpose; None for anything else."""
        try:
            signed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            return None
        payload, proof = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        if not hmac.compare_digest(proof, self._proof(purpose, payload)):
            return None
        # Base64 says the same bytes in several ways: only the one that was given out counts.
        return payload if self.sign(purpose, payload) == token else None

    def _proof(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(_derived(self._master_key, f"signing {purpose}"), payload, sha256)[:_MAC_BYTES]


@lru_cache(256)
def _derived(master_key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"ensue {purpose}".encode()).derive(master_key)


def _bound_to(workspace_id: int) -> bytes:
    return workspace_id.to_bytes(8, "big")
