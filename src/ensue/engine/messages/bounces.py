"""What mail servers report of messages: that they came, that they came back, that somebody complained.

| report | message | address | consent | event, once for each message |
|---|---|---|---|---|
| delivered | DELIVERED | | | |
| hard bounce: there is no such mailbox | BOUNCED | suppressed | | `message.bounce` |
| soft bounce: not taken this time | BOUNCED | | | `message.bounce` |
| complaint | UNSUBSCRIBED | suppressed | OPTED_OUT | `message.complaint` |

A report that names an address and no message does the same to the address and its contact.
"""

from typing import Final, Literal, NamedTuple

from ensue.base import bounds
from ensue.engine import timers
from ensue.engine.contacts import changes, profile
from ensue.engine.messages import suppression, tracking
from ensue.engine.working_set import WorkingSet
from ensue.model.cause import Cause
from ensue.model.message import BOUNCED, DELIVERED, UNSUBSCRIBED
from ensue.model.suppression import COMPLAINT, HARD_BOUNCE
from ensue.store.ports import Reached

BOUNCE_EVENT: Final = "message.bounce"
COMPLAINT_EVENT: Final = "message.complaint"

ReportKind = Literal["DELIVERED", "HARD_BOUNCE", "SOFT_BOUNCE", "COMPLAINT"]

_CHANNEL: Final = "EMAIL"


class Report(NamedTuple):
    """One report. At least one of message and address is given; `reason` is what the other side said."""

    kind: ReportKind
    message_id: int | None
    address: str | None
    reason: str | None
    at: int


def apply(room: WorkingSet, report: Report) -> bool:
    """Let what follows from a report follow; False when nobody here is meant. Doing it twice changes nothing.

    A report must not name an address that its message did not go to: what it says of the address is not believed then.
    """
    message = room.tables.message_links.message(report.message_id) if report.message_id is not None else None
    if report.message_id is not None and message is None:
        return False
    if message is not None:
        tracking.hold(room, message)
        _mark(room, message, report)
        address = message.address if _same(message.address, report.address) else None
        contact_id = message.contact_id
    else:
        address = report.address
        contact_id = room.tables.contacts.id_by_email(profile.email_key(address)) if address is not None else None
        if contact_id is None and report.kind in {"DELIVERED", "SOFT_BOUNCE"}:
            return False
    if address is not None and report.kind in {HARD_BOUNCE, COMPLAINT}:
        note = report.reason[: bounds.SUPPRESSION_NOTE] if report.reason is not None else None
        suppression.suppress(room, _CHANNEL, address, report.kind, note, message.id if message is not None else None)
    if report.kind == COMPLAINT and contact_id is not None:
        _opt_out(room, contact_id)
    if message is not None:
        _tell(room, message, report)
    return True


def _mark(room: WorkingSet, message: Reached, report: Report) -> None:
    match report.kind:
        case "DELIVERED":
            if room.tables.messages.advance(message.id, DELIVERED, report.at):
                _tell_delivered(room, message.id)
        case "HARD_BOUNCE" | "SOFT_BOUNCE":
            room.tables.messages.advance(message.id, BOUNCED, report.at)
        case "COMPLAINT":
            room.tables.messages.advance(message.id, UNSUBSCRIBED, report.at)


def _tell_delivered(room: WorkingSet, message_id: int) -> None:
    message = room.tables.messages.get(message_id) if room.notices is not None else None
    if room.notices is not None and message is not None:
        room.notices.message(message, room.now)


def _opt_out(room: WorkingSet, contact_id: int) -> None:
    subject = room.subject(contact_id)
    if subject is not None and subject.consent(_CHANNEL) != "OPTED_OUT":
        timers.advance(subject, room.now)
        changes.set_consent(subject, _CHANNEL, "OPTED_OUT", "complaint", Cause("CHANGE"))


def _tell(room: WorkingSet, message: Reached, report: Report) -> None:
    reason = report.reason[: bounds.TEXT] if report.reason is not None else None
    match report.kind:
        case "HARD_BOUNCE" | "SOFT_BOUNCE":
            kind = "HARD" if report.kind == HARD_BOUNCE else "SOFT"
            tracking.record(room, message, BOUNCE_EVENT, report.at, {"kind": kind, "reason": reason})
        case "COMPLAINT":
            tracking.record(room, message, COMPLAINT_EVENT, report.at, {"reason": reason})
        case "DELIVERED":
            pass


def _same(sent_to: str | None, reported: str | None) -> bool:
    if sent_to is None or reported is None:
        return reported is None
    return profile.email_key(sent_to) == profile.email_key(reported)
