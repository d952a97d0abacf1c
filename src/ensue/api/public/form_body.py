"""What was posted to a form: JSON, or what an HTML form makes of it, brought into one shape."""

import re
from email.message import Message
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from ensue.base import bounds, json
from ensue.base.errors import Invalid
from ensue.engine.arrival import CHATS

OWN: Final = (
    "sessionId", "pageUrl", "referrer", "utmSource", "utmMedium", "utmCampaign", "submissionId", "token", "homepage",
)  # fmt: skip
"""What a submission says besides the values; in an HTML form the names begin with `_`. `homepage` is the trap: a field
that no person sees."""

_PARTS: Final = bounds.FORM_FIELDS + len(OWN) + 10
_JSON = frozenset({"application/json"})
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{1,70}", re.ASCII)


class Posted(NamedTuple):
    """What was posted. `typed`: the values are JSON's, not texts of an HTML form."""

    values: dict[str, Any]
    own: dict[str, str]
    typed: bool

    def path(self, key: str) -> str:
        """Where a value stood, for whoever posted it."""
        return f"values.{key}" if self.typed and key != "$" else key


def read_posted(content_type: str, body: bytes) -> Posted:
    """What a body says.

    Raises:
        Invalid: it is of no kind that a form can be, malformed, or says something of its own in the wrong shape.
    """
    kind = content_type.split(";")[0].strip().lower()
    if kind in _JSON:
        return _read_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _read_pairs(_urlencoded(body))
    if kind == "multipart/form-data":
        return _read_pairs(_multipart(content_type, body))
    raise Invalid(
        "Send JSON, application/x-www-form-urlencoded or multipart/form-data, and say which as Content-Type.",
        code="not_a_form",
    )


def _read_json(body: bytes) -> Posted:
    value = json.decode_strict(body)
    if not isinstance(value, dict):
        raise Invalid.at("$", "must be an object")
    values = value.pop("values", None)
    faults = [(name, "is not a field of this request") for name in value if name not in OWN]
    if not isinstance(values, dict):
        faults.append(("values", "is required" if values is None else "must be an object"))
    own = {name: item for name, item in value.items() if name in OWN and item is not None}
    faults += [(name, "must be a string") for name, item in own.items() if not isinstance(item, str)]
    if not faults:
        faults = _own_faults(own)
    if faults:
        raise Invalid.of(faults)
    return Posted(values, own, typed=True)


def _read_pairs(pairs: list[tuple[str, str]]) -> Posted:
    values: dict[str, Any] = {}
    own: dict[str, str] = {}
    faults = []
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise Invalid.at("$", "must not contain NUL")
        if not name.startswith("_"):
            # As with JSON, of two with the same name the last counts.
            values[name] = value
        elif name[1:] in OWN:
            own[name[1:]] = value
        else:
            faults.append((name, "is not a field of this request"))
    own = {name: value for name, value in own.items() if value}
    faults += [(f"_{name}", sentence) for name, sentence in _own_faults(own)]
    if faults:
        raise Invalid.of(faults)
    return Posted(values, own, typed=False)


def _own_faults(own: dict[str, str]) -> list[tuple[str, str]]:
    faults = []
    for name, value in own.items():
        most = bounds.IDEMPOTENCY_KEY if name in {"submissionId", "token"} else bounds.TEXT
        if len(value) > most:
            faults.append((name, f"must have at most {most} characters"))
        elif not value and name in {"sessionId", "submissionId"}:
            faults.append((name, "must not be empty"))
        elif name == "sessionId" and value.startswith(CHATS):
            faults.append((name, "must not be that of a chat"))
    return faults


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_PARTS
        )
    except ValueError:
        raise _malformed() from None


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    boundary = _parameter(content_type, "boundary")
    if boundary is None or not _BOUNDARY.fullmatch(boundary):
        raise _malformed()
    delimiter = b"\r\n--" + boundary.encode()
    _, *parts = (b"\r\n" + body).split(delimiter, _PARTS + 1)
    # Of what is cut off at the bound the last part does not end the body.
    if not parts or parts.pop()[:2] != b"--":
        raise _malformed()
    return [_part(part) for part in parts]


def _part(part: bytes) -> tuple[str, str]:
    head, found, content = part.partition(b"\r\n\r\n")
    try:
        name, text = None, content.decode()
        for line in head.decode().split("\r\n"):
            key, _, value = line.partition(":")
            if key.strip().lower() == "content-disposition":
                name = _parameter(value, "name")
                file = _parameter(value, "filename")
    except UnicodeDecodeError:
        raise _malformed() from None
    if not found or name is None:
        raise _malformed()
    if file is not None:
        raise Invalid.at(name, "files are not taken")
    return name, text


def _parameter(header: str, name: str) -> str | None:
    message = Message()
    message["x"] = header.replace("\r", " ").replace("\n", " ").strip()
    value = message.get_param(name, header="x")
    return value if isinstance(value, str) else None


def _malformed() -> Invalid:
    return Invalid("The body is not what its Content-Type says, or has too many parts.", code="malformed_form")
