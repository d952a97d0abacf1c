"""Work through history, in the background."""

import msgspec


class Backfill(msgspec.Struct, frozen=True):
    """Bringing one segment's members in line, with progress.

    `kind` is SEGMENT (a DYNAMIC one follows new rules), FILL (a STATIC one is filled once from rules) or CLOSE (the
    stays in a deleted one are ended). `status` is RUNNING, DONE, CANCELLED or FAILED (for its `error`). `triggers` says
    whether entries and exits that it finds may start campaigns. Contacts up to the id `cursor` are done, and none above
    `upto` is looked at: those are newer than the backfill. `done` of `total` contacts had to be looked at one by one so
    far.
    """

    id: int
    kind: str
    subject_id: int
    version: int
    status: str
    triggers: bool
    cursor: int
    upto: int
    total: int
    done: int
    entered: int
    exited: int
    started_at: int
    finished_at: int | None = None
    error: str | None = None
