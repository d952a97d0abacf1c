"""What campaigns do in the background, as chores: each reads on a snapshot, then writes in a small transaction.

A chore may be dropped between the two, or met by another process that was faster: what it writes, it decides by what is
stored then.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from ensue.base.clock import SECOND
from ensue.base.ids import Ids
from ensue.engine.campaigns import date_timers, dry_run, editing, launches, split_tests
from ensue.engine.view import view
from ensue.engine.working_set import WorkingSet
from ensue.model.backfill import Backfill
from ensue.model.dry_run import DryRun
from ensue.model.launch import BROADCAST, DONE, Invited, Launch
from ensue.model.split_test import BranchResult
from ensue.store.ports import Tables


class Chore(Protocol):
    """A piece of work in one workspace."""

    @property
    def workspace_id(self) -> int:
        """Whose."""
        ...

    def read(self, tables: Tables, ids: Ids) -> None:
        """Look up what is to be written, on a snapshot that was opened after the chore was found."""
        ...

    def write(self, room: WorkingSet) -> None:
        """Write it."""
        ...

    def parts(self) -> "list[Chore]":
        """Smaller chores that do the same one after the other, already read; none, when it cannot be divided."""
        ...

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """It failed, and cannot be divided: see to it that it does not fail for ever."""
        ...


class _Whole:
    """A chore that cannot be divided."""

    def parts(self) -> list[Chore]:
        return []


class Firing(_Whole):
    """A schedule that is due."""

    def __init__(self, workspace_id: int, campaign_id: int, place: int) -> None:
        self.workspace_id = workspace_id
        self._campaign_id = campaign_id
        self._place = place

    def read(self, tables: Tables, ids: Ids) -> None:
        """Nothing."""

    def write(self, room: WorkingSet) -> None:
        """Begin the launch."""
        launches.fire(room, self._campaign_id, self._place)

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """Leave this one out; saving the campaign again sets it anew."""
        room.tables.schedules.clear(self._campaign_id, self._place)


class Boarding:
    """The next of a launch's audience."""

    def __init__(self, workspace_id: int, launch: Launch, invited: Sequence[Invited] = (), size: int = 0) -> None:
        self.workspace_id = workspace_id
        self._launch = launch
        self._invited = invited
        self._size = size or launches.slice_of(launch.per_minute)[0]
        self._total: int | None = None

    def read(self, tables: Tables, ids: Ids) -> None:
        """Who they are; at first also how many there are in all."""
        own = tables.workspace(self.workspace_id).launches
        self._invited = own.audience(self._launch, self._size)
        if self._launch.total is None:
            self._total = own.audience_size(self._launch)

    def write(self, room: WorkingSet) -> None:
        """Take them in. A BROADCAST that everybody is in takes nobody in any more.

        After a pause those who are in are let go first: until then the campaign cannot be completed.
        """
        if room.tables.definitions.sweep(self._launch.campaign_id) is not None:
            launches.put_off(room, self._launch, room.now + SECOND)
            return
        launch = launches.advance(room, self._launch, self._invited, self._size, self._total)
        if launch is not None and launch.status == DONE and launch.trigger == BROADCAST:
            editing.change_status(room, editing.named(room, launch.campaign_id), "COMPLETED")

    def parts(self) -> list[Chore]:
        """Each of them alone: one is at fault, and the others must not wait for it."""
        alone: list[Chore] = []
        launch = self._launch
        for one in self._invited if len(self._invited) > 1 else ():
            alone.append(Boarding(self.workspace_id, launch, [one], 1))
            launch = msgspec.structs.replace(launch, after_at=one.at, after_id=one.id)
        return alone

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """Leave the one behind who is at fault."""
        for one in self._invited[:1]:
            launches.pass_over(room, self._launch, one)


class Arming(_Whole):
    """The next contacts whose dates are armed for a campaign."""

    def __init__(self, workspace_id: int, backfill: Backfill) -> None:
        self.workspace_id = workspace_id
        self._backfill = backfill
        self._piece: date_timers.Piece | None = None

    def read(self, tables: Tables, ids: Ids) -> None:
        """When they are due."""
        self._piece = date_timers.look(view(tables, self.workspace_id, ids), self._backfill)

    def write(self, room: WorkingSet) -> None:
        """Arm them."""
        assert self._piece is not None
        date_timers.apply(room, self._backfill.id, self._piece)

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """Give it up, and say so."""
        room.tables.backfills.finish(self._backfill.id, "FAILED", room.now, sentence)


class Deciding(_Whole):
    """A test that may be decided."""

    def __init__(self, workspace_id: int, campaign_id: int, node_id: str) -> None:
        self.workspace_id = workspace_id
        self._campaign_id = campaign_id
        self._node_id = node_id
        self._results: list[BranchResult] = []

    def read(self, tables: Tables, ids: Ids) -> None:
        """How each branch does."""
        own = tables.workspace(self.workspace_id)
        campaign = own.definitions.campaign(self._campaign_id)
        if campaign is not None and split_tests.has_split(campaign, self._node_id):
            self._results = split_tests.results(own, campaign, self._node_id)

    def write(self, room: WorkingSet) -> None:
        """Decide it."""
        split_tests.decide(room, self._campaign_id, self._node_id, self._results)

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """Leave it to a person."""
        split_tests.leave_open(room, self._campaign_id, self._node_id)


class Rehearsal(_Whole):
    """The next contacts of a dry-run."""

    def __init__(self, workspace_id: int, run: DryRun) -> None:
        self.workspace_id = workspace_id
        self._run = run

    def read(self, tables: Tables, ids: Ids) -> None:
        """Run the campaign over their history."""
        self._run = dry_run.advance(view(tables, self.workspace_id, ids), self._run)

    def write(self, room: WorkingSet) -> None:
        """Keep how far it has come."""
        dry_run.keep(room, self._run)

    def failed(self, room: WorkingSet, sentence: str) -> None:
        """Give it up, and say so."""
        dry_run.give_up(room, self._run.id, sentence)


def due(tables: Tables, now: int) -> list[Chore]:
    """What can go on now, one piece of each."""
    return [
        chore
        for workspace_id in tables.workspaces_with_campaign_work(now)
        for chore in _due_in(tables, workspace_id, now)
    ]


def _due_in(tables: Tables, workspace_id: int, now: int) -> Iterator[Chore]:
    own = tables.workspace(workspace_id)
    for campaign_id, place in own.schedules.due(now):
        yield Firing(workspace_id, campaign_id, place)
    for launch in own.launches.due(now):
        yield Boarding(workspace_id, launch)
    for backfill in own.backfills.running():
        if backfill.kind == date_timers.KIND:
            yield Arming(workspace_id, backfill)
    for campaign_id, node_id in own.split_tests.due(now):
        yield Deciding(workspace_id, campaign_id, node_id)
    for run in own.dry_runs.running()[:1]:
        yield Rehearsal(workspace_id, run)
