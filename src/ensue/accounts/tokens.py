"""Secrets that we hand out: 256 random bits in letters and digits, kept only as a digest."""

import secrets
from hashlib import sha256

_BITS = 256
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43  # the letters that 256 bits need

API_KEY = "ens_"
WRITE_KEY = "wk_"
INVITATION = "inv_"
SHOWN = 8


def new(prefix: str = "") -> str:
    """A new token with a prefix that says what it is."""
    number = secrets.randbits(_BITS)
    letters = []
    for _ in range(_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return prefix + "".join(letters)


def digest(token: str | bytes) -> bytes:
    """What is stored of a token. A plain hash is enough: nobody can try 2^256 of them."""
    return sha256(token.encode() if isinstance(token, str) else token).digest()


def shown(token: str) -> str:
    """The beginning of a token, by which its owner recognises it."""
    return token[:SHOWN]
