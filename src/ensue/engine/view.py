"""A workspace looked at on a snapshot: the questions of a working set, and no changes."""

from ensue.base.errors import NotFound
from ensue.base.ids import Ids
from ensue.engine.definitions import compiled
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.store.ports import Tables

_NO_TYPE = -1


class View(WorkingSet):
    """A working set whose subjects are only asked. It is thrown away with its snapshot."""

    def type_id(self, name: str) -> int:
        """The number of an event type; of one that was never seen, a number that nothing has."""
        return self.definitions.type_ids.get(name) or self.tables.events.type_id(name) or _NO_TYPE

    def look_at(self, contact_id: int) -> Subject | None:
        """A contact by its id, or by one that was merged into it, without holding it."""
        found = self.tables.populations.contacts([contact_id])
        if found:
            return Subject(self, found[0])
        survivor = self.tables.contacts.survivor(contact_id)
        return self.look_at(survivor) if survivor is not None else None

    def write(self) -> None:
        """Refused: there is nothing to write.

        Raises:
            AssertionError: always.
        """
        raise AssertionError("a view is not written")


def view(tables: Tables, workspace_id: int, ids: Ids) -> View:
    """A view of one workspace at the present instant. Its definitions are its own, so any thread may have one.

    Raises:
        NotFound: there is no such workspace.
    """
    own = tables.workspace(workspace_id)
    workspace = own.definitions.workspace()
    if workspace is None:
        raise NotFound("There is no such workspace.")
    return View(own, compiled(own.definitions, workspace), ids, ids.instant())
