"""The pause that another server asks for with `Retry-After` (RFC 9110)."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from ensue.base.clock import SECOND
from ensue.channels.outgoing_http import Reply

_DIGITS = 9


def retry_after(reply: Reply, now: int) -> int | None:
    """The pause in milliseconds, from seconds or from a date; None when nothing is asked for that can be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_DIGITS]) * SECOND
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # `-0000` is UTC, too, of nobody knows where.
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(int(until.timestamp() * SECOND) - now, 0)
