"""The kinds of fields, and how the value of each is read: typed from JSON, as text from an HTML form."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from ensue.base import bounds
from ensue.base.errors import Invalid
from ensue.engine.contacts import profile
from ensue.model.form import FormField

Read = Callable[[FormField, object], Any]

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TICKED = {"on": True, "true": True, "1": True, "yes": True, "": False, "off": False, "false": False, "0": False}


def read_value(field: FormField, value: object, *, typed: bool) -> Any:
    """The value of a field; None when nothing was said. `typed` is JSON, where numbers and ticks are no texts.

    Raises:
        ValueError: it is not one; the sentence says what it must be.
    """
    if field.type == "checkbox" and not typed:
        value = _ticked(value)
    elif field.type == "number" and not typed:
        value = _number(value)
    elif isinstance(value, str) and not value.strip():
        value = None
    found = None if value is None else TYPES[field.type](field, value)
    if field.required and (found is None or found is False):
        raise ValueError("must be ticked" if field.type == "checkbox" else "is required")
    return found


def _ticked(value: object) -> bool | None:
    if value is None:
        return None
    ticked = _TICKED.get(str(value).strip().lower())
    if ticked is None:
        raise ValueError("must be ticked or not")
    return ticked


def _number(value: object) -> int | float | None:
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a number")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _a_number(_field: FormField, value: object) -> int | float:
    # To Python true is 1; to somebody who fills in a form it is not.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")  # noqa: TRY004  a fault in what was sent, not in a call
    if abs(value) > _LARGEST:
        raise ValueError("must be a smaller number")
    return value


def _a_tick(_field: FormField, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004
    return value


def _a_line(_field: FormField, value: object) -> str:
    return _text(value, bounds.TEXT, "")


def _lines(_field: FormField, value: object) -> str:
    if isinstance(value, str):
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return _text(value, bounds.FORM_TEXTAREA, "\n\t")


def _address(_field: FormField, value: object) -> str:
    text = _text(value, bounds.EMAIL, "")
    sound_in_profile("email", text)
    return text


def _phone(_field: FormField, value: object) -> str:
    return _text(value, bounds.PHONE, "")


def _a_choice(field: FormField, value: object) -> str:
    if value not in field.options:
        raise ValueError("must be one of the choices")
    return str(value)


def _a_day(_field: FormField, value: object) -> str:
    text = _text(value, 10, "")
    refusal = ValueError("must be a day, such as 2026-03-31")
    if not _DAY.fullmatch(text):
        raise refusal
    try:
        date.fromisoformat(text)
    except ValueError:
        raise refusal from None
    return text


def _text(value: object, most: int, allowed: str) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004
    text = value.strip()
    if len(text) > most:
        raise ValueError(f"must have at most {most} characters")
    if any(letter not in allowed and unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise ValueError("must not contain line breaks or control characters" if not allowed else "must be plain text")
    return text


def sound_in_profile(name: str, value: object) -> None:
    """Check a value that is to stand in a field of a contact, by its API name.

    Raises:
        ValueError: it cannot; the sentence says why.
    """
    try:
        profile.read({name: value})
    except Invalid as error:
        raise ValueError(error.details[0].message) from None


_LARGEST: Final = 2**53

TYPES: Final[dict[str, Read]] = {
    "text": _a_line,
    "email": _address,
    "tel": _phone,
    "number": _a_number,
    "checkbox": _a_tick,
    "select": _a_choice,
    "textarea": _lines,
    "hidden": _a_line,
    "date": _a_day,
}
"""Every type, to what reads a value of it that is there."""
