"""What happened."""

from typing import Any

import msgspec

IMPORT = "import"
"""The source of an event that came as a backfill: it triggers nothing, whenever it turns out whose it is."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as it is stored. Times in milliseconds.

    `cause_id` is the enrolment that emitted the event, `depth` how many such steps led to it.
    """

    id: int
    type: str
    timestamp: int
    received_at: int
    contact_id: int | None = None
    metadata: dict[str, Any] = {}
    session_id: str | None = None
    page_url: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    source: str = "api"
    cause_id: int | None = None
    depth: int = 0
