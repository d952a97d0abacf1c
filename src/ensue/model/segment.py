"""Who belongs together."""

from typing import Any

import msgspec


class Segment(msgspec.Struct, frozen=True):
    """A named set of contacts. DYNAMIC ones follow their rules, STATIC ones are lists.

    `status` is READY, or BACKFILLING while its history is being worked through.
    """

    id: int
    name: str
    description: str | None
    type: str
    version: int
    rules: dict[str, Any] | None
    status: str
    created_at: int
    updated_at: int


class Membership(msgspec.Struct, frozen=True):
    """One stay in a segment: `[entered_at, exited_at)`, with the causes and the version of the rules then."""

    id: int
    segment_id: int
    contact_id: int
    version: int
    entered_at: int
    entered_by: str
    exited_at: int | None = None
    exited_by: str | None = None
