"""Why something changed."""

import msgspec


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What led to a change.

    `kind` is one of EVENT, CHANGE, TIME, CAMPAIGN, BACKFILL, MERGE, MANUAL, REBUILD,
    DELETE, ERASE, FORM.

    `subject_id` is the event, enrolment or backfill; `depth` counts the campaign actions that led here;
    `triggers` says whether campaigns may start from it.
    """

    kind: str
    subject_id: int | None = None
    depth: int = 0
    triggers: bool = True

    def text(self) -> str:
        """`EVENT:123`, as memberships and ledger lines keep it."""
        return self.kind if self.subject_id is None else f"{self.kind}:{self.subject_id}"
