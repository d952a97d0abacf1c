"""A campaign run over stored history without doing anything, a slice of contacts at a time."""

import msgspec

from ensue.engine.view import View
from ensue.engine.working_set import WorkingSet
from ensue.model.dry_run import DryRun


def advance(view: View, run: DryRun) -> DryRun:
    """Run the next contacts."""
    return msgspec.structs.replace(run, status="DONE")


def keep(room: WorkingSet, run: DryRun) -> None:
    """Keep how far it has come."""
    room.tables.dry_runs.put(run)


def give_up(room: WorkingSet, run_id: int, sentence: str) -> None:
    """End it, and say why."""
    run = room.tables.dry_runs.get(run_id)
    if run is not None:
        room.tables.dry_runs.put(msgspec.structs.replace(run, status="FAILED", error=sentence))
