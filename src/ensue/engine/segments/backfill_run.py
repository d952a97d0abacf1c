"""A backfill from its beginning, or from where an earlier process left it, to its end: one step after the other."""

from collections import deque
from collections.abc import Sequence
from enum import Enum

from ensue.base import bounds
from ensue.engine.segments import backfill
from ensue.engine.segments.backfill import Piece
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.store.ports import WorkspaceTables


class _Stage(Enum):
    PLAN = "read whom to look at"
    BEGIN = "write how many that are"
    LOOK = "read the next few"
    APPLY = "write what changes about them"
    FINISH = "write that it is done"
    OVER = "nothing"


class BackfillRun:
    """What is known in memory of a running backfill; all that must survive is in its row.

    Ask `reads`: when true call `read` on a new snapshot, otherwise `write` in a transaction and, once that is durable,
    `written` with what it returned. Whoever drives it may stop for good between any two of these.
    """

    def __init__(self, found: Backfill) -> None:
        self.backfill = found
        self._stage = _Stage.PLAN
        self._remaining: Sequence[int] = ()
        self._pieces: deque[Piece] = deque()

    @property
    def reads(self) -> bool:
        """Whether the next step reads."""
        return self._stage in {_Stage.PLAN, _Stage.LOOK}

    @property
    def over(self) -> bool:
        """Whether there is no next step: it is done, or was cancelled."""
        return self._stage is _Stage.OVER

    def read(self, tables: WorkspaceTables, now: int) -> None:
        """Take the next step, on a snapshot that was opened after the backfill was stored."""
        if self._stage is _Stage.PLAN:
            self._remaining = backfill.plan(tables, self.backfill, now)
            self._stage = _Stage.BEGIN
            return
        some, self._remaining = self._remaining[: bounds.BULK_CONTACTS], self._remaining[bounds.BULK_CONTACTS :]
        self._pieces.extend(backfill.look(tables, self.backfill, some, now))
        self._stage = _Stage.APPLY

    def write(self, room: WorkingSet) -> bool:
        """Take the next step. False when there is nothing more to do."""
        match self._stage:
            case _Stage.BEGIN:
                return backfill.begin(room, self.backfill.id, len(self._remaining))
            case _Stage.APPLY:
                return backfill.apply(room, self.backfill.id, self._pieces[0])
            case _:
                backfill.finish(room, self.backfill.id)
                return False

    def written(self, *, goes_on: bool) -> None:
        """The last write is durable, and said whether there is more to do."""
        if not goes_on:
            self._stage = _Stage.OVER
            return
        if self._stage is _Stage.APPLY:
            self._pieces.popleft()
        if not self._pieces:
            self._stage = _Stage.LOOK if self._remaining else _Stage.FINISH
