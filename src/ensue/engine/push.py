"""Push: the key that a workspace is known by, and the browsers that have subscribed with it."""

import struct
from collections.abc import Callable
from typing import Any, Final

from ensue.base.clock import SECOND
from ensue.base.sealing import Signer
from ensue.base.web_push import Recipient, VapidKey, to_base64url
from ensue.engine.contacts import erasures, identity, reach
from ensue.engine.working_set import WorkingSet
from ensue.store.ports import PushKey, WorkspaceTables

CHANNEL: Final = "PUSH"

_PURPOSE: Final = "push contact"
# The end of its life in seconds, and the contact.
_LAYOUT = struct.Struct("!IQ")


def key_of(tables: WorkspaceTables, seal: Callable[[bytes], bytes], at: int) -> str:
    """The public key of a workspace, made when it is first asked for."""
    known = tables.push_keys.get()
    if known is None:
        pair = VapidKey.new()
        tables.push_keys.add(PushKey(pair.public, seal(pair.raw())), at)
        return pair.public
    return known.public


def contact_token(signer: Signer, contact_id: int, expires_at: int) -> str:
    """What a site gives to the page of somebody it knows, so that their browser subscribes as theirs."""
    return signer.sign(_PURPOSE, _LAYOUT.pack(expires_at // SECOND, contact_id))


def read_contact_token(signer: Signer, token: str, now: int) -> int | None:
    """The contact of a token; None when it is none of ours, or has expired."""
    payload = signer.read(_PURPOSE, token)
    if payload is None or len(payload) != _LAYOUT.size:
        return None
    seconds, contact_id = _LAYOUT.unpack(payload)
    return int(contact_id) if now < seconds * SECOND else None


def subscribe_contact(room: WorkingSet, contact_id: int, endpoint: str, recipient: Recipient) -> None:
    """Keep that a browser is a contact's.

    Raises:
        NotFound: there is no such contact. Conflict: it was erased.
    """
    contact = identity.held(room, contact_id)
    reach.reaches(room, contact.id, CHANNEL, endpoint, _detail(recipient))


def subscribe_session(room: WorkingSet, key: str, endpoint: str, recipient: Recipient) -> None:
    """Keep that a browser is whoever's a session is, or turns out to be.

    Raises:
        Conflict: the session was erased.
    """
    erasures.refuse(room, "sessionId", key)
    reach.reachable(room, key, CHANNEL, endpoint, _detail(recipient))


def unsubscribe(room: WorkingSet, endpoint: str) -> None:
    """Forget a browser. Who knows its endpoint is the browser."""
    room.tables.visitor_devices.remove(CHANNEL, endpoint)
    room.tables.devices.remove(CHANNEL, endpoint)


def _detail(recipient: Recipient) -> dict[str, Any]:
    return {"p256dh": to_base64url(recipient.p256dh), "auth": to_base64url(recipient.auth)}
