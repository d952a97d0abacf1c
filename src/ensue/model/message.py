"""What is sent to whom, and what has become of it."""

from typing import Any, Final

import msgspec

from ensue.base.ids import show

CHANNELS: Final = ("EMAIL", "TELEGRAM", "PUSH", "WEBHOOK")

MARKETING: Final = "MARKETING"
TRANSACTIONAL: Final = "TRANSACTIONAL"
KINDS: Final = (MARKETING, TRANSACTIONAL)

QUEUED: Final = "QUEUED"
SENDING: Final = "SENDING"
UNKNOWN: Final = "UNKNOWN"
FAILED: Final = "FAILED"
SENT: Final = "SENT"
DELIVERED: Final = "DELIVERED"
BOUNCED: Final = "BOUNCED"
OPENED: Final = "OPENED"
CLICKED: Final = "CLICKED"
UNSUBSCRIBED: Final = "UNSUBSCRIBED"

STATUSES: Final = (
    QUEUED, SENDING, UNKNOWN, FAILED, SENT, DELIVERED, BOUNCED, OPENED, CLICKED, UNSUBSCRIBED,
)  # fmt: skip
"""In their order: a message only ever takes one that stands after its own. Only a person who orders a replay takes it
back to the first."""


def before(status: str) -> tuple[str, ...]:
    """The statuses from which a message may take this one."""
    return STATUSES[: STATUSES.index(status)]


class Reason:
    """Why a message was not sent, or not queued at all, as `reason` says it."""

    NO_ADDRESS: Final = "NO_ADDRESS"
    OPTED_OUT: Final = "OPTED_OUT"
    NOT_CONFIRMED: Final = "NOT_CONFIRMED"
    SUPPRESSED: Final = "SUPPRESSED"
    CAPPED: Final = "CAPPED"
    QUIET_HOURS: Final = "QUIET_HOURS"
    CONTACT_GONE: Final = "CONTACT_GONE"
    CAMPAIGN_PAUSED: Final = "CAMPAIGN_PAUSED"
    CAMPAIGN_ENDED: Final = "CAMPAIGN_ENDED"
    ENROLLMENT_ENDED: Final = "ENROLLMENT_ENDED"
    NO_SENDER: Final = "NO_SENDER"
    NO_TEMPLATE: Final = "NO_TEMPLATE"
    NOT_RENDERED: Final = "NOT_RENDERED"
    CANCELLED: Final = "CANCELLED"
    REJECTED: Final = "REJECTED"
    # Every try was put off: a dead letter, which a person can replay.
    GAVE_UP: Final = "GAVE_UP"
    # The process ended, or the connection, in the middle of a hand-over.
    INTERRUPTED: Final = "INTERRUPTED"


class Message(msgspec.Struct, frozen=True):
    """One message to one address. Times in milliseconds.

    `content` is what the campaign or the caller said, None when it names a template; `rendered` is what is sent, made
    at the first try and the same at every later one. `values` are those of the caller. `reason` and `detail` say why it
    is not under way: a word of `Reason`, and a sentence. `attempt` counts the hand-overs that were begun, `tries` those
    since it was queued last; `leased` says that one is under way, until `due_at` at the latest.
    """

    id: int
    channel: str
    kind: str
    status: str
    created_at: int
    updated_at: int
    contact_id: int | None = None
    address: str | None = None
    template_id: int | None = None
    template_version: int | None = None
    content: dict[str, Any] | None = None
    values: dict[str, Any] | None = None
    rendered: dict[str, Any] | None = None
    campaign_id: int | None = None
    version: int | None = None
    enrolment_id: int | None = None
    node_id: str | None = None
    event_id: int | None = None
    attempt: int = 0
    tries: int = 0
    leased: bool = False
    due_at: int | None = None
    reason: str | None = None
    detail: str | None = None
    provider_id: str | None = None
    handed_at: int | None = None
    sent_at: int | None = None
    delivered_at: int | None = None
    opened_at: int | None = None
    clicked_at: int | None = None


def written_for(contact_id: int) -> dict[str, str]:
    """The values of a test that speaks of a contact and goes to somebody else, so that erasing the contact finds it."""
    return {"writtenFor": show("ct", contact_id)}


class Attempt(msgspec.Struct, frozen=True):
    """One hand-over that is over.

    `outcome` is ACCEPTED, DEFERRED, REJECTED or UNKNOWN; `next_at` is when it is tried again.
    """

    message_id: int
    attempt: int
    outcome: str
    reason: str | None
    started_at: int
    ended_at: int
    next_at: int | None


class Device(msgspec.Struct, frozen=True):
    """Where a contact can be reached on a channel: a chat, a push subscription. `detail` is the channel's own."""

    id: int
    contact_id: int
    channel: str
    address: str
    detail: dict[str, Any]
    created_at: int
    gone_at: int | None = None


class Sender(msgspec.Struct, frozen=True):
    """How a workspace sends on a channel. `secret` is sealed."""

    channel: str
    settings: dict[str, Any]
    secret: bytes | None
    updated_at: int
