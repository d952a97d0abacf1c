"""What endpoints want to hear of.

A kind is the name of what can be told: `contact.created`, `segment.entered`, `event:purchase`. A wish is a kind, or the
beginning of one followed by `*`: `contact.*`, `event:order.*`, `*`. What people do with messages happens as events, so
`message.open` goes by the name `event:message.open` as well.
"""

from collections.abc import Iterable

from ensue.base import bounds
from ensue.base.errors import Invalid

EVENT = "event:"
TEST = "webhook.test"
"""What a test delivery is called. It is told to the endpoint that is tested, whatever that wishes."""

KINDS = (
    "contact.created", "contact.updated", "contact.deleted", "contact.merged",
    "segment.entered", "segment.exited", "score.changed",
    "campaign.enrolled", "campaign.completed", "campaign.exited",
    "message.sent", "message.delivered", "message.failed", "message.unknown",
    "message.open", "message.click", "message.bounce", "message.complaint", "message.unsubscribe",
)  # fmt: skip
"""All that can be told, beside events."""

_FAMILIES = tuple(dict.fromkeys(f"{kind.split('.')[0]}.*" for kind in KINDS))


class Interests:
    """Which endpoints hear of what. It is false when there is nobody to tell anything."""

    def __init__(self, wishes: Iterable[tuple[int, list[str]]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._beginnings: list[tuple[str, int]] = []
        for endpoint_id, kinds in wishes:
            for kind in kinds:
                if kind.endswith("*"):
                    self._beginnings.append((kind[:-1], endpoint_id))
                else:
                    self._exact.setdefault(kind, []).append(endpoint_id)

    def __bool__(self) -> bool:
        return bool(self._exact or self._beginnings)

    def hearing(self, *names: str) -> list[int]:
        """The endpoints, each once, that wish to hear of what goes by these names."""
        found = {
            endpoint_id
            for name in names
            for endpoint_id in (
                *self._exact.get(name, ()),
                *(endpoint for beginning, endpoint in self._beginnings if name.startswith(beginning)),
            )
        }
        return sorted(found)


def names_of_event(event_type: str) -> tuple[str, ...]:
    """The names that an event goes by; the first is the kind that it is told as."""
    name = EVENT + event_type
    return (event_type, name) if event_type in KINDS else (name,)


def sound(wishes: Iterable[str], path: str) -> list[str]:
    """Wishes as they are kept: each once, in the order given.

    Raises:
        Invalid: one that nothing could ever fulfil, by its path.
    """
    kept = list(dict.fromkeys(wishes))
    faults = [(f"{path}[{at}]", fault) for at, wish in enumerate(kept) if (fault := _fault(wish)) is not None]
    if not kept:
        faults.append((path, "must not be empty"))
    if faults:
        raise Invalid.of(faults)
    return kept


def _fault(wish: str) -> str | None:
    if wish == "*" or wish in KINDS or wish in _FAMILIES:
        return None
    if wish.startswith(EVENT):
        event_type = wish.removeprefix(EVENT).removesuffix("*")
        if len(event_type) > bounds.EVENT_TYPE or "*" in event_type or wish == EVENT or event_type.isspace():
            return "must be event:<type>, event:<beginning>* or event:*"
        return None
    return f"must be *, event:<type>, or one of {', '.join((*KINDS, *_FAMILIES))}"
