"""Addresses that get nothing any more, whatever their owner agreed to."""

from typing import Final

import msgspec

HARD_BOUNCE: Final = "HARD_BOUNCE"
COMPLAINT: Final = "COMPLAINT"
MANUAL: Final = "MANUAL"
REASONS: Final = (HARD_BOUNCE, COMPLAINT, MANUAL)


class Suppression(msgspec.Struct, frozen=True):
    """One address on one channel. `message_id` is the message that brought it here; `created_at` in milliseconds."""

    id: int
    channel: str
    address: str
    reason: str
    note: str | None
    message_id: int | None
    created_at: int
