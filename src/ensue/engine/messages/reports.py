"""Mails that say what became of a mail: delivery status (RFC 3464), abuse reports (RFC 5965), wishes to leave.

Our own mail is recognised by the Message-ID that it had, wherever the report quotes it: as a whole mail, as headers
alone, or in its text. What says nothing of a mail of ours is nothing, whatever else it is.
"""

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from typing import Final, NamedTuple

from ensue.base.ids import read
from ensue.engine.messages.bounces import ReportKind

# Crockford's letters, as base/ids writes them.
_OURS = re.compile(r"\b(msg_[0-9a-hjkmnp-tv-z]{13})@")
_QUOTED_ID = re.compile(r"^[ \t>]*Message-ID:\s*<?(msg_[0-9a-hjkmnp-tv-z]{13})@", re.IGNORECASE | re.MULTILINE)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_LEAVE = re.compile(r"\s*unsubscribe\s+([\w-]{20,200})\s*", re.IGNORECASE | re.ASCII)
_WHITE = re.compile(r"\s+")

_NO_SUCH_MAILBOX: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""The codes of RFC 3463 and RFC 7505 that say that there is no such mailbox. Any other refusal says something of the
message, of us or of the day (full, blocked, too large, greylisted until it expired): the next one may be taken."""

_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
_PARTS: Final = 100


class MailReport(NamedTuple):
    """What a mail says of one of ours. `address` is whom it says that it was for."""

    kind: ReportKind
    message_id: int
    address: str | None
    reason: str | None


class Leave(NamedTuple):
    """A mail by which somebody leaves, with the token of their unsubscribe address."""

    token: str


def read_mail(raw: bytes) -> list[MailReport | Leave]:
    """What a mail says; nothing when it says nothing that we understand, or is no mail."""
    try:
        mail = BytesParser(policy=compat32).parsebytes(raw)
        parts = [part for part, _ in zip(mail.walk(), range(_PARTS), strict=False)]
        if (leave := _LEAVE.fullmatch(_header(mail, "Subject"))) is not None:
            return [Leave(leave[1])]
        return list(_reports(mail, parts, raw))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        # The parser of the standard library promises to raise nothing, and does not keep it for every rubbish.
        return []


def message_named_in(text: str) -> int | None:
    """The message that a Message-ID, or a public id, is of."""
    found = _OURS.search(text)
    return read("msg", found[1] if found is not None else text.strip())


def _reports(mail: Message, parts: list[Message], raw: bytes) -> Iterator[MailReport]:
    message_id = _original(parts, raw)
    if message_id is None:
        return
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                yield from _delivery_status(part, message_id)
            case "message/feedback-report":
                yield from _complaint(part, message_id)
            case _:
                pass
    # Exim, and who copied from it, say whom they failed for, and why in the text alone.
    failed = _header(mail, "X-Failed-Recipients")
    if failed and not any(part.get_content_type() == "message/delivery-status" for part in parts):
        text = raw.decode("latin-1")
        yield MailReport(_bounce(_ENHANCED.findall(text)), message_id, failed.split(",")[0].strip(), None)


def _original(parts: list[Message], raw: bytes) -> int | None:
    """The message of ours that a report is about."""
    for part in parts:
        quoted = _quoted(part)
        if quoted is not None and (number := message_named_in(_header(quoted, "Message-ID"))) is not None:
            return number
    in_text = _QUOTED_ID.search(raw.decode("latin-1"))
    return read("msg", in_text[1]) if in_text is not None else None


def _quoted(part: Message) -> Message | None:
    """The mail, or its headers, that a part quotes."""
    payload = part.get_payload()
    match part.get_content_type():
        case "message/rfc822" | "message/global" if isinstance(payload, list) and payload:
            return payload[0] if isinstance(payload[0], Message) else None
        case "text/rfc822-headers" | "message/global-headers":
            decoded = part.get_payload(decode=True)
            text = decoded.decode("latin-1") if isinstance(decoded, bytes) else str(payload)
            return HeaderParser(policy=compat32).parsestr(text)
        case _:
            return None


def _delivery_status(part: Message, message_id: int) -> Iterator[MailReport]:
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else ():
        action = _header(block, "Action").lower() if isinstance(block, Message) else ""
        if not isinstance(block, Message) or action not in {"failed", "delivered"}:
            # Delayed, relayed, expanded: nothing is decided. The first block is about all recipients together.
            continue
        said = _after_type(_header(block, "Diagnostic-Code")) or _header(block, "Status")
        codes = _ENHANCED.findall(f"{_header(block, 'Status')} {said}")
        recipient = _header(block, "Original-Recipient") or _header(block, "Final-Recipient")
        kind: ReportKind = "DELIVERED" if action == "delivered" else _bounce(codes)
        yield MailReport(kind, message_id, _address(recipient), said or None)


def _complaint(part: Message, message_id: int) -> Iterator[MailReport]:
    payload = part.get_payload()
    fields = payload[0] if isinstance(payload, list) and payload else None
    if isinstance(fields, Message) and (kind := _header(fields, "Feedback-Type").lower()) in _COMPLAINTS:
        yield MailReport("COMPLAINT", message_id, _address(_header(fields, "Original-Rcpt-To")), kind)


def _bounce(codes: list[str]) -> ReportKind:
    return "HARD_BOUNCE" if _NO_SUCH_MAILBOX.intersection(codes) else "SOFT_BOUNCE"


def _address(field: str) -> str | None:
    """The address of `rfc822; jane@example.com`, in which the original recipient is encoded (RFC 3461)."""
    text = _after_type(field).strip("<> ")
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), text) if "@" in text else None


def _after_type(field: str) -> str:
    kind, semicolon, rest = field.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else field


def _header(mail: Message, name: str) -> str:
    return _WHITE.sub(" ", str(mail.get(name, ""))).strip()
