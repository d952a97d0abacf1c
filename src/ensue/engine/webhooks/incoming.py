"""What was posted to an incoming endpoint, stored as an event, and remembered for a while."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Conflict, EnsueError, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.arrival import Arrival, Created, Refused
from ensue.engine.contacts import identity
from ensue.engine.ingest import ingest
from ensue.engine.webhooks import mapping, verification
from ensue.engine.webhooks.mapping import Found
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.webhook import SENDER_HEADER, IncomingEndpoint, IncomingRequest
from ensue.store.ports import WorkspaceTables

NO_SUCH_ENDPOINT = "There is no such incoming webhook."
SOURCE = "webhook"

Outcome = Literal["ACCEPTED", "REPLAYED", "REFUSED"]


class Posted(NamedTuple):
    """A request as it is remembered. The body is None when nobody knows who sent it."""

    content_type: str | None
    body: str | None


def create(room: WorkingSet, endpoint: IncomingEndpoint) -> IncomingEndpoint:
    """Store a new endpoint.

    Raises:
        Conflict: there are too many.
    """
    if len(room.tables.incoming.all()) >= bounds.INCOMING_ENDPOINTS:
        sentence = f"A workspace has at most {bounds.INCOMING_ENDPOINTS} incoming webhooks."
        raise Conflict(sentence, code="too_many_webhooks")
    return put(room, endpoint)


def put(room: WorkingSet, endpoint: IncomingEndpoint) -> IncomingEndpoint:
    """Store an endpoint.

    Raises:
        Invalid: its mapping or verification makes no sense, or its verification lacks a secret.
    """
    mapping.parse(endpoint.mapping)
    if verification.parse(endpoint.verification).scheme != "NONE" and endpoint.secret is None:
        raise Invalid.at("secret", "is required to verify signatures")
    room.tables.incoming.put(endpoint)
    return endpoint


def known(tables: WorkspaceTables, endpoint_id: int) -> IncomingEndpoint:
    """One endpoint.

    Raises:
        NotFound: there is no such endpoint.
    """
    endpoint = tables.incoming.get(endpoint_id)
    if endpoint is None:
        raise NotFound(NO_SUCH_ENDPOINT)
    return endpoint


def receive(room: WorkingSet, endpoint: IncomingEndpoint, found: Found, posted: Posted) -> Created:
    """Find or make the contact, store the event with all that follows, and remember the request.

    A repetition changes nothing, whatever else it says: the sender's key decides.

    Raises:
        Invalid: the contact's fields are unsound. Conflict: they belong to two contacts, or were erased.
    """
    key = _digest(endpoint.id, found.key) if found.key is not None else None
    repeated = key is not None and room.tables.keys.find(key) is not None
    contact_id = None
    if found.fields is not None and not repeated:
        contact_id = identity.upsert(room, found.fields, Cause("CHANGE"))[0].id
    arrival = Arrival(
        workspace_id=endpoint.workspace_id,
        type=found.type,
        received_at=room.now,
        contact_id=contact_id,
        timestamp=found.timestamp,
        metadata=found.metadata,
        metadata_text=json.encode_text(found.metadata) if found.metadata else None,
        source=SOURCE,
        key=key,
    )
    (outcome,) = ingest(room, [arrival])
    if isinstance(outcome, Refused):
        raise outcome.error
    result = _request(room, endpoint, posted, "REPLAYED" if outcome.replayed else "ACCEPTED")
    owner = outcome.contact.id if outcome.contact is not None else None
    result = msgspec.structs.replace(result, event_id=outcome.event.id, contact_id=owner)
    room.tables.incoming.note(result, bounds.INCOMING_REQUESTS)
    return outcome


def refuse_own(endpoint: IncomingEndpoint, headers: Mapping[str, str]) -> None:
    """Refuse what this workspace tells itself, which would become an event, be told again, and so for ever.

    Raises:
        Conflict: code `webhook_loop`.
    """
    if headers.get(SENDER_HEADER) == show("ws", endpoint.workspace_id):
        sentence = "This comes from a webhook or a campaign of this workspace: it would go round for ever."
        raise Conflict(sentence, code="webhook_loop")


def refuse(endpoint: IncomingEndpoint, posted: Posted, error: EnsueError, room: WorkingSet) -> None:
    """Remember a request that was refused, and why."""
    result = _request(room, endpoint, posted, "REFUSED")
    result = msgspec.structs.replace(result, code=error.code, reason=error.message)
    room.tables.incoming.note(result, bounds.INCOMING_REQUESTS)


def _request(room: WorkingSet, endpoint: IncomingEndpoint, posted: Posted, outcome: Outcome) -> IncomingRequest:
    return IncomingRequest(
        room.ids.next(), endpoint.id, room.now, outcome, None, None, None, None, posted.content_type, posted.body
    )


def _digest(endpoint_id: int, key: str) -> bytes:
    # Hashed apart from the keys of API callers: neither can use up the other's.
    return blake2b(f"{endpoint_id}:{key}".encode(), digest_size=16, person=b"incoming webhook").digest()
