"""Which contact is meant: by id, by e-mail address or external id, by session."""

from typing import Any

from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine import timers
from ensue.engine.contacts import changes, erasures, profile
from ensue.engine.ingest import attribute_session
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.contact import Contact
from ensue.model.effects import Effects
from ensue.store.ports import WorkspaceTables


def held(room: WorkingSet, contact_id: int) -> Subject:
    """A contact by its id, or by one that was merged into it, brought to the present.

    Raises:
        NotFound: there is no such contact. Conflict: it was erased.
    """
    subject = room.subject(contact_id)
    if subject is None:
        erasures.refuse(room, "contactId", show("ct", contact_id))
        raise NotFound("There is no such contact in this workspace.")
    timers.advance(subject, room.now)
    return subject


def stored(tables: WorkspaceTables, contact_id: int) -> Contact:
    """A contact as it is stored, by its id or by one that was merged into it; for questions.

    Raises:
        NotFound: there is no such contact.
    """
    contact = tables.contacts.get(contact_id)
    if contact is None and (survivor := tables.contacts.survivor(contact_id)) is not None:
        contact = tables.contacts.get(survivor)
    if contact is None:
        raise NotFound("There is no such contact in this workspace.")
    return contact


def match(room: WorkingSet, fields: dict[str, Any]) -> Subject | None:
    """The contact that has the external id, else the one that has the e-mail address, of some fields.

    Raises:
        Invalid: there is neither. Conflict: they belong to two contacts.
    """
    columns, _ = profile.read({name: fields[name] for name in ("email", "externalId") if name in fields})
    email, external_id = columns.get("email"), columns.get("external_id")
    if email is None and external_id is None:
        raise Invalid.of([("externalId", "is required, or email"), ("email", "is required, or externalId")])
    tables = room.tables.contacts
    by_external_id = tables.id_by_external_id(external_id) if external_id is not None else None
    by_email = tables.id_by_email(profile.email_key(email)) if email is not None else None
    if by_external_id is not None and by_email is not None and by_external_id != by_email:
        raise Conflict(
            "The external id and the e-mail address belong to two contacts; merge them first.",
            [
                Detail("externalId", f"belongs to contact {show('ct', by_external_id)}"),
                Detail("email", f"belongs to contact {show('ct', by_email)}"),
            ],
            code="two_contacts",
        )
    found = by_external_id if by_external_id is not None else by_email
    return held(room, found) if found is not None else None


def upsert(room: WorkingSet, fields: dict[str, Any], cause: Cause) -> tuple[Subject, Effects, bool]:
    """Change the contact that the external id or e-mail address names, or create it: (contact, effects, created)."""
    subject = match(room, fields)
    if subject is None:
        return *changes.create(room, fields, cause), True
    return subject, changes.update(subject, fields, cause), False


def identify_session(room: WorkingSet, subject: Subject, key: str) -> Effects:
    """Tie a browser session to a contact. Its anonymous events of the last 30 days become the contact's, as late ones.

    Raises:
        Conflict: the session is another contact's already, or was erased.
    """
    known = room.known_session(key)
    if known is None:
        erasures.refuse(room, "sessionId", key)
    owner = known[1] if known is not None else None
    if owner == subject.id:
        return Effects(subject.score, subject.score)
    if owner is not None:
        sentence = f"belongs to contact {show('ct', owner)}"
        raise Conflict(f"sessionId: {sentence}", [Detail("sessionId", sentence)], code="session_taken")
    return attribute_session(room, subject, key)
