"""The path of one event: resolve, append, react, answer. One event is a batch of one.

Called with the events that concurrent requests brought, inside the transaction that they share. Nothing here commits;
a request is answered after its transaction is durable.
"""

from collections.abc import Sequence

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine import timers
from ensue.engine.arrival import Arrival, Created, Outcome, Refused
from ensue.engine.contacts import erasures, reach
from ensue.engine.definitions import SEQUENCES
from ensue.engine.reactions import react
from ensue.engine.subject import Subject
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.effects import Answer, Effects, together
from ensue.model.event import IMPORT, Event

_answers = msgspec.json.Decoder(Answer)


def ingest(room: WorkingSet, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Store events of one workspace in order, with all that follows from them; one outcome for each."""
    event_ids = [room.ids.next() for _ in arrivals]
    # First of all: what was stored before has its answer already, whatever has become of the contact meanwhile.
    gained = _claim(room, arrivals, event_ids)
    _load(room, arrivals)
    outcomes: list[Outcome] = []
    used: dict[bytes, tuple[bytes, Created]] = {}
    for arrival, event_id in zip(arrivals, event_ids, strict=True):
        try:
            outcome: Outcome = _replayed_here(arrival, used) or _ingest_one(room, arrival, event_id, gained)
        except (Invalid, NotFound, Conflict) as error:
            outcome = Refused(error)
            if arrival.key not in used:
                _release(room, arrival, gained)
        if arrival.key is not None and isinstance(outcome, Created):
            used.setdefault(arrival.key, (arrival.fingerprint, outcome))
        outcomes.append(outcome)
    timers.settle(room)
    room.write()
    return outcomes


def _claim(room: WorkingSet, arrivals: Sequence[Arrival], event_ids: Sequence[int]) -> set[bytes]:
    """Take the keys of the events in one statement; those that nobody had before."""
    claims: dict[bytes, tuple[bytes, bytes, int]] = {}
    for arrival, event_id in zip(arrivals, event_ids, strict=True):
        if arrival.key is not None:
            claims.setdefault(arrival.key, (arrival.key, arrival.fingerprint, event_id))
    # In one order, so that two transactions never wait for each other.
    return room.tables.keys.claim_all([claims[key] for key in sorted(claims)]) if claims else set()


def _release(room: WorkingSet, arrival: Arrival, gained: set[bytes]) -> None:
    """Give back the key of an event that was refused: the same one, put right, may come with it."""
    if arrival.key is not None and arrival.key in gained:
        room.tables.keys.release(arrival.key)
        gained.remove(arrival.key)


def _load(room: WorkingSet, arrivals: Sequence[Arrival]) -> None:
    """Read what the events will ask for in a few statements, however many they are."""
    in_sessions = [(a.session_id, a.contact_id) for a in arrivals if a.session_id is not None]
    room.hold_sessions((key for key, _ in in_sessions), (key for key, contact_id in in_sessions if contact_id is None))
    by_type: dict[str, list[int]] = {}
    for arrival in arrivals:
        contact_id = arrival.contact_id or room.owner(arrival.session_id)
        if contact_id is not None:
            by_type.setdefault(arrival.type, []).append(contact_id)
    room.hold_all(contact_id for contact_ids in by_type.values() for contact_id in contact_ids)
    for event_type, contact_ids in by_type.items():
        plan = room.definitions.plan(event_type)
        if plan.single or plan.scoring:
            room.hold_tallies(room.type_id(event_type), contact_ids)
        if plan.sequences:
            room.hold_tallies(SEQUENCES, contact_ids)


def _ingest_one(room: WorkingSet, arrival: Arrival, event_id: int, gained: set[bytes]) -> Created:
    if not _is_new(room, arrival, event_id, gained):
        return _replayed(room, arrival)
    timestamp = _timestamp(room, arrival)
    subject = _named(room, arrival)
    if subject is None and arrival.session_id is not None and room.known_session(arrival.session_id) is None:
        erasures.refuse(room, "sessionId", arrival.session_id)
    session_id, owner = room.session(arrival.session_id) if arrival.session_id is not None else (None, None)
    if subject is None and owner is not None:
        subject = room.subject(owner)
    apart = session_id is not None and (subject is None or owner not in {None, subject.id})
    event = _event(arrival, event_id, timestamp, subject)
    if subject is None:
        effects = Effects()
    else:
        timers.advance(subject, room.now)
        if session_id is not None and owner is None:
            attribute_session(room, subject, event.session_id)
        subject.appended.append(event)
        effects = react.to_event(subject, event, Cause("EVENT", event_id, arrival.depth, arrival.triggers))
    card = subject.card if subject is not None else None
    room.append(event, session_id, arrival.metadata_text, json.encode_text(Answer(card, effects)), apart=apart)
    return Created(event, arrival.metadata_text, card, effects)


def attribute_session(room: WorkingSet, subject: Subject, key: str | None) -> Effects:
    """Tie a session to a contact and give it the session's anonymous events, as late events; all that followed."""
    assert key is not None
    room.link(key, subject.id)
    room.write_events()
    session_id, _ = room.session(key)
    reach.adopt(room, session_id, subject.id)
    events = [
        msgspec.structs.replace(event, contact_id=subject.id)
        for event in room.tables.events.unattributed(session_id, room.now - bounds.ATTRIBUTION)
    ]
    followed = react.to_attributed(subject, events, lambda event: room.tables.events.attribute(event.id, subject.id))
    for event, effects in zip(events, followed, strict=True):
        room.tables.events.keep_effects(event.id, json.encode_text(effects))
    return together(followed) if followed else Effects(subject.score, subject.score)


def _is_new(room: WorkingSet, arrival: Arrival, event_id: int, gained: set[bytes]) -> bool:
    """Whether its key is its own. One that was given back in this transaction can be taken again."""
    if arrival.key is None or arrival.key in gained:
        return True
    if room.tables.keys.claim(arrival.key, arrival.fingerprint, event_id):
        gained.add(arrival.key)
        return True
    return False


def _timestamp(room: WorkingSet, arrival: Arrival) -> int:
    if arrival.timestamp is None:
        return min(arrival.received_at, room.now)
    if arrival.timestamp > room.now + bounds.CLOCK_SKEW:
        raise Invalid.at("timestamp", "must not be more than 5 minutes in the future")
    return min(arrival.timestamp, room.now)


def _named(room: WorkingSet, arrival: Arrival) -> Subject | None:
    """The contact that the event names."""
    if arrival.contact_id is None:
        return None
    subject = room.subject(arrival.contact_id)
    if subject is None:
        erasures.refuse(room, "contactId", show("ct", arrival.contact_id))
        raise NotFound("There is no such contact in this workspace.")
    return subject


def _event(arrival: Arrival, event_id: int, timestamp: int, subject: Subject | None) -> Event:
    return Event(
        event_id,
        arrival.type,
        timestamp,
        arrival.received_at,
        subject.id if subject is not None else None,
        arrival.metadata,
        arrival.session_id,
        arrival.page_url,
        arrival.referrer,
        arrival.utm_source,
        arrival.utm_medium,
        arrival.utm_campaign,
        arrival.source if arrival.triggers else IMPORT,
        arrival.cause_id,
        arrival.depth,
    )


def _replayed_here(arrival: Arrival, claimed: dict[bytes, tuple[bytes, Created]]) -> Created | None:
    """The answer to a key that this very transaction has used already."""
    if arrival.key is None or arrival.key not in claimed:
        return None
    fingerprint, created = claimed[arrival.key]
    _same_body(arrival, fingerprint)
    return msgspec.structs.replace(created, replayed=True)


def _replayed(room: WorkingSet, arrival: Arrival) -> Created:
    assert arrival.key is not None
    used = room.tables.keys.find(arrival.key)
    assert used is not None
    fingerprint, event_id = used
    _same_body(arrival, fingerprint)
    kept = room.tables.events.get(event_id)
    if kept is None:
        raise NotFound("The event of this key has been erased.")
    event, answer_text, _ = kept
    answer = _answers.decode(answer_text or "[null,[]]")
    contact_id = answer.contact.id if answer.contact is not None else None
    event = msgspec.structs.replace(event, contact_id=contact_id)
    text = json.encode_text(event.metadata) if event.metadata else arrival.metadata_text
    return Created(event, text, answer.contact, answer.effects, replayed=True)


def _same_body(arrival: Arrival, fingerprint: bytes) -> None:
    if fingerprint != arrival.fingerprint:
        raise Conflict("This idempotency key was used with another body.", code="idempotency_key_reused")
