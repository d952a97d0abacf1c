"""`POST events` and `POST events/batch`: from bytes to arrivals, and from outcomes to the answer."""

import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ensue.api import event_json, problems
from ensue.base import bounds, json
from ensue.base.clock import from_iso
from ensue.base.errors import EnsueError, Invalid, NotFound, TooLarge
from ensue.base.ids import read
from ensue.engine.arrival import Arrival, Created, Outcome


class EventBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename="camel", gc=False):
    """The request body of the contract, and the optional time and key."""

    type: str
    contact_id: str | None = None
    metadata: dict[str, Any] | None = None
    session_id: str | None = None
    page_url: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    timestamp: str | None = None
    idempotency_key: str | None = None


class _Place(NamedTuple):
    """The key of a whole batch, and which of its items is meant."""

    batch_key: str | None
    number: int


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Many events; each item is decoded by itself, so that a bad one fails alone. `backfill` events trigger nothing."""

    events: list[msgspec.Raw]
    backfill: bool = False


_event = msgspec.json.Decoder(EventBody)
_batch = msgspec.json.Decoder(BatchBody)
_TEXTS = (
    ("sessionId", "session_id"),
    ("pageUrl", "page_url"),
    ("referrer", "referrer"),
    ("utmSource", "utm_source"),
    ("utmMedium", "utm_medium"),
    ("utmCampaign", "utm_campaign"),
)


def read_event(workspace_id: int, body: bytes, header_key: str | None, received_at: int, source: str) -> Arrival:
    """The arrival that a request body stands for.

    Raises:
        Invalid, TooLarge: naming each field. NotFound: `contactId` is no contact's id.
    """
    return _arrival(workspace_id, decode_event(body), header_key, received_at, source, triggers=True)


def decode_event(body: bytes) -> EventBody:
    """The decoded body of one event.

    Raises:
        Invalid, TooLarge: naming each field.
    """
    if len(body) > bounds.BODY:
        raise TooLarge(f"The body of an event is at most {bounds.BODY} bytes.")
    try:
        return json.decode_as(_event, body)
    except Invalid as error:
        return _read_again(body, error)


def read_batch(
    workspace_id: int, body: bytes, header_key: str | None, received_at: int, source: str
) -> list[Arrival | EnsueError]:
    """An arrival or a refusal for each item, in order.

    With a key for the whole batch, an item without one of its own gets that key and its place, so that the batch as a
    whole can be sent again.

    Raises:
        Invalid, TooLarge: the batch itself cannot be read.
    """
    items, backfill = _items(body)
    if len(items) > bounds.BATCH_EVENTS:
        raise TooLarge(f"A batch holds at most {bounds.BATCH_EVENTS} events.")
    return [
        item if isinstance(item, Invalid)
        else _item(workspace_id, item, _Place(header_key, place), received_at, source, triggers=not backfill)
        for place, item in enumerate(items)
    ]  # fmt: skip


def inflate(body: bytes) -> bytes:
    """The plain bytes of a gzipped body.

    Raises:
        Invalid: not gzip. TooLarge: it inflates to more than the bound.
    """
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, bounds.BATCH_INFLATED + 1)
    except zlib.error:
        raise Invalid("The body is not valid gzip.", code="malformed_gzip") from None
    if len(plain) > bounds.BATCH_INFLATED:
        raise TooLarge(f"The body inflates to more than {bounds.BATCH_INFLATED} bytes.")
    if not inflater.eof:
        raise Invalid("The gzipped body is cut short.", code="malformed_gzip")
    if inflater.unused_data:
        raise Invalid("Something follows the gzipped body.", code="malformed_gzip")
    return plain


def batch_answer(outcomes: Sequence[Outcome | EnsueError]) -> bytes:
    """`{"results": [{"event", "replayed"?} | {"error"}]}`, in request order."""
    return ('{"results":[' + ",".join(_result(outcome) for outcome in outcomes) + "]}").encode()


def _result(outcome: Outcome | EnsueError) -> str:
    if isinstance(outcome, Created):
        replayed = ',"replayed":true' if outcome.replayed else ""
        return f'{{"event":{event_json.created(outcome)}{replayed}}}'
    error = outcome if isinstance(outcome, EnsueError) else outcome.error
    return json.encode_text({"error": problems.problem(error)})


def _items(body: bytes) -> tuple[list[bytes | Invalid], bool]:
    """The items of a batch, each undecoded, and whether they are a backfill."""
    try:
        batch = json.decode_frame(_batch, body)
    except Invalid as error:
        return _items_apart(body, error)
    return [bytes(raw) for raw in batch.events], batch.backfill


def _items_apart(body: bytes, error: Invalid) -> tuple[list[bytes | Invalid], bool]:
    """The items of a batch that one of them spoils with what JSON cannot hold: a lone surrogate, NaN."""
    try:
        value = json.decode_marked(body)
    except (ValueError, RecursionError):
        raise error from None
    if not (isinstance(value, dict) and isinstance(value.get("events"), list) and json.unsound(value["events"])):
        raise error
    frame = json.decode_frame(_batch, json.encode(value | {"events": []}))
    return [json.unsound(item) or json.encode(item) for item in value["events"]], frame.backfill


def _item(
    workspace_id: int, raw: bytes, place: _Place, received_at: int, source: str, *, triggers: bool
) -> Arrival | EnsueError:
    try:
        body = decode_event(raw)
        inherited = place if body.idempotency_key is None and place.batch_key is not None else None
        return _arrival(workspace_id, body, inherited, received_at, source, triggers=triggers)
    except (Invalid, NotFound) as error:
        return error


def _arrival(
    workspace_id: int, body: EventBody, outer_key: str | _Place | None, received_at: int, source: str, *, triggers: bool
) -> Arrival:
    faults = _faults(body)
    if faults:
        raise Invalid.of(faults)
    key, fingerprint = _key(body, outer_key)
    metadata = body.metadata
    return Arrival(
        workspace_id,
        body.type,
        received_at,
        _contact(body.contact_id) if body.contact_id is not None else None,
        from_iso(body.timestamp) if body.timestamp is not None else None,
        metadata or {},
        json.encode_text(metadata) if metadata else None,
        body.session_id,
        body.page_url,
        body.referrer,
        body.utm_source,
        body.utm_medium,
        body.utm_campaign,
        source,
        key=key,
        fingerprint=fingerprint,
        triggers=triggers,
    )


def _contact(text: str) -> int:
    contact_id = read("ct", text)
    # Of the right type but no id of ours: such a contact does not exist, whatever it looks like.
    return contact_id if contact_id is not None else 0


def _key(body: EventBody, outer_key: str | _Place | None) -> tuple[bytes | None, bytes]:
    """(hash of the key, fingerprint of the body). `outer_key` came with the request, not in the event."""
    key = body.idempotency_key
    if key is not None and not 0 < len(key) <= bounds.IDEMPOTENCY_KEY:
        raise Invalid.at("idempotencyKey", f"must have 1 to {bounds.IDEMPOTENCY_KEY} characters")
    # No event can choose a key that is also a place in a batch: the two are hashed apart.
    person = b""
    if isinstance(outer_key, _Place):
        key, person = f"{outer_key.number}:{outer_key.batch_key}", b"place in a batch"
    elif outer_key is not None:
        if key is not None and key != outer_key:
            raise Invalid.at("idempotencyKey", "differs from the Idempotency-Key header")
        key = outer_key
    if key is None:
        return None, b""
    body.idempotency_key = None
    canonical = msgspec.json.encode(body, order="deterministic")
    hashed = blake2b(key.encode(), digest_size=16, person=person)
    return hashed.digest(), blake2b(canonical, digest_size=16).digest()


def _faults(body: EventBody) -> list[tuple[str, str]]:
    """(path, sentence) of every value that is of the right type but out of bounds."""
    faults = []
    if not body.type or len(body.type) > bounds.EVENT_TYPE or body.type.isspace():
        faults.append(("type", f"must have 1 to {bounds.EVENT_TYPE} characters"))
    for path, name in _TEXTS:
        value = getattr(body, name)
        if value is not None and len(value) > bounds.TEXT:
            faults.append((path, f"must have at most {bounds.TEXT} characters"))
    if body.session_id == "":
        faults.append(("sessionId", "must not be empty"))
    if body.timestamp is not None:
        try:
            from_iso(body.timestamp)
        except ValueError as error:
            faults.append(("timestamp", f"is {error}"))
    return faults


def _read_again(body: bytes, first: Invalid) -> EventBody:
    """The decoder stops at the first fault, and at one that a later duplicate replaces; a refusal names them all."""
    value = json.decode_strict(body)
    if not isinstance(value, dict):
        raise Invalid.at("$", "must be an object")
    rest = dict(value)
    sound: dict[str, Any] = {"type": "left out"}
    faults = []
    for name in msgspec.structs.fields(EventBody):
        path = name.encode_name
        item = rest.pop(path, None)
        if path == "type" and item is None:
            faults.append((path, "is required"))
        elif path == "metadata" and not isinstance(item, dict | None):
            faults.append((path, "must be an object"))
        elif path != "metadata" and not isinstance(item, str | None):
            faults.append((path, "must be a string"))
        else:
            sound[name.name] = item
    faults += _faults(EventBody(**sound))
    faults += [(str(path), "is not a field of an event") for path in rest]
    if faults:
        raise Invalid.of(faults)
    try:
        return msgspec.convert(value, EventBody)
    except msgspec.ValidationError:
        raise first from None
