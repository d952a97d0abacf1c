"""What arrives at the engine, and what it says back."""

from typing import Any

import msgspec

from ensue.base.errors import EnsueError
from ensue.model.effects import ContactCard, Effects
from ensue.model.event import Event

RESERVED = ("form.", "message.", "telegram.")
"""How the types begin of events that make themselves: nobody who is not trusted may claim one."""

CHATS = "telegram:"
"""How the sessions begin that stand for chats: anybody can guess one, so nobody who is not trusted may name one."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One event on its way in, already validated.

    `timestamp` is None for now; `key` and `fingerprint` are digests of the idempotency key and the body;
    `metadata_text` is the canonical JSON of `metadata`.
    """

    workspace_id: int
    type: str
    received_at: int
    contact_id: int | None = None
    timestamp: int | None = None
    metadata: dict[str, Any] = {}
    metadata_text: str | None = None
    session_id: str | None = None
    page_url: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    source: str = "api"
    cause_id: int | None = None
    depth: int = 0
    triggers: bool = True
    key: bytes | None = None
    fingerprint: bytes = b""


class Created(msgspec.Struct, frozen=True):
    """The event was stored, now or (`replayed`) by an earlier request with the same key."""

    event: Event
    metadata_text: str | None
    contact: ContactCard | None
    effects: Effects
    replayed: bool = False


class Refused(msgspec.Struct, frozen=True):
    """The event was not stored."""

    error: EnsueError


Outcome = Created | Refused
