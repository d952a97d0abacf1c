"""What is to be sent, to whom and on whose behalf, and what is said to that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ensue.model.contact import Contact
from ensue.model.message import MARKETING


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be sent: a content, or a template by its id, and what else the texts can speak of.

    `rendered`, when it is in words already: those of `template_version`, for nobody in particular.
    """

    channel: str
    kind: str = MARKETING
    content: dict[str, Any] | None = None
    template_id: int | None = None
    values: dict[str, Any] | None = None
    template_version: int | None = None
    rendered: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """On whose behalf: a run of a campaign, or (all None) a single request."""

    campaign_id: int | None = None
    version: int | None = None
    enrolment_id: int | None = None
    node_id: str | None = None
    event_id: int | None = None


NOBODYS = Origin()


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom: the contact, if it is one, the consents by channel, and the address on the message's channel."""

    contact: Contact | None
    consents: Mapping[str, str]
    address: str | None


class Admitted(NamedTuple):
    """It may be sent."""


class Held(NamedTuple):
    """Not before an instant; None is until somebody releases it."""

    until: int | None
    reason: str


class Refused(NamedTuple):
    """It must not be sent; a word of `Reason`, and perhaps a sentence."""

    reason: str
    detail: str | None = None


Admission = Admitted | Held | Refused
