"""The texts of a message as somebody wrote them, checked for their shape; what they say is Liquid.

| channel | texts |
|---|---|
| EMAIL | `subject`, and at least one of `html`, `mjml` (not both) and `text` |
| TELEGRAM | at least one of `text` and `html`; `url`? and `title`? of a button |
| PUSH | `title`, `body`, `url`? |
| WEBHOOK | `url`, `body`, a JSON text |
"""

from typing import Any, Final

from ensue.base import bounds
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TEXTS: Final = {
    "EMAIL": ("subject", "html", "mjml", "text"),
    "TELEGRAM": ("text", "html", "title", "url"),
    "PUSH": ("title", "body", "url"),
    "WEBHOOK": ("url", "body"),
}
"""The fields of each channel."""

_REQUIRED: Final = {
    "EMAIL": ("subject",),
    "TELEGRAM": (),
    "PUSH": ("title", "body"),
    "WEBHOOK": ("url", "body"),
}
_SHORT: Final = ("subject", "title", "url")


def read_content(reader: Reader, channel: str) -> dict[str, Any] | None:
    """The texts of a channel. Notes faults and returns None when there are any."""
    found: dict[str, Any] = {}
    for name in TEXTS[channel]:
        most = bounds.TEXT if name in _SHORT else bounds.TEMPLATE_SIZE
        if name in _REQUIRED[channel] or reader.optional(name) is not MISSING:
            found[name] = reader.text(name, most)
    if channel == "EMAIL":
        if not found.keys() & {"html", "mjml", "text"}:
            reader.fault("html", "is required, or mjml or text")
        if {"html", "mjml"} <= found.keys():
            reader.fault("mjml", "cannot stand beside html")
    if channel == "TELEGRAM" and not found.keys() & {"html", "text"}:
        reader.fault("text", "is required, or html")
    return found if reader.sound else None
