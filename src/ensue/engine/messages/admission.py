"""Whether a message may be sent now, asked twice: when it is queued, and again at the moment of sending.

The rules on consent:

| kind | EMAIL, TELEGRAM, PUSH | WEBHOOK |
|---|---|---|
| MARKETING | not OPTED_OUT, and not PENDING: who has not confirmed yet is not written to | always |
| TRANSACTIONAL | always | always |

A suppressed address gets nothing of either kind.
"""

from typing import TYPE_CHECKING

from ensue.engine.messages.heed import heed
from ensue.engine.messages.orders import Admission, Admitted, Held, Recipient, Refused
from ensue.engine.messages.suppression import suppressed
from ensue.model.message import MARKETING, Message, Reason

if TYPE_CHECKING:
    from ensue.engine.working_set import WorkingSet

_ENDED_EARLY = frozenset({"EXIT_CONDITION", "GOAL"})


def decide(room: "WorkingSet", message: Message, recipient: Recipient) -> Admission:
    """Whether a message may be sent to somebody at the transaction's instant."""
    if message.channel != "WEBHOOK" and recipient.address is None:
        return Refused(Reason.NO_ADDRESS)
    return (
        _by_suppression(room, message, recipient)
        or _by_consent(message, recipient)
        or _by_campaign(room, message)
        or _by_limits(room, message, recipient)
        or Admitted()
    )


def _by_suppression(room: "WorkingSet", message: Message, recipient: Recipient) -> Refused | None:
    if recipient.address is not None and suppressed(room, message.channel, recipient.address):
        return Refused(Reason.SUPPRESSED)
    return None


def _by_consent(message: Message, recipient: Recipient) -> Refused | None:
    if message.kind != MARKETING or message.channel == "WEBHOOK":
        return None
    match recipient.consents.get(message.channel):
        case "OPTED_OUT":
            return Refused(Reason.OPTED_OUT)
        case "PENDING":
            return Refused(Reason.NOT_CONFIRMED)
        case _:
            return None


def _by_campaign(room: "WorkingSet", message: Message) -> Held | Refused | None:
    """The campaign may have been paused or ended since, and its run may have ended before its time."""
    if message.campaign_id is None:
        return None
    campaign = room.definitions.campaigns.get(message.campaign_id)
    if campaign is None or campaign.status == "ARCHIVED":
        return Refused(Reason.CAMPAIGN_ENDED)
    if message.enrolment_id is not None:
        enrolment = room.tables.enrolments.get(message.enrolment_id)
        if enrolment is not None and enrolment.ended_at is not None and enrolment.end_reason in _ENDED_EARLY:
            return Refused(Reason.ENROLLMENT_ENDED, enrolment.end_reason)
    if campaign.status == "PAUSED":
        return Held(None, Reason.CAMPAIGN_PAUSED)
    return None


def _by_limits(room: "WorkingSet", message: Message, recipient: Recipient) -> Held | Refused | None:
    """Quiet hours and frequency caps, which transactional messages do not heed."""
    return heed(room, message, recipient)
