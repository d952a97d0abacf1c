"""How handlers change one contact: in the shared transaction, at the present instant, answered with what followed."""

from collections.abc import Callable

import msgspec

from ensue.accounts.audit import Recorder
from ensue.api import contact_json
from ensue.api.access import Caller
from ensue.api.contact_json import ChangedContact
from ensue.api.context import Context
from ensue.engine.contacts import identity
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.effects import Effects
from ensue.store.ports import Tables

BY_HAND = Cause("CHANGE")


async def change(here: Context, caller: Caller, contact_id: int, work: Callable[[Subject], Effects]) -> ChangedContact:
    """Change a contact.

    Raises:
        NotFound: there is no such contact. Conflict: it was erased. And what the work raises.
    """

    def changed(room: WorkingSet) -> ChangedContact:
        subject = identity.held(room, contact_id)
        return shown(subject, work(subject))

    return await here.services.change(caller.workspace_id, changed)


async def recorded(
    here: Context, caller: Caller, action: str, contact_id: int, work: Callable[[WorkingSet], ChangedContact | None]
) -> ChangedContact | None:
    """Change contacts so that the audit log says so."""

    def changed(tables: Tables) -> ChangedContact | None:
        answer = here.services.engine.within(tables, caller.workspace_id, work)
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, action, ("ct", contact_id))
        return answer

    return await here.services.write(changed)


def shown(subject: Subject, effects: Effects) -> ChangedContact:
    """A contact in the middle of a transaction, and what followed."""
    contact = msgspec.structs.replace(subject.contact, score=subject.score)
    return ChangedContact(**contact_json.fields(contact, list(subject.tags)), effects=contact_json.effects(effects))
