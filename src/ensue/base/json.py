"""JSON at the border: one strict decoder for everything that comes in, one compact encoder.

Refused: NaN, Infinity, numbers that overflow a double, text that is not UTF-8, lone surrogates,
NUL, and nesting over `bounds.DEPTH`. Of duplicate keys the last counts. Whole numbers of up to 4300
digits stay exact. What is stored is the re-encoded value, so the same bytes give the same answer on every store.
"""

import re
from json import loads
from math import isfinite
from typing import Any, NamedTuple, TypeVar

import msgspec

from ensue.base import bounds
from ensue.base.errors import Invalid

T = TypeVar("T")

_SURROGATE = re.compile("[\\ud800-\\udfff]")

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
    value = decode_frame(decoder, body)
    # The two quick looks let the usual body pass without a walk.
    if b"\\u0000" in body or body.count(b"{") + body.count(b"[") > bounds.DEPTH:
        refuse_poison(_decoder.decode(body))
    return value


def decode_frame(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """As `decode_as`, but what is kept raw is left to be decoded by itself: NUL and depth are not looked for.

    Raises:
        Invalid: malformed, or of another type; names the path.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _unsound_in(body) or _mismatch(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        malformed = Invalid(f"The body is not valid JSON: {error}.", code="malformed_json")
        raise _unsound_in(body) or malformed from None
    except RecursionError:
        raise _too_deep("$") from None


class Unsound(NamedTuple):
    """Stands where a number was that nothing can hold."""

    message: str


def decode_marked(body: bytes) -> Any:
    """The value of JSON from outside that has NaN, infinite or overflowing numbers (as `Unsound`) or lone surrogates.

    Raises:
        ValueError, RecursionError: it is not even that.
    """
    return loads(body.decode(), parse_constant=_not_finite, parse_float=_float, parse_int=_integer)


def unsound(value: object, path: str = "") -> Invalid | None:
    """What is wrong with the first part of a marked value that cannot be kept, by its path."""
    match value:
        case Unsound(message):
            return Invalid.at(path or "$", message)
        case str() if _SURROGATE.search(value):
            return Invalid.at(path or "$", "must not contain a lone surrogate")
        case dict():
            for key, item in value.items():
                if _SURROGATE.search(key):
                    return Invalid.at(path or "$", "a name must not contain a lone surrogate")
                if (found := unsound(item, f"{path}.{key}" if path else key)) is not None:
                    return found
        case list():
            for index, item in enumerate(value):
                if (found := unsound(item, f"{path}[{index}]")) is not None:
                    return found
        case _:
            pass
    return None


def _unsound_in(body: bytes) -> Invalid | None:
    """The place of what the decoder refused without a place, if it is in the value and not in the grammar."""
    if len(body) > bounds.BODY:
        return None
    try:
        return unsound(decode_marked(body))
    except (ValueError, RecursionError):
        return None


def _not_finite(_text: str) -> Unsound:
    return Unsound("must not be NaN or infinite")


def _float(text: str) -> float | Unsound:
    number = float(text)
    return number if isfinite(number) else Unsound("must be a number that a double can hold")


def _integer(text: str) -> int | Unsound:
    try:
        return int(text)
    except ValueError:
        return Unsound("must not have more than 4300 digits")


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
