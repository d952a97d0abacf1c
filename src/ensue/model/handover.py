"""What became of handing a message over, as a channel says it."""

from typing import Literal, NamedTuple


class Accepted(NamedTuple):
    """The other side has it now. `provider_id` is the name that it gave it, if any."""

    provider_id: str | None = None


class Deferred(NamedTuple):
    """Not now; it was not taken. `retry_after_ms` is what the other side asked for, if anything."""

    reason: str
    retry_after_ms: int | None = None


RejectedKind = Literal["BOUNCED", "GONE", "BLOCKED", "INVALID"]


class Rejected(NamedTuple):
    """Not ever.

    BOUNCED: there is no such address. GONE: the subscription is over. BLOCKED: the person does not want it. INVALID: it
    is the message or the sender's settings that are wrong.
    """

    reason: str
    kind: RejectedKind


class Unknown(NamedTuple):
    """It may have been taken: the connection ended before the answer came."""

    reason: str


Handover = Accepted | Deferred | Rejected | Unknown
