"""From any HTML to the HTML that Telegram takes, which refuses a message for one tag that it does not know.

What has no counterpart loses its tags and keeps its text; what is left open is closed. One pass, whatever comes.
"""

import re
from html import escape, unescape
from typing import Final

_TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>", re.DOTALL)
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_LINES = re.compile(r"\n{3,}")

_KNOWN: Final = {
    "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "ins": "u", "s": "s", "strike": "s", "del": "s",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "tg-spoiler": "tg-spoiler", "a": "a",
}  # fmt: skip
# Nothing is formatted inside these.
_LITERAL: Final = frozenset({"code", "pre"})
_BLOCKS: Final = frozenset({"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "tr"})
_UNSEEN: Final = frozenset({"script", "style", "head", "title"})
_SCHEMES: Final = ("http://", "https://", "tg://", "mailto:", "tel:")


def telegram_html(html: str) -> str:
    """The same text with the formatting that Telegram can show."""
    writer = _Writer()
    at = 0
    for token in _TOKEN.finditer(html):
        writer.text(html[at : token.start()])
        at = token.end()
        if token[2] is not None:
            writer.tag(token[2].lower(), token[3], closing=bool(token[1]))
    writer.text(html[at:])
    return writer.done()


class _Writer:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []
        self._unseen: str | None = None

    def text(self, text: str) -> None:
        if text and self._unseen is None:
            self._parts.append(escape(unescape(text), quote=False))

    def tag(self, name: str, attributes: str, *, closing: bool) -> None:
        if self._unseen is not None or name in _UNSEEN:
            self._look_away(name, closing=closing)
        elif name in _KNOWN:
            if closing:
                self._close(_KNOWN[name])
            else:
                self._begin(_KNOWN[name], attributes)
        elif name == "br" or (name in _BLOCKS and closing) or (name == "li" and closing):
            self._parts.append("\n")
        elif name == "li":
            self._parts.append("• ")

    def done(self) -> str:
        self._parts += [f"</{name}>" for name in reversed(self._open)]
        return _LINES.sub("\n\n", "".join(self._parts)).strip()

    def _look_away(self, name: str, *, closing: bool) -> None:
        if self._unseen is None and not closing:
            self._unseen = name
        elif self._unseen == name and closing:
            self._unseen = None

    def _begin(self, name: str, attributes: str) -> None:
        if name in self._open or _LITERAL.intersection(self._open):
            return
        if name == "a":
            found = _HREF.search(attributes)
            target = unescape(next((part for part in found.groups() if part is not None), "")) if found else ""
            if not target.lower().startswith(_SCHEMES):
                return
            self._parts.append(f'<a href="{escape(target)}">')
        else:
            self._parts.append(f"<{name}>")
        self._open.append(name)

    def _close(self, name: str) -> None:
        if name not in self._open:
            return
        # Tags that cross each other are closed from the inside.
        while self._open:
            inner = self._open.pop()
            self._parts.append(f"</{inner}>")
            if inner == name:
                break
