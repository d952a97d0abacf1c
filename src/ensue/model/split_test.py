"""Tests between the branches of a split, and how each branch does."""

import msgspec

MANUAL = "MANUAL"
AUTO = "AUTO"


class SplitTest(msgspec.Struct, frozen=True):
    """A split that looks for its best branch, since an instant.

    `entered` counts those who came to it, when their number decides.
    `look_at` is when it may be decided without anybody being asked. `decided_by` is MANUAL or AUTO.
    """

    campaign_id: int
    node_id: str
    since: int
    entered: int = 0
    look_at: int | None = None
    winner: str | None = None
    decided_at: int | None = None
    decided_by: str | None = None


class BranchResult(msgspec.Struct, frozen=True):
    """One branch: how many runs took it, and of those how many got a message, opened, clicked, or reached a goal.

    `routed` more took it because it had won.
    """

    name: str
    weight: int
    entered: int
    sent: int
    opened: int
    clicked: int
    goals: int
    routed: int
