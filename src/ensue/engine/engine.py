"""The engine as the outside sees it: give it a transaction and work, and it does what must follow."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from ensue.base import bounds
from ensue.base.clock import Clock
from ensue.base.errors import NotFound
from ensue.base.ids import Ids
from ensue.engine import timers
from ensue.engine.arrival import Arrival, Outcome
from ensue.engine.campaigns import sweep
from ensue.engine.definitions import DefinitionCache
from ensue.engine.ingest import ingest
from ensue.engine.working_set import WorkingSet
from ensue.store.ports import Tables

T = TypeVar("T")


class Engine:
    """Holds what outlives a transaction: the ids, the clock and the compiled definitions."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self.clock = clock
        self.ids = ids
        self.definitions = DefinitionCache()

    def room(self, tables: Tables, workspace_id: int) -> WorkingSet:
        """A working set over one workspace at the present instant.

        Raises:
            NotFound: there is no such workspace.
        """
        own = tables.workspace(workspace_id)
        self.ids.go_above(own.definitions.stand_still())
        definitions = self.definitions.get(own.definitions, workspace_id)
        if definitions is None:
            raise NotFound("There is no such workspace.")
        return WorkingSet(own, definitions, self.ids, self.ids.instant())

    def ingest(self, tables: Tables, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Store events, in order within each workspace; one outcome for each, in the order given."""
        outcomes: dict[int, Outcome] = {}
        by_workspace = sorted(range(len(arrivals)), key=lambda at: arrivals[at].workspace_id)
        for workspace_id, places in groupby(by_workspace, key=lambda at: arrivals[at].workspace_id):
            indexes = list(places)
            room = self.room(tables, workspace_id)
            outcomes.update(zip(indexes, ingest(room, [arrivals[at] for at in indexes]), strict=True))
        return [outcomes[at] for at in range(len(arrivals))]

    def within(self, tables: Tables, workspace_id: int, work: Callable[[WorkingSet], T]) -> T:
        """Run work on one workspace's working set and write what it changed."""
        room = self.room(tables, workspace_id)
        result = work(room)
        timers.settle(room)
        room.write()
        return result

    def run_due(self, tables: Tables, limit: int = bounds.DUE_CONTACTS) -> int:
        """Advance contacts for which time alone may have changed something; returns how many were advanced."""
        advanced = 0
        for workspace_id, campaign_id in tables.sweeps():
            advanced += sweep.advance(self.room(tables, workspace_id), campaign_id, limit - advanced)
            if advanced >= limit:
                return advanced
        due = self.due(tables, limit - advanced, claim=True)
        for workspace_id, contacts in groupby(due, key=itemgetter(0)):
            timers.advance_due(self.room(tables, workspace_id), [contact_id for _, contact_id in contacts])
        return advanced + len(due)

    def due(self, tables: Tables, limit: int = bounds.DUE_CONTACTS, *, claim: bool = False) -> list[tuple[int, int]]:
        """(workspace, contact) of those that are due, at most so many; to `claim` them leaves out those of others."""
        now = self.ids.instant()
        found: list[tuple[int, int]] = []
        for workspace_id in tables.workspaces_due(now):
            contacts = tables.workspace(workspace_id).contacts
            contact_ids = (contacts.claim_due if claim else contacts.due)(now, limit - len(found))
            found += [(workspace_id, contact_id) for contact_id in contact_ids]
            if len(found) >= limit:
                break
        return found

    def run_one(self, tables: Tables, workspace_id: int, contact_id: int) -> None:
        """Advance one contact."""
        timers.advance_due(self.room(tables, workspace_id), [contact_id])

    def put_off(self, tables: Tables, workspace_id: int, contact_id: int) -> None:
        """Leave a contact that cannot be advanced alone for a while. Its timers keep their instants."""
        until = self.ids.instant() + bounds.DUE_RETRY
        tables.workspace(workspace_id).contacts.put_off(contact_id, until)

    def forget(self) -> None:
        """Drop what was learned inside a transaction that failed."""
        self.definitions.forget()
