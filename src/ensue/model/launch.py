"""Many contacts on their way into a campaign."""

import msgspec

RUNNING = "RUNNING"
DONE = "DONE"
CANCELLED = "CANCELLED"
SKIPPED = "SKIPPED"

BROADCAST = "BROADCAST"
SCHEDULE = "SCHEDULE"


class Launch(msgspec.Struct, frozen=True):
    """The members of a segment, or (None) everybody, being put into a campaign, with progress.

    `trigger` is BROADCAST or SCHEDULE. They are those who were there at the instant `as_of`; `total` is how many, None
    until they are counted. They go in the order of (`after_at`, `after_id`), up to which `done` have; the next ones at
    `next_at`, of which `per_minute` allows so many. `status` is RUNNING, DONE, CANCELLED, or SKIPPED for its `reason`.
    """

    id: int
    campaign_id: int
    trigger: str
    segment_id: int | None
    status: str
    reason: str | None
    per_minute: int | None
    as_of: int
    next_at: int
    started_at: int
    after_at: int = 0
    after_id: int = 0
    total: int | None = None
    done: int = 0
    enrolled: int = 0
    skipped: int = 0
    finished_at: int | None = None


class Invited(msgspec.Struct, frozen=True):
    """One of a launch's audience, and its place in the order."""

    at: int
    id: int
    contact_id: int
