"""What became of a hand-over, written once: by who handed over, or by who found that nobody came back."""

from collections.abc import Callable

import msgspec

from ensue.base.retries import next_try
from ensue.engine.contacts import changes, identity
from ensue.engine.messages import bounces
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.handover import Accepted, Deferred, Handover, Rejected, Unknown
from ensue.model.message import BOUNCED, FAILED, SENDING, SENT, UNKNOWN, Attempt, Message, Reason

_SAID = 1_000

INTERRUPTED = Unknown("Nobody came back from the hand-over.")


def settle(
    room: WorkingSet,
    message_id: int,
    attempt: int,
    handover: Handover,
    *,
    resends_unknown: bool,
    draw: Callable[[], float],
) -> bool:
    """Write what became of an attempt. False, and nothing is written, when it is not the current one any more.

    `resends_unknown` is the policy of the channel, `draw` gives the jitter of the next try.
    """
    message = room.tables.messages.get(message_id)
    if message is None or not message.leased or message.attempt != attempt:
        return False
    after = _after(room, message, handover, resends_unknown=resends_unknown, draw=draw)
    if not room.tables.messages.settle(after, attempt, room.now):
        return False
    room.tables.messages.log([_logged(room, after, handover)])
    if after.status == message.status and after.status != SENDING:
        return True
    if room.notices is not None:
        room.notices.message(after, room.now)
    if isinstance(handover, Rejected):
        _follow(room, message, handover)
    return True


def _after(
    room: WorkingSet, message: Message, handover: Handover, *, resends_unknown: bool, draw: Callable[[], float]
) -> Message:
    """The message as it is now."""
    if message.status != SENDING:
        # It was heard of, opened even, before this came back: it was taken, whatever the connection said.
        sent_at = message.sent_at if message.sent_at is not None else room.now
        return msgspec.structs.replace(message, due_at=None, sent_at=sent_at)
    match handover:
        case Accepted(provider_id):
            return msgspec.structs.replace(
                message,
                status=SENT,
                due_at=None,
                sent_at=room.now,
                provider_id=_kept(message, provider_id),
                reason=None,
                detail=None,
            )
        case Rejected(reason, kind):
            status = BOUNCED if kind == "BOUNCED" else FAILED
            return _ended(message, status, Reason.REJECTED, reason)
        case Unknown(reason) if not resends_unknown:
            return _ended(message, UNKNOWN, Reason.INTERRUPTED, reason)
        case Unknown(reason):
            return _again(message, reason, next_try(message.tries, room.now, draw))
        case Deferred(reason, asked):
            return _again(message, reason, next_try(message.tries, room.now, draw, asked))


def _ended(message: Message, status: str, reason: str, detail: str) -> Message:
    return msgspec.structs.replace(message, status=status, due_at=None, reason=reason, detail=_kept(message, detail))


def _again(message: Message, detail: str, at: int | None) -> Message:
    if at is None:
        return _ended(message, FAILED, Reason.GAVE_UP, detail)
    return msgspec.structs.replace(message, status=SENDING, due_at=at, reason=None, detail=_kept(message, detail))


def _logged(room: WorkingSet, after: Message, handover: Handover) -> Attempt:
    started = after.handed_at if after.handed_at is not None else room.now
    outcome = type(handover).__name__.upper()
    reason = None if isinstance(handover, Accepted) else _kept(after, handover.reason)
    return Attempt(after.id, after.attempt, outcome, reason, started, room.now, after.due_at)


def _kept(message: Message, sentence: str | None) -> str | None:
    """What the other side said, fit to be stored; nothing, when the person was erased meanwhile: it may name them."""
    if sentence is None or message.rendered is None:
        return None
    return sentence[:_SAID].encode(errors="replace").decode().replace("\0", "\ufffd")


def _follow(room: WorkingSet, message: Message, rejected: Rejected) -> None:
    """What a refusal says of the address, and so of the next message to it."""
    match rejected.kind:
        case "GONE" if message.address is not None:
            room.tables.devices.gone(message.channel, message.address, room.now)
        case "BLOCKED" if message.contact_id is not None and room.subject(message.contact_id) is not None:
            subject = identity.held(room, message.contact_id)
            if message.address is not None:
                room.tables.devices.gone(message.channel, message.address, room.now)
            # Where they opted out before is where they can opt in again.
            if subject.consent(message.channel) != "OPTED_OUT":
                source = f"{message.channel.lower()}: {rejected.reason}"[:200]
                changes.set_consent(subject, message.channel, "OPTED_OUT", source, Cause("CHANGE"))
        case "BOUNCED" if message.channel == "EMAIL":
            report = bounces.Report("HARD_BOUNCE", message.id, message.address, rejected.reason, room.now)
            bounces.apply(room, report)
        case _:
            pass
