"""The mail itself: both parts, the headers that every mail has, and nothing that a value could slip in."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import NamedTuple

from ensue.base import domains
from ensue.channels.channel import Parcel

# What ends a header, or what a mail server may take for the end of one.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class _ForMachines(UnstructuredHeader):
    """A header that programs read, written as it is: the library breaks a long address into encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """The header, its addresses each on a line of its own."""
        return f"{self.name}: {str(self).replace(', <', f',{policy.linesep} <')}{policy.linesep}"  # type: ignore[attr-defined]


def _policy(names: Iterable[str]) -> "EmailPolicy[EmailMessage]":
    registry = HeaderRegistry()
    for name in ("Message-ID", *names):
        # The registry makes the whole class of this and its base, which the annotations do not say.
        registry.map_to_type(name, _ForMachines)  # type: ignore[arg-type]
    return SMTP.clone(header_factory=registry)


class Unfit(Exception):
    """There can be no such mail; the sentence says why."""


class Mail(NamedTuple):
    """A mail and its envelope."""

    sender: str
    recipient: str
    body: bytes


def build(parcel: Parcel, now: Callable[[], datetime]) -> Mail:
    """The mail of a parcel.

    Raises:
        Unfit: an address or a header cannot be.
    """
    settings, content = parcel.settings, parcel.content
    sender = _address(settings["fromEmail"], settings.get("fromName") or "", "fromEmail")
    recipient = _address(parcel.address, "", "the address")
    mail = EmailMessage(_policy(parcel.headers))
    mail["From"] = sender
    mail["To"] = recipient
    if settings.get("replyTo"):
        mail["Reply-To"] = _address(settings["replyTo"], "", "replyTo")
    mail["Subject"] = _line(content.subject or "", "the subject")
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = f"<{parcel.message_id}@{sender.domain}>"
    for name, value in parcel.headers.items():
        if not value.isascii():
            raise Unfit(f"{name} contains characters that are not ASCII")
        mail[_name(name)] = _line(value, name)
    if content.text is not None:
        mail.set_content(content.text, cte="quoted-printable")
    if content.html is not None:
        if content.text is None:
            mail.set_content(content.html, subtype="html", cte="quoted-printable")
        else:
            mail.add_alternative(content.html, subtype="html", cte="quoted-printable")
    # Made of the id, so that the same mail is made again; the quoted parts cannot contain it.
    if mail.is_multipart():
        mail.set_boundary(f"=_{parcel.message_id}")
    bounces_to = _address(settings.get("bounceAddress") or settings["fromEmail"], "", "bounceAddress")
    return Mail(bounces_to.addr_spec, recipient.addr_spec, mail.as_bytes())


def _address(spec: str, name: str, what: str) -> Address:
    local, at, domain = spec.rpartition("@")
    if not at or _CONTROL.search(spec) or not local.isascii():
        raise Unfit(f"{what} is no address that mail can be sent to")
    try:
        return Address(_line(name, f"the name of {what}"), addr_spec=f"{local}@{domains.in_ascii(domain)}")
    except (ValueError, IndexError, MessageError):
        raise Unfit(f"{what} is no address that mail can be sent to") from None


def _line(value: str, what: str) -> str:
    if _CONTROL.search(value):
        raise Unfit(f"{what} contains a line break or another control character")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,76}", value):
        raise Unfit(f"{value!r} is no name of a header")
    return value
