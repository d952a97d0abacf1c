"""Whether what was posted to an incoming endpoint comes from who it should: signatures, compared in constant time."""

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

import msgspec

from ensue.base import bounds
from ensue.base.clock import SECOND
from ensue.base.errors import Invalid, Unauthenticated
from ensue.engine.webhooks import signing

_NEED_NO_HEADER = ("NONE", "STANDARD_WEBHOOKS", "STRIPE")
_STRIPE = "stripe-signature"


class Verification(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How a request proves itself.

    NONE: the address is the secret. STANDARD_WEBHOOKS and STRIPE: as those sign, within 5 minutes. HMAC_SHA256: of the
    body, in a `header`, after a `prefix`, in `encoding`.
    """

    scheme: Literal["NONE", "STANDARD_WEBHOOKS", "HMAC_SHA256", "STRIPE"] = "NONE"
    header: str | None = None
    prefix: str = ""
    encoding: Literal["HEX", "BASE64"] = "HEX"


def parse(value: dict[str, Any]) -> Verification:
    """A verification as it was saved, or is about to be.

    Raises:
        Invalid: naming what makes no sense.
    """
    try:
        verification = msgspec.convert(value, Verification)
    except msgspec.ValidationError as error:
        raise Invalid.at("verification", str(error)) from None
    if verification.scheme == "HMAC_SHA256" and not verification.header:
        raise Invalid.at("verification.header", "is required: the header that holds the signature")
    if verification.scheme in _NEED_NO_HEADER and (verification.header or verification.prefix):
        raise Invalid.at("verification.header", "goes with HMAC_SHA256")
    return verification


def check(verification: Verification, secret: str | None, headers: Mapping[str, str], body: bytes, now: int) -> None:
    """Pass what is signed as it should be. `headers` go by their names in lower case.

    Raises:
        Unauthenticated: it is not, or too long ago.
    """
    if verification.scheme == "NONE":
        return
    assert secret is not None
    match verification.scheme:
        case "STANDARD_WEBHOOKS":
            _check_standard(secret, headers, body, now)
        case "STRIPE":
            _check_stripe(secret, headers, body, now)
        case "HMAC_SHA256":
            sent = _header(headers, (verification.header or "").lower())
            if not sent.startswith(verification.prefix):
                raise _wrong()
            digest = hmac.digest(secret.encode(), body, sha256)
            due = digest.hex() if verification.encoding == "HEX" else base64.b64encode(digest).decode()
            got = sent.removeprefix(verification.prefix)
            _compare(got.lower() if verification.encoding == "HEX" else got, due)


def _check_standard(secret: str, headers: Mapping[str, str], body: bytes, now: int) -> None:
    message_id = _header(headers, "webhook-id")
    seconds = _recent(_header(headers, "webhook-timestamp"), now)
    try:
        due = signing.sign(secret, message_id, seconds, body.decode())
    except UnicodeDecodeError:
        raise _wrong() from None
    sent = _header(headers, "webhook-signature").split(" ")
    if not any(hmac.compare_digest(one.encode(), due.encode()) for one in sent):
        raise _wrong()


def _check_stripe(secret: str, headers: Mapping[str, str], body: bytes, now: int) -> None:
    parts = [part.partition("=") for part in _header(headers, _STRIPE).split(",")]
    seconds = _recent(next((value for name, _, value in parts if name.strip() == "t"), ""), now)
    due = hmac.digest(secret.encode(), f"{seconds}.".encode() + body, sha256).hex()
    sent = [value for name, _, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(one.encode(), due.encode()) for one in sent):
        raise _wrong()


def _recent(text: str, now: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _wrong()
    seconds = int(text)
    if abs(seconds * SECOND - now) > bounds.INCOMING_SIGNED_WITHIN:
        raise Unauthenticated("It was signed more than 5 minutes ago, or ahead.", code="signature_old")
    return seconds


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise Unauthenticated(f"The header {name} is missing.", code="signature_missing")
    return value


def _compare(sent: str, due: str) -> None:
    if not hmac.compare_digest(sent.encode(), due.encode()):
        raise _wrong()


def _wrong() -> Unauthenticated:
    return Unauthenticated("The signature is not the one that this body should have.", code="signature_wrong")
