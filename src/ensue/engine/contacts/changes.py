"""A contact made or changed: stored, noted for the timeline, and evaluated as an event is.

A subject that is changed must have been brought to the present (`identity.held`), or be in the middle of an advance:
what follows is as of `subject.as_of`. Everything here raises `Invalid` for an unsound value, by its path.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.contacts import erasures, profile
from ensue.engine.reactions import campaigns, react
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.contact import Contact
from ensue.model.effects import ContactCard, Effects
from ensue.rules.conditions.channel import CHANNELS, STATUSES


def create(room: WorkingSet, fields: dict[str, Any], cause: Cause) -> tuple[Subject, Effects]:
    """A new contact, and what followed: every segment that it belongs to is entered at once.

    Raises:
        Invalid: an unsound field. Conflict: the e-mail address or external id is another contact's, or was erased.
    """
    columns, attributes = profile.read(fields)
    blank = Contact(room.ids.next(), room.now, room.now, room.now)
    contact = msgspec.structs.replace(blank, **columns, attributes=profile.merged({}, attributes))
    _refuse_taken(room, contact, columns)
    room.tables.contacts.add(contact, _email_key(contact))
    subject = room.hold(Subject.new(room, contact))
    if room.notices is not None:
        room.notices.contact_created(subject)
    changes = _changes(blank, contact)
    _note(subject, changes or {"id": (None, show("ct", contact.id))}, cause)
    touched = room.definitions.for_new_contact(changes)
    effects = react.to_change(subject, touched, cause)
    if room.definitions.dates:
        campaigns.on_fields(subject, {*changes, "createdAt"}, subject.time_zone(), cause, effects)
    return subject, effects


def update(subject: Subject, fields: dict[str, Any], cause: Cause) -> Effects:
    """Set fields, by their API names; null clears one. Attributes are merged name by name, null removing one.

    Raises:
        Invalid: an unsound field. Conflict: the e-mail address or external id is another contact's, or was erased.
    """
    columns, attributes = profile.read(fields)
    old = subject.contact
    contact = msgspec.structs.replace(
        old, **columns, attributes=profile.merged(old.attributes, attributes) if attributes else old.attributes
    )
    changes = _changes(old, contact)
    if not changes:
        return react.to_change(subject, (), cause)
    _refuse_taken(subject.room, contact, columns)
    zone_before = subject.time_zone()
    _store(subject, contact)
    _note(subject, changes, cause)
    effects = react.to_change(subject, _watching_fields(subject.room, changes), cause)
    if subject.room.definitions.dates:
        campaigns.on_fields(subject, changes, zone_before, cause, effects)
    return effects


def fill(subject: Subject, other: Contact, cause: Cause) -> None:
    """Take from a contact that was merged into this one what this one lacks. What follows is the merge's affair.

    Raises:
        Invalid: together they have more attributes than a contact may hold.
    """
    own = subject.contact
    lacking = {column: getattr(other, column) for column in profile.NAMES if getattr(own, column) is None}
    attributes = profile.merged(other.attributes, own.attributes) if other.attributes else own.attributes
    contact = msgspec.structs.replace(own, **lacking, attributes=attributes)
    changes = _changes(own, contact)
    if changes:
        zone_before = subject.time_zone()
        _store(subject, contact)
        silent = msgspec.structs.replace(cause, triggers=False)
        campaigns.on_fields(subject, changes, zone_before, silent, Effects())
    if (notices := subject.room.notices) is not None:
        notices.contact_merged(subject, other.id)
    _note(subject, {**changes, "merged": (show("ct", other.id), show("ct", own.id))}, cause)


def add_tag(subject: Subject, name: str, cause: Cause) -> Effects:
    """Put a tag on the contact; the tag is made when it is new. Nothing happens when the contact has it."""
    name = profile.read_tag(name)
    if name in subject.tags:
        return react.to_change(subject, (), cause)
    contacts = subject.room.tables.contacts
    tag_id = contacts.tag_id(name)
    if tag_id is None:
        tag_id = subject.room.ids.next()
        contacts.add_tag(tag_id, name, subject.as_of)
    contacts.tag(subject.id, tag_id, subject.as_of)
    subject.tags[name] = tag_id
    return _tagged(subject, name, cause, now_has=True)


def remove_tag(subject: Subject, name: str, cause: Cause) -> Effects:
    """Take a tag off the contact. Nothing happens when the contact does not have it."""
    name = profile.read_tag(name)
    tag_id = subject.tags.pop(name, None)
    if tag_id is None:
        return react.to_change(subject, (), cause)
    subject.room.tables.contacts.untag(subject.id, tag_id)
    return _tagged(subject, name, cause, now_has=False)


def set_consent(subject: Subject, channel: str, status: str, source: str, cause: Cause) -> Effects:
    """Set the consent on a channel: OPTED_IN, OPTED_OUT, PENDING or UNKNOWN; `source` says where it was given."""
    faults = []
    if channel not in CHANNELS:
        faults.append(("channel", f"must be one of {', '.join(CHANNELS)}"))
    if status not in STATUSES:
        faults.append(("status", f"must be one of {', '.join(STATUSES)}"))
    if not 0 < len(source) <= bounds.CONSENT_SOURCE:
        faults.append(("source", f"must have 1 to {bounds.CONSENT_SOURCE} characters"))
    if faults:
        raise Invalid.of(faults)
    before = subject.consent(channel)
    subject.room.tables.contacts.set_consent(subject.id, channel, status, source, subject.as_of)
    if status == before:
        return react.to_change(subject, (), cause)
    subject.consents[channel] = status
    _note(subject, {f"consents.{channel}": (before, status)}, cause)
    return react.to_change(subject, subject.room.definitions.watching_channel(channel), cause)


def set_static(subject: Subject, segment_id: int, member: bool, cause: Cause) -> Effects:
    """Put the contact on the list of a STATIC segment, or take it off.

    Raises:
        NotFound: there is no such segment. Conflict: its rules alone decide who is in it.
    """
    compiled = subject.room.definitions.segments.get(segment_id)
    if compiled is None:
        raise NotFound("There is no such segment in this workspace.")
    if compiled.segment.type != "STATIC":
        raise Conflict("Only a STATIC segment is changed by hand; this one follows its rules.", code="not_static")
    if member == subject.in_segment(segment_id):
        return react.to_change(subject, (), cause)
    return react.to_listing(subject, compiled.segment, member, cause)


def _tagged(subject: Subject, name: str, cause: Cause, *, now_has: bool) -> Effects:
    _store(subject, subject.contact)
    _note(subject, {f"tags.{name}": (not now_has, now_has)}, cause)
    definitions = subject.room.definitions
    touched = definitions.watching_tag(name) | definitions.watching_field("updatedAt")
    return react.to_change(subject, touched, cause)


def _store(subject: Subject, contact: Contact) -> None:
    contact = msgspec.structs.replace(contact, updated_at=subject.as_of)
    subject.contact = contact
    subject.card = ContactCard(contact.id, contact.email, contact.first_name, contact.last_name)
    subject.room.tables.contacts.change(contact, _email_key(contact))


def _note(subject: Subject, changes: dict[str, tuple[object, object]], cause: Cause) -> None:
    if (notices := subject.room.notices) is not None:
        notices.contact_changed(subject, changes)
    text = json.encode_text({name: {"from": old, "to": new} for name, (old, new) in changes.items()})
    subject.room.tables.contacts.add_change(subject.id, subject.room.ids.next(), subject.as_of, text, cause.text())


def _changes(old: Contact, new: Contact) -> dict[str, tuple[object, object]]:
    """What differs, as rules name it: (before, after) of each field and of each attribute by its first name."""
    changes: dict[str, tuple[object, object]] = {
        name: (getattr(old, column), getattr(new, column))
        for column, name in profile.NAMES.items()
        if getattr(old, column) != getattr(new, column)
    }
    if new.attributes is not old.attributes:
        for name in sorted(old.attributes.keys() | new.attributes.keys()):
            before, after = old.attributes.get(name), new.attributes.get(name)
            # Compared as JSON: to Python, 1 is True and 1.0, to a rule it is not.
            if json.canonical(before) != json.canonical(after):
                changes[f"attributes.{name}"] = (before, after)
    return changes


def _watching_fields(room: WorkingSet, names: Iterable[str]) -> set[int]:
    watching = room.definitions.watching_field
    return {segment_id for name in (*names, "updatedAt") for segment_id in watching(name)}


def _email_key(contact: Contact) -> str | None:
    return profile.email_key(contact.email) if contact.email is not None else None


def _refuse_taken(room: WorkingSet, contact: Contact, columns: Iterable[str]) -> None:
    contacts = room.tables.contacts
    key, external_id = _email_key(contact), contact.external_id
    if "email" in columns and key is not None:
        _refuse("email", contacts.id_by_email(key), contact)
        erasures.refuse(room, "email", key)
    if "external_id" in columns and external_id is not None:
        _refuse("externalId", contacts.id_by_external_id(external_id), contact)
        erasures.refuse(room, "externalId", external_id)


def _refuse(field: str, owner: int | None, contact: Contact) -> None:
    if owner is not None and owner != contact.id:
        sentence = f"belongs to contact {show('ct', owner)}"
        raise Conflict(f"{field}: {sentence}", [Detail(field, sentence)], code=f"{field}_taken")
