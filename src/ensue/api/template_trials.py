"""Templates tried out: written for a real contact to be looked at, or to be sent."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends

from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow, require
from ensue.api.bodies import TemplateRoute
from ensue.api.context import Context, Here
from ensue.api.template_json import (
    Audience,
    DraftPreview,
    SavedPreview,
    SentTest,
    TestSend,
    Written,
    content_of,
    number_of,
    template_number,
    written,
)
from ensue.api.templates import known
from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.contacts.profile import read as read_profile
from ensue.engine.messages.orders import Order, Origin, Recipient, Refused
from ensue.engine.messages.outbox import queue
from ensue.engine.messages.recipients import of_subject
from ensue.engine.templates import NO_SUCH_TEMPLATE, NO_SUCH_VERSION
from ensue.engine.working_set import WorkingSet
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.message import TRANSACTIONAL, written_for
from ensue.model.template import Rendered, Template
from ensue.store.ports import Tables, WorkspaceTables
from ensue.templates.render import check, render
from ensue.templates.scope import About, Scope, scope_of

router = APIRouter(prefix="/api/workspaces/{workspaceId}/templates", tags=["Templates"], route_class=TemplateRoute)

Reader = Annotated[Caller, Depends(allow("templates:read"))]
Writer = Annotated[Caller, Depends(allow("templates:write"))]


@router.post("/preview", summary="See what a template would become")
async def preview_draft(here: Here, caller: Reader, body: DraftPreview) -> Written:
    """Nothing is stored. Without a contact, all that the texts say of one is marked as missing."""
    content = content_of(body.channel, body)
    case = _Case(here, caller, body)

    def question(tables: Tables) -> Written:
        check(content)
        return written(render(content, case.look_up(tables).scope, preview=True))

    return await here.services.ask(question)


@router.post("/{templateId}/preview", summary="See what a stored template becomes")
async def preview_template(
    here: Here, caller: Reader, number: Annotated[int, Depends(template_number)], body: SavedPreview
) -> Written:
    """For a contact, and perhaps an event of theirs. Nothing is stored."""
    case = _Case(here, caller, body)

    def question(tables: Tables) -> Written:
        own = tables.workspace(caller.workspace_id)
        content = known(own, number).content
        if body.version is not None:
            version = own.templates.version(number, body.version)
            if version is None:
                raise NotFound(NO_SUCH_VERSION)
            content = version.content
        return written(render(content, case.look_up(tables).scope, preview=True))

    return await here.services.ask(question)


@router.post("/{templateId}/test", status_code=202, summary="Send a template to try it out")
async def send_test(
    here: Here, caller: Writer, number: Annotated[int, Depends(template_number)], body: TestSend
) -> SentTest:
    """As a real message: what is missing is left empty, and listed in the answer.

    It goes to an address, or to a contact, and heeds neither consent nor caps; an address that is suppressed gets
    nothing (409).
    """
    case = _Case(here, caller, body)
    address = _address(body)

    def question(tables: Tables) -> tuple[Template, Rendered, "_Found"]:
        template = known(tables.workspace(caller.workspace_id), number)
        if address is not None and template.content.channel != "EMAIL":
            raise Invalid.at("to", "is for EMAIL; on other channels, name a contact")
        found = case.look_up(tables)
        return template, render(template.content, found.scope), found

    template, rendered, found = await here.services.ask(question)

    def work(room: WorkingSet) -> list[str]:
        if address is not None:
            return _queued(room, _to_address(template, rendered, found), [Recipient(None, {}, address)], found)
        return _queued(room, _to_contact(template, body), _recipients(room, template, found), found)

    def recorded(tables: Tables) -> list[str]:
        queued = here.services.engine.within(tables, caller.workspace_id, work)
        Recorder(tables, here.ids, here.caller(caller)).record(
            caller.workspace_id, "template.test", ("tpl", number), messages=queued
        )
        return queued

    queued = await here.services.write(recorded)
    return SentTest(message_ids=queued, missing=rendered.missing)


class _Found:
    """Whom and what a template is written about."""

    def __init__(self, scope: Scope, contact: Contact | None, event: Event | None) -> None:
        self.scope = scope
        self.contact = contact
        self.event = event


class _Case:
    """What a request says of whom a template is written for.

    Raises:
        Invalid: something in it is no id. Forbidden: the caller may not see contacts, or events.
    """

    def __init__(self, here: Context, caller: Caller, audience: Audience) -> None:
        self._here = here
        self._workspace = caller.workspace_id
        self._contact_id = number_of("ct", "contactId", audience.contact_id)
        self._event_id = number_of("evt", "eventId", audience.event_id)
        self._values = audience.values or {}
        # What a template writes about somebody, its author gets to read.
        if self._contact_id is not None or self._event_id is not None:
            require(caller, "contacts:read")
        if self._event_id is not None:
            require(caller, "events:read")

    def look_up(self, tables: Tables) -> _Found:
        """The contact and the event, and what a template can say of them.

        Raises:
            Invalid: there is none of that id, or the event is somebody else's.
        """
        own = tables.workspace(self._workspace)
        workspace = own.definitions.workspace()
        if workspace is None:
            raise NotFound("There is no such workspace.")
        event = self._event(own)
        contact = self._contact(own, event)
        return _Found(
            scope_of(
                About(
                    now=self._here.now,
                    workspace=workspace,
                    contact=contact,
                    tags=own.contacts.tags(contact.id) if contact is not None else (),
                    consents=own.contacts.consents(contact.id) if contact is not None else {},
                    event=event,
                    unsubscribe_url=f"{self._here.base_url}/t/u/preview",
                    preferences_url=f"{self._here.base_url}/t/p/preview",
                    values=self._values,
                )
            ),
            contact,
            event,
        )

    def _event(self, own: WorkspaceTables) -> Event | None:
        if self._event_id is None:
            return None
        kept = own.events.get(self._event_id)
        if kept is None:
            raise Invalid.at("eventId", "is no event of this workspace")
        return kept[0]

    def _contact(self, own: WorkspaceTables, event: Event | None) -> Contact | None:
        """The contact that is named, or else the one whose event it is."""
        contact_id = self._contact_id
        if contact_id is None:
            contact_id = event.contact_id if event is not None else None
        if contact_id is None:
            return None
        contact = own.contacts.get(contact_id)
        if contact is None:
            raise Invalid.at("contactId", "is no contact of this workspace")
        if event is not None and event.contact_id != contact.id:
            raise Invalid.at("eventId", "is not an event of this contact")
        return contact


def _address(body: TestSend) -> str | None:
    """The address that a test goes to.

    Raises:
        Invalid: it is none, or nobody is named.
    """
    if body.to is None and body.contact_id is None:
        raise Invalid.at("to", "is required, or contactId")
    if body.to is None:
        return None
    try:
        columns, _ = read_profile({"email": body.to})
    except Invalid as error:
        raise Invalid.at("to", error.details[0].message) from None
    return columns["email"]


def _to_address(template: Template, rendered: Rendered, found: _Found) -> Order:
    """A message in words already: the address is no contact's, so that nothing could be said of anybody later."""
    return Order(
        template.content.channel,
        TRANSACTIONAL,
        template_id=template.id,
        values=written_for(found.contact.id) if found.contact is not None else None,
        template_version=template.version,
        rendered=msgspec.to_builtins(rendered),
    )


def _to_contact(template: Template, body: TestSend) -> Order:
    return Order(template.content.channel, TRANSACTIONAL, template_id=template.id, values=body.values)


def _recipients(room: WorkingSet, template: Template, found: _Found) -> list[Recipient]:
    assert found.contact is not None
    subject = room.subject(found.contact.id)
    if subject is None:
        raise Invalid.at("contactId", "is no contact of this workspace")
    return of_subject(subject, template.content.channel)


def _queued(room: WorkingSet, order: Order, recipients: list[Recipient], found: _Found) -> list[str]:
    if room.tables.templates.get(order.template_id or 0) is None:
        raise NotFound(NO_SUCH_TEMPLATE)
    origin = Origin(event_id=found.event.id if found.event is not None else None)
    message_ids = []
    for recipient in recipients:
        message = queue(room, order, recipient, origin)
        if isinstance(message, Refused):
            said = [Detail("to", message.detail)] if message.detail is not None else []
            raise Conflict(f"The test cannot be sent: {message.reason}.", said, code="not_sent")
        message_ids.append(show("msg", message.id))
    return message_ids
