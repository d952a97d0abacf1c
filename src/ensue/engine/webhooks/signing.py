"""Secrets and signatures of Standard Webhooks: https://www.standardwebhooks.com."""

import base64
import binascii
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from ensue.base.clock import SECOND

PREFIX = "whsec_"
_BYTES = 32
_LEAST, _MOST = 24, 64


def new_secret() -> str:
    """A new secret, as it is shown."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether a text is a secret of Standard Webhooks: 24 to 64 bytes in base64, after `whsec_`."""
    if not text.startswith(PREFIX):
        return False
    try:
        return _LEAST <= len(base64.b64decode(text.removeprefix(PREFIX), validate=True)) <= _MOST
    except binascii.Error:
        return False


def headers(message_id: str, body: str, signing: Iterable[str], at: int) -> dict[str, str]:
    """The headers of a message that is sent at an instant: one signature for each secret, the newest first."""
    seconds = at // SECOND
    signatures = " ".join(sign(secret, message_id, seconds, body) for secret in signing)
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": signatures}


def sign(secret: str, message_id: str, seconds: int, body: str) -> str:
    """`v1,<base64>` of a message."""
    return Webhook(secret).sign(message_id, datetime.fromtimestamp(seconds, UTC), body)
