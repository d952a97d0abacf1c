"""One contact with all that a person wants to see of it at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from ensue.api import contact_json, event_list, message_json
from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.consents import ShownConsent
from ensue.api.contact_json import ShownContact, contact_number
from ensue.api.context import Here
from ensue.api.message_json import ShownMessage
from ensue.base import bounds, json
from ensue.base.ids import show
from ensue.engine.contacts import identity
from ensue.store.ports import Tables, WorkspaceTables
from ensue.store.sql.messages import Filter

router = APIRouter(prefix="/api/workspaces/{workspaceId}/contacts", tags=["Contacts"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("contacts:read"))]


class Identities(Answer):
    """All that leads to this contact: browser sessions, newest first, and ids of contacts merged into it."""

    email: str | None
    external_id: str | None
    session_ids: list[str]
    merged_ids: list[str]


class Stay(Answer):
    """A segment that the contact is in."""

    id: str
    name: str
    type: str
    entered_at: ShownInstant


class ContactProfile(ShownContact):
    """A contact with its surroundings. `recentEvents` are as the list of events shows them."""

    identities: Identities
    consents: list[ShownConsent]
    segments: list[Stay]
    recent_events: list[dict[str, Any]]
    recent_messages: list[ShownMessage]
    links: dict[str, str]


@router.get("/{contactId}", summary="One contact")
async def get_contact(here: Here, caller: Reader, number: Annotated[int, Depends(contact_number)]) -> ContactProfile:
    """A contact by its id, or by the id of one that was merged into it."""

    def found(tables: Tables) -> ContactProfile:
        return profile(tables.workspace(caller.workspace_id), number)

    return await here.services.ask(found)


def profile(own: WorkspaceTables, number: int) -> ContactProfile:
    """The profile of a contact.

    Raises:
        NotFound: there is no such contact.
    """
    contact = identity.stored(own, number)
    events = own.events.page(contact.id, None, None, None, None, None, bounds.SAMPLE)
    _, messages = own.messages.page(Filter(contact_id=contact.id), bounds.SAMPLE, 0)
    path = f"/api/workspaces/{show('ws', own.workspace_id)}/contacts/{show('ct', contact.id)}"
    return ContactProfile(
        **contact_json.fields(contact, list(own.contacts.tags(contact.id))),
        identities=Identities(
            email=contact.email,
            external_id=contact.external_id,
            session_ids=own.belongings.sessions(contact.id),
            merged_ids=[show("ct", old_id) for old_id in own.belongings.old_ids(contact.id)],
        ),
        consents=[
            ShownConsent(channel=row[0], status=row[1], source=row[2], updated_at=row[3])
            for row in own.timeline.consents(contact.id)
        ],
        segments=[
            Stay(id=show("seg", row[0]), name=row[1], type=row[2], entered_at=row[3])
            for row in own.timeline.stays_now(contact.id)
        ],
        recent_events=[json.decode(event_list.render(row)) for row in events],
        recent_messages=[message_json.shown(message) for message in messages],
        links={name: f"{path}/{name}" for name in ("score-history", "timeline", "export")},
    )
