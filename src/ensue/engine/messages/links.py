"""Links that tell when they are followed, and a pixel that tells when a mail is opened, put into its texts.

Only `http` and `https` links are replaced, by addresses of ours under which their targets are stored. Our own pages,
above all the unsubscribe link, stay as they are, and so does every other character.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ensue.base import bounds
from ensue.engine.messages.markup import attribute_text, tags

_LINKING = frozenset({"a", "area"})
_LOOKED_AT = _LINKING | {"body"}
# What browsers drop inside an address, and around one.
_DROPPED = re.compile("[\t\n\r]+")
_AROUND = "".join(map(chr, range(0x21)))
_WEB = re.compile("https?://", re.IGNORECASE)
_BEFORE_QUERY = re.compile("[^?#]*")
_KEPT = "!#$%&'()*+,/:;=?@[]~"
_IN_TEXT = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f]+", re.IGNORECASE)
# What follows an address in a sentence, and brackets that were opened before it.
_PUNCTUATION = ".,;:!?'\u2019\u201d\u2026"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


class Tracked(NamedTuple):
    """The texts with our addresses in them, and the targets: the first is link 1."""

    html: str | None
    text: str | None
    url: str | None
    targets: tuple[str, ...]


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def track(
    html: str | None,
    text: str | None,
    address: Callable[[int], str] | None,
    pixel: str | None,
    own: str,
    *,
    url: str | None = None,
) -> Tracked:
    """Replace the links of a message's texts, and add the pixel to the HTML.

    The same target is the same link, wherever it stands. Beyond `bounds.MESSAGE_LINKS` different ones, links stay as
    they are. Safe from any thread.

    Args:
        html: one part of a mail.
        text: the other.
        address: the address that leads to link 1, 2, …; None replaces no link.
        pixel: the address of the pixel; None adds none.
        own: links that begin so are left alone.
        url: a link by itself: where a button or a notification leads.
    """
    numbers: dict[str, int] = {}

    def ours(found: str) -> str | None:
        target = target_of(found) if address is not None else None
        if address is None or target is None or target.startswith(own):
            return None
        if target not in numbers and len(numbers) >= bounds.MESSAGE_LINKS:
            return None
        return address(numbers.setdefault(target, len(numbers) + 1))

    if html is not None:
        html = _edited(html, _html_edits(html, ours, pixel))
    if text is not None:
        text = _edited(text, _text_edits(text, ours))
    if url is not None:
        url = ours(url) or url
    return Tracked(html, text, url, tuple(numbers))


def target_of(found: str) -> str | None:
    """Where a browser goes for an address that stands in a mail: in ASCII, and fit for a header.

    None when that is not on the web, or nothing that can be kept.
    """
    plain = _DROPPED.sub("", found).strip(_AROUND)
    if not _WEB.match(plain) or len(plain) > bounds.LINK_TARGET:
        return None
    plain = _BEFORE_QUERY.sub(lambda match: match[0].replace("\\", "/"), plain, count=1)
    try:
        parts = urlsplit(plain)
        if not parts.hostname:
            return None
        if not parts.hostname.isascii():
            login, at, _ = parts.netloc.rpartition("@")
            port = f":{parts.port}" if parts.port is not None else ""
            plain = parts._replace(netloc=f"{login}{at}{parts.hostname.encode('idna').decode()}{port}").geturl()
        target = quote(plain, safe=_KEPT)
    except ValueError:
        return None
    return target if len(target) <= bounds.LINK_TARGET else None


def _html_edits(html: str, ours: Callable[[str], str | None], pixel: str | None) -> Iterator[_Edit]:
    body_end = len(html)
    for tag in tags(html, _LOOKED_AT):
        if tag.closing:
            body_end = tag.start if tag.name == "body" else body_end
        elif tag.name in _LINKING and (value := tag.attributes.get("href")) is not None:
            address = ours(attribute_text(html, value))
            if address is not None:
                yield _Edit(value.start, value.end, escape(address))
    if pixel is not None:
        image = f'<img src="{escape(pixel)}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'
        yield _Edit(body_end, body_end, image)


def _text_edits(text: str, ours: Callable[[str], str | None]) -> Iterator[_Edit]:
    for found in _IN_TEXT.finditer(text):
        plain = _without_sentence(found[0])
        address = ours(plain)
        if address is not None:
            yield _Edit(found.start(), found.start() + len(plain), address)


def _without_sentence(found: str) -> str:
    """An address in a text without what belongs to the sentence around it."""
    unopened = {closing: found.count(closing) - found.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(found)
    while True:
        last = found[end - 1]
        if last in _BRACKETS and unopened[last] > 0:
            unopened[last] -= 1
        elif last not in _PUNCTUATION:
            return found[:end]
        end -= 1


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits):
        pieces += (text[done : edit.start], edit.text)
        done = edit.end
    return "".join([*pieces, text[done:]])
