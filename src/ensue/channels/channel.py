"""What a channel is given, and what it says became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ensue.model.handover import Accepted, Deferred, Handover, Rejected, Unknown
from ensue.model.template import Rendered

__all__ = ["Accepted", "Channel", "Deferred", "Handover", "Parcel", "Rejected", "Unknown"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, ready to be handed over.

    Attributes:
        message_id: its public id, the same at every try; what others recognise a repetition by.
        address: where to: a mail address, a chat, the endpoint of a subscription, a URL.
        content: the rendered texts.
        settings: those of the workspace's sender, its secret opened.
        attempt: which try this is, from 1.
        detail: what else belongs to the address, such as the keys of a push subscription.
        headers: what the mail says to machines beside the usual, such as `List-Unsubscribe`.
    """

    message_id: str
    workspace_id: int
    channel: str
    address: str
    content: Rendered
    settings: Mapping[str, Any]
    attempt: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """`EMAIL`."""
        ...

    @property
    def resends_unknown(self) -> bool:
        """Whether a message that may have been taken is handed over again.

        For a channel whose other side knows a repetition when it sees one, or where two are better than none.
        """
        ...

    async def hand_over(self, parcel: Parcel) -> Handover:
        """Try once. Comes back within a minute, and raises nothing that it can foresee."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
