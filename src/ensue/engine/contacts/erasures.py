"""Who was erased, remembered by a keyed hash alone, so that nobody comes back by a late event or an import."""

import hmac
import secrets
from typing import TYPE_CHECKING

from ensue.base.errors import Conflict, Detail

if TYPE_CHECKING:
    from ensue.engine.working_set import WorkingSet

_KEY_BYTES = 32


def refuse(room: "WorkingSet", kind: str, value: str) -> None:
    """Refuse an identity that was erased. `kind` is email, externalId, contactId or sessionId, as the API names it.

    Raises:
        Conflict: with the code `erased`.
    """
    if erased(room, kind, value):
        raise Conflict(f"{kind}: was erased", [Detail(kind, "was erased")], code="erased")


def erased(room: "WorkingSet", kind: str, value: str) -> bool:
    """Whether an identity was erased in this workspace."""
    key = room.tables.erasures.key()
    return key is not None and room.tables.erasures.has(_digest(key, kind, value))


def remember(room: "WorkingSet", kind: str, value: str) -> None:
    """Remember an identity as erased. The key is the workspace's own and is made with its first erasure.

    It lives in the store, so that a restored backup goes on refusing; what it buys is that the hashes alone, leaked
    or compared with those of another workspace, say nothing.
    """
    key = room.tables.erasures.key()
    if key is None:
        key = secrets.token_bytes(_KEY_BYTES)
        room.tables.erasures.keep_key(key, room.now)
    room.tables.erasures.add(_digest(key, kind, value), room.now)


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{value}".encode(), "sha256")
