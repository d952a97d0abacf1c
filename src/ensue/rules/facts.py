"""What a rule may ask of a contact. The engine implements this over its working set."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from ensue.model.event import Event


class Missing:
    """The one value of a field that is not there; null counts as this too."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class Log(Protocol):
    """The contact's own events, as stored.

    Conditions take from it again what they folded before: when a state is folded or asked, it must hold the events
    that were folded into that state, and no others of their types.
    """

    def events(self, types: frozenset[str], after: int | None, upto: int) -> Iterable[Event]:
        """Events of these types with `after < timestamp <= upto`, ascending by (timestamp, id)."""
        ...


class Facts(Protocol):
    """One contact at one instant. Everything is already loaded, except what `log` reads."""

    @property
    def log(self) -> Log:
        """The contact's stored events."""
        ...

    def field(self, name: str) -> object:
        """The value of a contact field (`email`, `score`, `createdAt`, `attributes`), or MISSING.

        Instants (`createdAt`, `updatedAt`) come as whole milliseconds; `attributes` as a dict.
        """
        ...

    def time_zone(self) -> str:
        """The IANA name of the contact's time zone, else of the workspace's, else `UTC`."""
        ...

    def has_tag(self, tag: str) -> bool:
        """Whether the contact has the tag of this name."""
        ...

    def consent(self, channel: str) -> str:
        """OPTED_IN, OPTED_OUT, PENDING or UNKNOWN for a channel."""
        ...

    def in_segment(self, segment_id: int) -> bool:
        """Whether the contact is a member now."""
        ...

    def score_changes_at(self) -> int | None:
        """The next instant at which decay alone changes the score."""
        ...

    def state(self, key: str) -> Any:
        """The kept state of the event or sequence condition with this content key; None before its first event."""
        ...
