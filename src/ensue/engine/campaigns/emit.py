"""An event that a campaign lets happen: it takes the same path as one that was posted."""

from typing import Any

from ensue.base import json
from ensue.engine.reactions import react
from ensue.engine.subject import Subject
from ensue.model.cause import Cause
from ensue.model.effects import Answer, Effects
from ensue.model.event import Event


def emit(subject: Subject, event_type: str, metadata: dict[str, Any], enrolment_id: int, depth: int) -> Effects:
    """Append an event to the contact's log as of now, and react to it."""
    room = subject.room
    event = Event(
        id=room.ids.next(),
        type=event_type,
        timestamp=subject.as_of,
        received_at=room.now,
        contact_id=subject.id,
        metadata=metadata,
        source="campaign",
        cause_id=enrolment_id,
        depth=depth,
    )
    subject.appended.append(event)
    effects = react.to_event(subject, event, Cause("EVENT", event.id, depth))
    text = json.encode_text(metadata) if metadata else None
    room.append(event, None, text, json.encode_text(Answer(subject.card, effects)), apart=False)
    return effects
