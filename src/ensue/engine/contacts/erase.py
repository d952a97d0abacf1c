"""A contact that goes: deleted, so that the same person may come back as a new one, or erased, so that nobody can.

Both keep what was counted. After a deletion the events are anonymous ones like any other, with their metadata and
sessions: a person who comes back with a session of the last 30 days has its events again. After an erasure no row says
anything of the person, and an event, a contact or a change that names them is refused.
"""

from collections.abc import Callable

import msgspec

from ensue.base import json
from ensue.base.ids import show
from ensue.engine.contacts import erasures, profile
from ensue.engine.subject import Subject
from ensue.model.cause import Cause

_KEYS: dict[str, Callable[[str], str]] = {"email": profile.email_key, "externalId": str}


def delete(subject: Subject) -> None:
    """Delete a contact. Its stays and enrolments end now, and nothing follows from that."""
    _leave(subject, Cause("DELETE"), "DELETED")
    _let_go(subject, erased=False)


def erase(subject: Subject) -> None:
    """Erase a contact and whoever was merged into it, and refuse their identities from now on."""
    _leave(subject, Cause("ERASE"), "ERASED")
    _remember(subject)
    subject.room.tables.belongings.wipe(subject.id)
    if subject.contact.email is not None:
        # Forms that wait for the address to be confirmed are not tied to anybody yet.
        subject.room.tables.form_submissions.forget_pending(profile.email_key(subject.contact.email))
    _let_go(subject, erased=True)


def _leave(subject: Subject, cause: Cause, reason: str) -> None:
    at = subject.as_of
    for segment_id in list(subject.memberships):
        subject.exit(segment_id, at, cause.text())
    for enrolment in list(subject.active.values()):
        ended = msgspec.structs.replace(enrolment, status="EXITED", wake_at=None, ended_at=at, end_reason=reason)
        subject.put_enrolment(ended)
    # From here on the rows must be complete, and nothing may be written to the contact any more.
    subject.room.write()


def _let_go(subject: Subject, *, erased: bool) -> None:
    if (notices := subject.room.notices) is not None:
        notices.contact_left(subject, erased=erased)
    subject.room.tables.belongings.let_go(subject.id)
    subject.room.tables.contacts.remove(subject.id)


def _remember(subject: Subject) -> None:
    room, belongings = subject.room, subject.room.tables.belongings
    for old_id in (subject.id, *belongings.old_ids(subject.id)):
        erasures.remember(room, "contactId", show("ct", old_id))
    for key in belongings.sessions(subject.id):
        erasures.remember(room, "sessionId", key)
    for kind, value in sorted(_identities(subject)):
        erasures.remember(room, kind, value)
        if kind == "email":
            # The hash keeps mail from the address from now on, and says nothing of anybody.
            room.tables.suppressions.forget("EMAIL", value)


def _identities(subject: Subject) -> set[tuple[str, str]]:
    """(kind, value) of all addresses and external ids that the contact has or had and that are nobody else's now."""
    contact, contacts = subject.contact, subject.room.tables.contacts
    said = [("email", contact.email), ("externalId", contact.external_id)]
    for text in contacts.changes(subject.id):
        for kind, change in json.decode(text).items():
            if kind in _KEYS:
                said += [(kind, change["from"]), (kind, change["to"])]
    found = {(kind, _KEYS[kind](value)) for kind, value in said if value is not None}
    owner = {"email": contacts.id_by_email, "externalId": contacts.id_by_external_id}
    return {(kind, value) for kind, value in found if owner[kind](value) in {None, subject.id}}
