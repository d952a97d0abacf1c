"""How what others post becomes an event: which part of the payload says what, by dotted paths and nothing else.

`data.items.0.sku` goes into objects by name and into lists by number. A path that leads nowhere finds nothing.
"""

from collections.abc import Mapping as Headers
from typing import Any, NamedTuple

import msgspec

from ensue.base import bounds
from ensue.base.clock import SECOND, from_iso
from ensue.base.errors import Invalid
from ensue.engine.arrival import RESERVED
from ensue.rules.facts import MISSING

_STEPS = 20
# Above it a number of seconds would be in the year 5138; it means milliseconds.
_SECONDS_UPTO = 10**11
_LATEST = 2 * 10**14
_TEXTS = (
    ("email", "email"),
    ("externalId", "external_id"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("phone", "phone"),
)


class TypeSource(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The event's type: always `value`, or `prefix` and what is at `path`."""

    value: str | None = None
    path: str | None = None
    prefix: str = ""


class ContactSource(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Paths of what is said of the contact, who is found by external id, else by e-mail address, else made."""

    email: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    attributes: dict[str, str] = {}


class KeySource(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What tells a repetition from a new event: what is at `path`, or in a header."""

    path: str | None = None
    header: str | None = None


class Mapping(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where each part of the event is. Without `metadata`, the whole payload is the event's metadata.

    Without `contact` every event is anonymous; with it, a payload that names nobody is refused, unless
    `contact_required` is false.
    """

    type: TypeSource
    contact: ContactSource | None = None
    contact_required: bool = True
    timestamp: str | None = None
    metadata: dict[str, str] | None = None
    idempotency_key: KeySource | None = None


class Found(NamedTuple):
    """What a payload says. `fields` are those of the contact, by their API names; None when it is nobody's event."""

    type: str
    fields: dict[str, Any] | None
    timestamp: int | None
    metadata: dict[str, Any]
    key: str | None


def parse(value: dict[str, Any]) -> Mapping:
    """A mapping as it was saved, or is about to be.

    Raises:
        Invalid: naming each part that makes no sense.
    """
    try:
        mapping = msgspec.convert(value, Mapping)
    except msgspec.ValidationError as error:
        raise Invalid.at("mapping", str(error)) from None
    faults = [*_type_faults(mapping.type), *_path_faults(mapping), *_key_faults(mapping.idempotency_key)]
    if mapping.contact is not None and mapping.contact.email is None and mapping.contact.external_id is None:
        faults.append(("contact", "needs a path for email or externalId"))
    if faults:
        raise Invalid.of([(f"mapping.{path}", sentence) for path, sentence in faults])
    return mapping


def read(mapping: Mapping, payload: dict[str, Any], headers: Headers[str, str]) -> Found:
    """The event that a payload stands for. `headers` go by their names in lower case.

    Raises:
        Invalid: naming each part that is missing or cannot be what it should be.
    """
    faults: list[tuple[str, str]] = []
    found = Found(
        _type(mapping.type, payload, faults),
        _contact(mapping, payload, faults),
        _timestamp(mapping.timestamp, payload, faults),
        _metadata(mapping.metadata, payload),
        _key(mapping.idempotency_key, payload, headers, faults),
    )
    if faults:
        raise Invalid.of(faults)
    return found


def find(payload: object, path: str) -> object:
    """What is at a path, or MISSING. A name with dots in it, as forms have them, is found at the top."""
    if isinstance(payload, dict) and path in payload:
        return payload[path]
    for step in path.split("."):
        if isinstance(payload, dict) and step in payload:
            payload = payload[step]
        elif isinstance(payload, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(payload):
            payload = payload[int(step[:9])]
        else:
            return MISSING
    return payload


def _type(source: TypeSource, payload: dict[str, Any], faults: list[tuple[str, str]]) -> str:
    if source.path is None:
        return source.value or ""
    value = find(payload, source.path)
    if not isinstance(value, str) or not value or value.isspace():
        faults.append(("type", f"there is no text at {source.path}"))
        return ""
    text = source.prefix + value
    if len(text) > bounds.EVENT_TYPE:
        faults.append(("type", f"must have at most {bounds.EVENT_TYPE} characters"))
    if text.startswith(RESERVED):
        faults.append(("type", f"must not begin with {', '.join(RESERVED)}: those events make themselves"))
    return text


def _contact(mapping: Mapping, payload: dict[str, Any], faults: list[tuple[str, str]]) -> dict[str, Any] | None:
    if mapping.contact is None:
        return None
    fields: dict[str, Any] = {}
    for name, column in _TEXTS:
        path: str | None = getattr(mapping.contact, column)
        value = find(payload, path) if path is not None else MISSING
        if value is MISSING or value is None or value == "":
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str):
            fields[name] = value
        else:
            faults.append((f"contact.{name}", f"what is at {path} must be a text or a whole number"))
    attributes = {name: find(payload, path) for name, path in mapping.contact.attributes.items()}
    if known := {name: value for name, value in attributes.items() if value is not MISSING}:
        fields["attributes"] = known
    if "email" in fields or "externalId" in fields:
        return fields
    if mapping.contact_required and not any(path.startswith("contact.") for path, _ in faults):
        faults.append(("contact", "the payload names nobody"))
    return None


def _timestamp(path: str | None, payload: dict[str, Any], faults: list[tuple[str, str]]) -> int | None:
    value = find(payload, path) if path is not None else None
    if value is MISSING or value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LATEST:
        return int(value * SECOND) if value <= _SECONDS_UPTO else int(value)
    try:
        if isinstance(value, str):
            return from_iso(value)
    except ValueError:
        pass
    faults.append(("timestamp", f"what is at {path} must be an ISO-8601 date-time with an offset, or Unix seconds"))
    return None


def _metadata(paths: dict[str, str] | None, payload: dict[str, Any]) -> dict[str, Any]:
    if paths is None:
        return payload
    values = {name: find(payload, path) for name, path in paths.items()}
    return {name: value for name, value in values.items() if value is not MISSING}


def _key(
    source: KeySource | None, payload: dict[str, Any], headers: Headers[str, str], faults: list[tuple[str, str]]
) -> str | None:
    if source is None:
        return None
    where = f"the header {source.header}" if source.header is not None else str(source.path)
    value = headers.get(source.header.lower()) if source.header is not None else find(payload, str(source.path))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= bounds.IDEMPOTENCY_KEY:
        faults.append(("idempotencyKey", f"{where} must hold 1 to {bounds.IDEMPOTENCY_KEY} characters"))
        return None
    return value


def _type_faults(source: TypeSource) -> list[tuple[str, str]]:
    if (source.value is None) == (source.path is None):
        return [("type", "needs either a value or a path")]
    faults = []
    if source.value is not None:
        if not 0 < len(source.value) <= bounds.EVENT_TYPE or source.value.isspace():
            faults.append(("type.value", f"must have 1 to {bounds.EVENT_TYPE} characters"))
        if source.value.startswith(RESERVED):
            sentence = f"must not begin with {', '.join(RESERVED)}: those events make themselves"
            faults.append(("type.value", sentence))
        if source.prefix:
            faults.append(("type.prefix", "goes with a path"))
    return faults


def _key_faults(source: KeySource | None) -> list[tuple[str, str]]:
    if source is not None and (source.path is None) == (source.header is None):
        return [("idempotencyKey", "needs either a path or a header")]
    return []


def _path_faults(mapping: Mapping) -> list[tuple[str, str]]:
    paths = [("type.path", mapping.type.path), ("timestamp", mapping.timestamp)]
    if mapping.contact is not None:
        paths += [(f"contact.{name}", getattr(mapping.contact, column)) for name, column in _TEXTS]
        paths += [(f"contact.attributes.{name}", path) for name, path in mapping.contact.attributes.items()]
    paths += [(f"metadata.{name}", path) for name, path in (mapping.metadata or {}).items()]
    if mapping.idempotency_key is not None:
        paths.append(("idempotencyKey.path", mapping.idempotency_key.path))
    faults = [(name, fault) for name, path in paths if path is not None and (fault := _path_fault(path)) is not None]
    if len(paths) > bounds.INCOMING_FIELDS:
        faults.append(("metadata", f"there are more than {bounds.INCOMING_FIELDS} paths"))
    return faults


def _path_fault(path: str) -> str | None:
    steps = path.split(".")
    if len(path) > bounds.INCOMING_PATH or len(steps) > _STEPS or not all(steps):
        return "must be a dotted path such as data.customer.email"
    return None
