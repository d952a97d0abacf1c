"""JSON at the border: one strict decoder for everything that comes in, one compact encoder.

Refused: NaN, Infinity, numbers that overflow a double, text that is not UTF-8, lone surrogates,
NUL, and nesting over `bounds.DEPTH`. Of duplicate keys the last counts. Whole numbers of any length
stay exact. What is stored is the re-encoded value, so the same bytes give the same answer on every store.
"""

from typing import Any, TypeVar

import msgspec

from ensue.base import bounds
from ensue.base.errors import Invalid

T = TypeVar("T")

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder(decimal_format="number")

encode = _encoder.encode


def encode_text(value: object) -> str:
    """The compact JSON text of a value."""
    return _encoder.encode(value).decode()


def decode(text: bytes | str) -> Any:
    """The value of JSON that we wrote ourselves."""
    return _decoder.decode(text)


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """A decoder of JSON that we wrote ourselves into a record."""
    return msgspec.json.Decoder(kind)


def canonical(value: object) -> str:
    """The one JSON text of a value: compact, keys sorted. Used for hashing and comparison."""
    return msgspec.json.encode(value, order="deterministic").decode()


def decode_strict(body: bytes) -> Any:
    """The value of JSON from outside.

    Raises:
        Invalid: malformed, or against the rules of this module; names the path.
    """
    return decode_as(_decoder, body)


def decode_as(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Decode bytes from outside into the decoder's type.

    Raises:
        Invalid: malformed, of another type, or against the rules of this module; names the path.
    """
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The body is not valid JSON: {error}.", code="malformed_json") from None
    except RecursionError:
        raise _too_deep("$") from None
    # The two quick looks let the usual body pass without a walk.
    if b"\\u0000" in body or body.count(b"{") + body.count(b"[") > bounds.DEPTH:
        refuse_poison(_decoder.decode(body))
    return value


def refuse_poison(value: object, path: str = "", depth: int = 1) -> None:
    """Walk a decoded value and refuse NUL in any text and nesting over the bound.

    Raises:
        Invalid: naming the path.
    """
    match value:
        case str():
            if "\x00" in value:
                raise Invalid.at(path or "$", "must not contain NUL")
        case dict():
            if depth > bounds.DEPTH:
                raise _too_deep(path)
            for key, item in value.items():
                if "\x00" in key:
                    raise Invalid.at(path or "$", "a name must not contain NUL")
                refuse_poison(item, f"{path}.{key}" if path else key, depth + 1)
        case list():
            if depth > bounds.DEPTH:
                raise _too_deep(path)
            for index, item in enumerate(value):
                refuse_poison(item, f"{path}[{index}]", depth + 1)
        case _:
            pass


def _too_deep(path: str) -> Invalid:
    # The path of something that deep would be longer than the answer is worth.
    return Invalid.at(path.split(".")[0].split("[")[0] or "$", f"must not be nested deeper than {bounds.DEPTH} levels")


def _mismatch(message: str) -> Invalid:
    """msgspec says `Expected X, got Y - at $.a.b` and `... unknown field `x` - at $.a`: turn both into a path."""
    sentence, _, place = message.partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    if "unknown field" in sentence:
        name = sentence.split("`")[1]
        return Invalid.at(f"{path}.{name}" if path else name, "is not a field of this request")
    if "missing required field" in sentence:
        name = sentence.split("`")[1]
        return Invalid.at(f"{path}.{name}" if path else name, "is required")
    sentence = sentence.replace("`", "")
    return Invalid.at(path or "$", sentence[:1].lower() + sentence[1:])
