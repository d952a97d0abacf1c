"""Whom it is about."""

from typing import Any

import msgspec


class Contact(msgspec.Struct, frozen=True):
    """One person of a workspace. Times in milliseconds.

    `as_of` is the instant up to which everything about the contact has been evaluated; it never goes back.
    `due_at` is the earliest instant at which time alone may change something.
    `latest_line` is its newest line of the score's ledger.
    """

    id: int
    created_at: int
    updated_at: int
    as_of: int
    email: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    attributes: dict[str, Any] = {}
    score: int = 0
    due_at: int | None = None
    latest_line: int | None = None
