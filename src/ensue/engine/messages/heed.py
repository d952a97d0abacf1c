"""What quiet hours and frequency caps say of one message, asked by `admission`.

A message that quiet hours hold is judged by the caps as of the instant at which it will be free to go.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ensue.engine.campaigns.version import compile_version
from ensue.engine.messages.frequency import Sent, capped, reach
from ensue.engine.messages.limits import Limits
from ensue.engine.messages.orders import Held, Recipient, Refused
from ensue.engine.messages.quiet_hours import held_until
from ensue.model.message import MARKETING, Message, Reason

if TYPE_CHECKING:
    from ensue.engine.working_set import WorkingSet

# These reach a program and disturb nobody.
_UNHEARD = "WEBHOOK"


def heed(room: "WorkingSet", message: Message, recipient: Recipient) -> Held | Refused | None:
    """Hold a message to the end of the quiet hours, or refuse it when a cap is reached; None when it may go."""
    if message.kind != MARKETING or message.channel == _UNHEARD or recipient.contact is None:
        return None
    limits = _limits(room, message)
    zone = recipient.contact.time_zone or room.definitions.workspace.time_zone
    until = held_until(limits.quiet_hours, room.now, zone) if limits.quiet_hours is not None else None
    at = room.now if until is None else until
    if limits.caps:
        sent = list(_sent(room, message, at - reach(limits.caps), at))
        cap = capped(limits.caps, message.channel, sent, at)
        if cap is not None:
            return Refused(Reason.CAPPED, cap.text)
    return Held(until, Reason.QUIET_HOURS) if until is not None else None


def _limits(room: "WorkingSet", message: Message) -> Limits:
    default = room.definitions.limits
    if message.campaign_id is None or message.version is None:
        return default
    versions, pinned = room.definitions.listening.versions, (message.campaign_id, message.version)
    if pinned not in versions:
        # Nobody runs through this version any more, but its messages are still on their way.
        bodies = room.tables.definitions.campaign_versions([pinned])
        if pinned not in bodies:
            return default
        versions[pinned] = compile_version(bodies[pinned])
    return versions[pinned].settings.limits.over(default)


def _sent(room: "WorkingSet", message: Message, since: int, at: int) -> Iterator[Sent]:
    """The other messages that count, past an instant: those handed over, and those before this one in the queue.

    The messages of one node to several devices of a contact are one message.
    """
    assert message.contact_id is not None
    known: set[object] = {_node(message)}
    stored = room.tables.messages.counted(message.contact_id, message.id, since)
    for other in (*stored, *(m for m in room.messages if m.contact_id == message.contact_id and m.id != message.id)):
        if other.kind == MARKETING and other.channel != _UNHEARD and _node(other) not in known:
            known.add(_node(other))
            yield Sent(min(other.handed_at or at, at), other.channel)


def _node(message: Message) -> object:
    if message.enrolment_id is None:
        return message.id
    return message.enrolment_id, message.node_id, message.channel, message.created_at
