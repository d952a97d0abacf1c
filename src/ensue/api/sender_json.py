"""What a workspace says of how it sends on each channel."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ensue.api.bodies import Answer, Body, ShownInstant, Text
from ensue.base import bounds
from ensue.base.errors import Invalid
from ensue.engine.contacts.profile import read as read_profile
from ensue.model.message import Sender

Channel = Literal["EMAIL", "TELEGRAM", "PUSH", "WEBHOOK"]
Security = Literal["STARTTLS", "TLS", "NONE"]

SECRETS = ("password", "signingSecret")
"""Of all settings, those that are sealed and never shown."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}", re.ASCII)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be the name or the address of a mail server")
    return value


def _mail_address(value: str) -> str:
    try:
        columns, _ = read_profile({"email": value})
    except Invalid as error:
        raise ValueError(error.details[0].message) from None
    address = columns["email"]
    if address is None or not address.rpartition("@")[0].isascii():
        raise ValueError("must be an e-mail address")
    return address


def _one_line(value: str) -> str:
    if any(not letter.isprintable() for letter in value):
        raise ValueError("must not contain line breaks or other control characters")
    return value


def _whom_to_ask(value: str) -> str:
    if not value.startswith(("mailto:", "https://")):
        raise ValueError("must begin with mailto: or https://")
    return value


MailAddress = Annotated[str, Field(max_length=bounds.EMAIL), AfterValidator(_mail_address)]
Line = Annotated[Text, Field(max_length=bounds.NAME), AfterValidator(_one_line)]
Secret = Annotated[str, Field(min_length=1, max_length=1_000)]
PerSecond = Annotated[float | int, Field(gt=0, le=1_000, description="At most so many messages a second")]


class EmailSender(Body):
    """A mail server. `password` stays as it was when it is not said, and null removes it."""

    host: Annotated[str, AfterValidator(_host)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Security = "STARTTLS"
    username: Annotated[str, Field(min_length=1, max_length=bounds.NAME), AfterValidator(_one_line)] | None = None
    password: Secret | None = None
    from_email: MailAddress
    from_name: Line | None = None
    reply_to: MailAddress | None = None
    bounce_address: Annotated[MailAddress | None, Field(description="Where bounces go; unset: `fromEmail`")] = None
    track_opens: bool = True
    track_clicks: bool = True
    per_second: PerSecond | None = None


class WebhookSender(Body):
    """How requests are signed: `signingSecret` (`whsec_…`) is made when there is none yet; null makes another one."""

    signing_secret: Secret | None = None
    per_second: PerSecond | None = None


class TelegramSender(Body):
    """The pace of bots, and whether links in messages show a preview. Bots are connected under `/telegram/bots`."""

    link_preview: bool = False
    track_clicks: bool = True
    per_second: PerSecond | None = None


class PushSender(Body):
    """What push services are told: whom to ask, how long to keep a message (seconds), and how urgent it is."""

    subject: Annotated[str, Field(max_length=bounds.NAME), AfterValidator(_whom_to_ask)] | None = None
    ttl: Annotated[int, Field(ge=0, le=2_419_200)] | None = None
    urgency: Literal["very-low", "low", "normal", "high"] | None = None
    track_clicks: bool = True
    per_second: PerSecond | None = None


class ShownSender(Answer):
    """How a workspace sends on a channel. `secrets` names those that are kept; none is ever shown."""

    channel: Channel
    settings: dict[str, Any]
    secrets: list[str]
    updated_at: ShownInstant


class SenderWithSecret(ShownSender):
    """The only answer with a signing secret, when it was just made."""

    signing_secret: str | None


class MailTrial(Body):
    """To whom a trial mail goes."""

    to: MailAddress


class WebhookTrial(Body):
    """Where a trial request goes."""

    url: Annotated[str, Field(min_length=1, max_length=bounds.TEXT)]


class TrialResult(Answer):
    """What became of a trial; `reason` in the words of the other side, when it was not accepted."""

    outcome: Literal["ACCEPTED", "DEFERRED", "REJECTED", "UNKNOWN"]
    reason: str | None


def settings_of(body: Body) -> dict[str, Any]:
    """The settings of a body, as they are kept: without secrets, and without what was not said."""
    said = body.model_dump(by_alias=True, exclude_none=True)
    return {name: value for name, value in said.items() if name not in SECRETS}


def shown(sender: Sender, secrets: list[str]) -> dict[str, Any]:
    """The fields of a sender's answer."""
    return {
        "channel": sender.channel,
        "settings": sender.settings,
        "secrets": secrets,
        "updated_at": sender.updated_at,
    }
