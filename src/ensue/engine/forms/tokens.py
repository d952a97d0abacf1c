"""The two tokens of forms: one proves when a page of ours was opened, one stands in the link of a confirmation mail.

Neither can be made or altered by anybody else, and neither is worth anything in the other's place.
"""

from hashlib import blake2b
from typing import NamedTuple

from ensue.base import bounds
from ensue.base.clock import SECOND
from ensue.base.sealing import Signer

_PAGE = "form page"
_CONFIRMATION = "form confirmation"
_WORD = 8


class Opened(NamedTuple):
    """A page of ours that a submission came from."""

    form_id: int
    at: int


def for_page(signer: Signer, form_id: int, at: int, nonce: int) -> str:
    """A token for one opening of a form's page; `nonce` makes it differ from every other one."""
    return signer.sign(_PAGE, _packed(form_id, at, nonce))


def read_page(signer: Signer, token: str) -> Opened | None:
    """When and with which form a page was opened; None for what is no token of a page."""
    numbers = _unpacked(signer.read(_PAGE, token), 3)
    return Opened(numbers[0], numbers[1]) if numbers is not None else None


def for_confirmation(signer: Signer, workspace_id: int, submission_id: int) -> str:
    """The token of a confirmation link. Until when it counts stands with the submission."""
    return signer.sign(_CONFIRMATION, _packed(workspace_id, submission_id))


def read_confirmation(signer: Signer, token: str) -> tuple[int, int] | None:
    """(workspace, submission) of a confirmation link."""
    numbers = _unpacked(signer.read(_CONFIRMATION, token), 2)
    return (numbers[0], numbers[1]) if numbers is not None else None


def too_old(opened: Opened, now: int) -> bool:
    """Whether a page was opened so long ago that it proves nothing any more, or in a future that has not come."""
    return not -bounds.CLOCK_SKEW <= now - opened.at <= bounds.FORM_PAGE_AGE


def too_fast(opened: Opened, now: int, minimum_seconds: int) -> bool:
    """Whether nobody could have filled the page in since it was opened."""
    return now - opened.at < minimum_seconds * SECOND


def key_of(name: str) -> bytes:
    """The digest of the name that a submission goes by, so that it can be sent again."""
    return blake2b(name.encode(), digest_size=16, person=b"form submission").digest()


def fingerprint_of(name: str, body: str) -> bytes:
    """The digest of what was sent under a name: without the name, which is not kept, the body cannot be guessed."""
    key = blake2b(name.encode(), digest_size=32, person=b"form fingerprint").digest()
    return blake2b(body.encode(), digest_size=16, key=key).digest()


def _packed(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(_WORD, "big", signed=True) for number in numbers)


def _unpacked(payload: bytes | None, count: int) -> list[int] | None:
    if payload is None or len(payload) != count * _WORD:
        return None
    return [int.from_bytes(payload[at : at + _WORD], "big", signed=True) for at in range(0, len(payload), _WORD)]
