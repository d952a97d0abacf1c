"""A form that counts: the contact it is of, what they agreed to, and the event `form.submitted`.

Anybody can send a form, in anybody's name. So what is there already stands: an answer fills what is empty, and lifts
no refusal. Only who has confirmed the address, having seen what would be changed, changes what is known.
"""

from hashlib import blake2b
from typing import Any, Final

from ensue.base import json
from ensue.base.clock import to_iso
from ensue.base.errors import Invalid
from ensue.base.ids import show
from ensue.engine.arrival import Arrival, Refused
from ensue.engine.contacts import changes, identity, profile
from ensue.engine.forms import mapping
from ensue.engine.forms.mapping import Told
from ensue.engine.ingest import ingest
from ensue.engine.messages.suppression import suppressed
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.form import Form, Sent, Submission

EVENT_TYPE: Final = "form.submitted"
SOURCE: Final = "form"


def accept(room: WorkingSet, form: Form, submission: Submission, *, confirmed: bool) -> None:
    """Let a stored submission count, with all that follows, once. What the transaction has changed is written."""
    sent = submission.sent
    assert sent is not None
    told = mapping.told(form, sent.values)
    cause = Cause("FORM", submission.id)
    # The form may ask for the address in another field by now, or for none: only what was confirmed is.
    confirmed = confirmed and told.email is not None and profile.email_key(told.email) == submission.email_key
    subject = _whose(room, told, sent, cause, confirmed=confirmed)
    if subject is not None:
        _agree(subject, form, told, cause, confirmed=confirmed)
        for tag in form.content.tags:
            changes.add_tag(subject, tag, cause)
        listed = form.content.segment_id
        if listed is not None and listed in room.definitions.segments:
            changes.set_static(subject, listed, True, cause)
    arrival = _arrival(room, form, submission, sent, subject.id if subject is not None else None, confirmed=confirmed)
    (outcome,) = ingest(room, [arrival])
    if isinstance(outcome, Refused):
        raise outcome.error
    room.tables.form_submissions.accept(submission.id, outcome.event.contact_id, outcome.event.id, room.now)


def _whose(room: WorkingSet, told: Told, sent: Sent, cause: Cause, *, confirmed: bool) -> Subject | None:
    """The contact with the address; without one, whoever the browser's session is known to be of.

    An address that nobody has makes a new contact, never one of an old contact: it would hand their mail to whoever
    typed it in.
    """
    if told.email is None:
        known = room.known_session(sent.session_id) if sent.session_id is not None else None
        owner = known[1] if known is not None else None
    else:
        owner = room.tables.contacts.id_by_email(profile.email_key(told.email))
        if owner is None:
            fields: dict[str, Any] = {"email": told.email, **told.fields, "attributes": told.attributes}
            subject, _ = changes.create(room, fields, cause)
            return subject
    if owner is None:
        return None
    subject = identity.held(room, owner)
    _tell(subject, told, cause, confirmed=confirmed)
    return subject


def _tell(subject: Subject, told: Told, cause: Cause, *, confirmed: bool) -> None:
    """Set what was said of a known contact: all of it when confirmed, otherwise only what was empty."""
    contact = subject.contact
    fields: dict[str, Any] = {
        name: value
        for name, value in told.fields.items()
        if confirmed or getattr(contact, profile.FIELDS[name][0]) is None
    }
    attributes = {name: v for name, v in told.attributes.items() if confirmed or name not in contact.attributes}
    if fields:
        changes.update(subject, fields, cause)
    if attributes:
        try:
            changes.update(subject, {"attributes": attributes}, cause)
        except Invalid:
            # The contact is full. Whoever sent the form must not learn that; the event has what they said.
            return


def _agree(subject: Subject, form: Form, told: Told, cause: Cause, *, confirmed: bool) -> None:
    """Opt in to what was ticked. Unless confirmed, only where nothing was ever said: no refusal is lifted.

    A complaint is one, too, even where it came before there was a contact.
    """
    channels = list(told.channels)
    if confirmed and not mapping.asks_consent(form, "EMAIL"):
        # A form that asks nothing but the address is a sign-up: confirming it is the consent.
        channels.append("EMAIL")
    for channel in channels:
        if confirmed or (subject.consent(channel) == "UNKNOWN" and not _turned_away(subject, channel)):
            changes.set_consent(subject, channel, "OPTED_IN", f"form {show('frm', form.id)}", cause)


def _turned_away(subject: Subject, channel: str) -> bool:
    address = subject.contact.email
    return channel == "EMAIL" and address is not None and suppressed(subject.room, channel, address)


def _arrival(
    room: WorkingSet, form: Form, submission: Submission, sent: Sent, contact_id: int | None, *, confirmed: bool
) -> Arrival:
    metadata = {
        "formId": show("frm", form.id),
        "formName": form.name,
        "submissionId": show("sub", submission.id),
        "submittedAt": to_iso(submission.created_at),
        "confirmed": confirmed,
        "fields": sent.values,
    }
    return Arrival(
        room.tables.workspace_id,
        EVENT_TYPE,
        room.now,
        contact_id,
        metadata=metadata,
        metadata_text=json.encode_text(metadata),
        session_id=sent.session_id,
        page_url=sent.page_url,
        referrer=sent.referrer,
        utm_source=sent.utm_source,
        utm_medium=sent.utm_medium,
        utm_campaign=sent.utm_campaign,
        source=SOURCE,
        key=blake2b(str(submission.id).encode(), digest_size=16, person=b"form.submitted").digest(),
    )
