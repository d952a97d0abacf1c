"""What may be said of a contact: each field read, brought into its one form, and refused by name when it is unsound."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from ensue.base import bounds, domains, json
from ensue.base.errors import Invalid

_ADDRESS = re.compile(r"[^\s@,;<>\"()\[\]\\]{1,64}@[^\s@,;<>\"()\[\]\\]+")
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*", re.ASCII)


def email_key(address: str) -> str:
    """What two spellings of one address have in common: composed, lower case, the domain in ASCII."""
    key = unicodedata.normalize("NFC", address.strip()).lower()
    return key if key.isascii() else in_ascii_domain(key).lower()


def in_ascii_domain(address: str) -> str:
    """An address whose domain is in ASCII, as mail servers know it; as it is, when there can be no such domain."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domains.in_ascii(domain)}"
    except ValueError:
        return address


def read(fields: dict[str, Any]) -> tuple[dict[str, str | None], dict[str, Any]]:
    """The changes that some fields (by their API names) ask for: (columns of the contact, attributes).

    Texts are stripped, and a blank one clears its field as null does. In the attributes null removes a name.

    Raises:
        Invalid: naming every field that is unknown or unsound.
    """
    faults: list[tuple[str, str]] = []
    columns: dict[str, str | None] = {}
    attributes: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "attributes":
            attributes = _attributes(value, faults)
        elif name not in FIELDS:
            faults.append((name, "is not a field of a contact that can be set"))
        else:
            column, most, sound = FIELDS[name]
            columns[column] = _text(name, value, most, sound, faults)
    if faults:
        raise Invalid.of(faults)
    return columns, attributes


def merged(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Attributes after changes.

    Raises:
        Invalid: together they are more than a contact may hold.
    """
    attributes = {name: value for name, value in (old | changes).items() if value is not None}
    if len(attributes) > bounds.ATTRIBUTES:
        raise Invalid.at("attributes", f"must not be more than {bounds.ATTRIBUTES}")
    if len(json.encode(attributes)) > bounds.ATTRIBUTES_SIZE:
        raise Invalid.at("attributes", f"must not take more than {bounds.ATTRIBUTES_SIZE} bytes together")
    return attributes


def read_tag(name: object) -> str:
    """A tag's name, stripped.

    Raises:
        Invalid: no text, blank, too long, or with control characters.
    """
    faults: list[tuple[str, str]] = []
    text = _text("name", name, bounds.TAG, None, faults)
    if text is None and not faults:
        faults.append(("name", "must not be blank"))
    if faults or text is None:
        raise Invalid.of(faults)
    return text


def _text(
    name: str, value: object, most: int, sound: "Callable[[str], str | None] | None", faults: list[tuple[str, str]]
) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        faults.append((name, "must be a text or null"))
        return None
    text = value.strip()
    if not text:
        return None
    if len(text) > most:
        faults.append((name, f"must not be longer than {most} characters"))
    elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        faults.append((name, "must not contain control characters"))
    elif sound is not None and (fault := sound(text)) is not None:
        faults.append((name, fault))
    return text


def _address(text: str) -> str | None:
    local_and_domain = _ADDRESS.fullmatch(text)
    if local_and_domain is None or ".." in text or text.endswith("."):
        return "must be an e-mail address"
    return None


def _time_zone(text: str) -> str | None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return "must be the name of a time zone, such as Europe/Vienna"
    return None


def _locale(text: str) -> str | None:
    return None if _LOCALE.fullmatch(text) else "must be a language tag, such as en or de-AT"


FIELDS: dict[str, tuple[str, int, Callable[[str], str | None] | None]] = {
    "email": ("email", bounds.EMAIL, _address),
    "externalId": ("external_id", bounds.EXTERNAL_ID, None),
    "firstName": ("first_name", bounds.NAME, None),
    "lastName": ("last_name", bounds.NAME, None),
    "phone": ("phone", bounds.PHONE, None),
    "timezone": ("time_zone", bounds.NAME, _time_zone),
    "locale": ("locale", bounds.LOCALE, _locale),
}
"""API name to (column, most characters, what is wrong with a text)."""

NAMES = {column: name for name, (column, _, _) in FIELDS.items()}


def _attributes(value: object, faults: list[tuple[str, str]]) -> dict[str, Any]:
    if not isinstance(value, dict):
        faults.append(("attributes", "must be an object"))
        return {}
    for name in value:
        if not isinstance(name, str) or not 0 < len(name) <= bounds.ATTRIBUTE_NAME:
            faults.append(("attributes", f"a name must have 1 to {bounds.ATTRIBUTE_NAME} characters"))
            return {}
    if _depth(value) > bounds.ATTRIBUTES_DEPTH:
        faults.append(("attributes", f"must not be nested deeper than {bounds.ATTRIBUTES_DEPTH} levels"))
        return {}
    try:
        json.refuse_poison(value, "attributes")
    except Invalid as error:
        faults.extend(error.details)
    return value


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((_depth(item) for item in inner), default=0)
