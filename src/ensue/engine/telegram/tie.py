"""Tying a chat to a contact: what a deep link does when START is pressed.

A chat that is one known person's already stays theirs: two people who share a phone are told apart by hand, with a
merge. A contact without an e-mail address and external id is nobody known yet, so it is merged into the other.
"""

from typing import Literal

from ensue.base.errors import Conflict, NotFound
from ensue.engine.contacts import changes, identity
from ensue.engine.contacts.merge import merge
from ensue.engine.subject import Subject
from ensue.engine.telegram.link import Link
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause

Outcome = Literal["TIED", "EXPIRED", "USED", "CONTACT_GONE", "CONTACT_KNOWN", "CHAT_TAKEN"]
"""USED: the link has tied another chat. CONTACT_KNOWN: it was made for an anonymous visitor who has since been
recognised, and whoever holds such a link has not shown that it is them. CHAT_TAKEN: the chat is another's."""


def tie(room: WorkingSet, key: str, names: dict[str, str], link: Link) -> Outcome:
    """Tie a chat, by the key of its session, to whom a link names.

    `names` (firstName, lastName) are given to a contact that is made for an anonymous visitor.
    """
    if room.now >= link.expires_at:
        return "EXPIRED"
    session_id, _ = room.session(key)
    used_by = room.tables.telegram.link_used_by(link.id)
    if used_by not in {None, session_id}:
        return "USED"
    outcome = _to_contact(room, key, link) if link.kind == "CONTACT" else _to_session(room, key, names, link)
    if outcome == "TIED":
        room.tables.telegram.forget_links(room.now)
        room.tables.telegram.use_link(link.id, session_id, link.expires_at)
    return outcome


def _to_contact(room: WorkingSet, key: str, link: Link) -> Outcome:
    try:
        contact = identity.held(room, link.subject)
    except (NotFound, Conflict):
        return "CONTACT_GONE"
    return _unite(room, key, contact, (key,))


def _to_session(room: WorkingSet, key: str, names: dict[str, str], link: Link) -> Outcome:
    session = room.tables.telegram.session(link.subject)
    if session is None:
        return "CONTACT_GONE"
    browser, contact_id = session
    contact = identity.held(room, contact_id) if contact_id is not None else None
    if contact is not None and link.kind == "VISITOR" and not _nobody_known(contact):
        return "CONTACT_KNOWN"
    if contact is None:
        contact = owner(room, key)
    if contact is None:
        contact, _ = changes.create(room, dict(names), Cause("CHANGE"))
    return _unite(room, key, contact, (key, browser))


def _unite(room: WorkingSet, key: str, contact: Subject, keys: tuple[str, ...]) -> Outcome:
    """Make the chat and the sessions those of one contact."""
    present = owner(room, key)
    if present is not None and present.id != contact.id:
        if _nobody_known(present):
            contact, _ = merge(room, contact.id, present.id)
        elif _nobody_known(contact):
            contact, _ = merge(room, present.id, contact.id)
        else:
            return "CHAT_TAKEN"
    for one in keys:
        identity.identify_session(room, contact, one)
    return "TIED"


def owner(room: WorkingSet, key: str) -> Subject | None:
    """The contact that a chat is tied to, brought to the present."""
    known = room.known_session(key)
    if known is None or known[1] is None:
        return None
    return identity.held(room, known[1])


def _nobody_known(contact: Subject) -> bool:
    return contact.contact.email is None and contact.contact.external_id is None
