"""Which passwords are too easy to guess: short ones, and those that are a common word in disguise."""

import re
from functools import cache
from importlib.resources import files

from ensue.accounts import bounds
from ensue.base.errors import Invalid

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
_RUNS = tuple(run for row in _ROWS for run in (row, row[::-1]))
_LEET = str.maketrans("@43105$7!", "aaeiossti")
_LEAST_DISTINCT = 5
_SHORTEST_RUN = 3
_LEAST_OF_ONES_OWN = 6


def refuse_weak(password: str, *, email: str, name: str, path: str = "password") -> None:
    """Check a new password, which stands at a path of the request.

    Raises:
        Invalid: at that path; code `weak_password`.
    """
    weakness = _weakness(password.casefold(), email.casefold(), name.casefold())
    if weakness is not None:
        raise Invalid.at(path, weakness, code="weak_password")


def _weakness(password: str, email: str, name: str) -> str | None:
    if len(password) < bounds.PASSWORD_LEAST:
        return f"must have at least {bounds.PASSWORD_LEAST} characters"
    if len(set(password)) < _LEAST_DISTINCT or _is_repeated(password):
        return "must not repeat the same few characters"
    if _is_runs(password):
        return "must not be made of rows of the keyboard or the alphabet"
    if _is_common(password):
        return "is among the first that are guessed; put several unrelated words together"
    if _is_own_name(password, re.split(r"[@.\s]+", f"{email} {name}")):
        return "must not be made of your name or address"
    return None


@cache
def _common() -> frozenset[str]:
    text = (files("ensue.accounts") / "common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _is_common(plain: str) -> bool:
    """Whether it is one or two listed words, once digits, signs and letters in disguise are seen through."""
    ends = "0123456789!?.,-_*#$%&+ "
    readings = {plain, plain.strip(ends), plain.translate(_LEET), plain.strip(ends).translate(_LEET)}
    return any(_is_words(word) for reading in readings for word in (reading, _letters(reading)))


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalpha())


def _is_words(text: str) -> bool:
    common = _common()
    return text in common or any(text[:at] in common and text[at:] in common for at in range(1, len(text)))


def _is_repeated(text: str) -> bool:
    # A text is a repetition exactly when it is found inside itself, doubled, before its end.
    return (text + text).find(text, 1) < len(text)


def _is_runs(text: str) -> bool:
    """Whether it can be cut into pieces of keyboard rows, forwards or backwards; a short end changes nothing."""
    at = 0
    while len(text) - at >= _SHORTEST_RUN:
        longest = max((_run_length(text, at, run) for run in _RUNS), default=0)
        if longest < _SHORTEST_RUN:
            return False
        at += longest
    return True


def _run_length(text: str, at: int, run: str) -> int:
    length = 0
    while at + length < len(text) and text[at : at + length + 1] in run:
        length += 1
    return length


def _is_own_name(plain: str, names: list[str]) -> bool:
    rest = plain
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= _SHORTEST_RUN:
            rest = rest.replace(name, "")
    return rest != plain and len(_letters(rest)) < _LEAST_OF_ONES_OWN
