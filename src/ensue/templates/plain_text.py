"""The plain-text part of a mail, made of its HTML, for those who read it without.

Links keep their addresses; lists, headings and tables stay readable; what the HTML hides is left out.
"""

import html
import re
from collections import Counter
from typing import NamedTuple

from ensue.templates.markup import VOID, Part, parts

_UNSEEN = frozenset({"head", "script", "style", "template", "title", "select", "textarea", "svg", "object"})
_PARAGRAPHS = frozenset({"p", "ul", "ol", "dl", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "figure"})
_BLOCKS = _PARAGRAPHS | frozenset(
    {
        "address",
        "article",
        "aside",
        "body",
        "center",
        "dd",
        "div",
        "dt",
        "fieldset",
        "figcaption",
        "footer",
        "form",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
    }
)
_UNDERLINES = {"h1": "=", "h2": "-"}
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_SPACE = re.compile(r"[^\S\u00a0]+")
# What fills up the line after a preheader so that a mail program shows nothing else there.
_FILLERS = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]|(?<=\\s)[\u200c\u200e]+|[\u200c\u200e]+(?=\\s|$)")
_BLANK_LINES = re.compile(r"\n{3,}")
_RULE = "-" * 40
_LONGEST_UNDERLINE = 72
# Deeper than this, nobody reads the indentation; a hostile document has thousands of levels.
_DEEPEST_INDENT = 8


class _Link(NamedTuple):
    target: str
    start: int


class _Table(NamedTuple):
    """Whether the cells of a row stand beside each other, rather than being where a layout puts things."""

    columns: bool


def plain_text(document: str) -> str:
    """HTML as text. Lines are as long as their paragraphs; whoever sends it may fold them."""
    found = list(parts(document))
    writer = _Writer(_tables(found))
    for part in found:
        match part.kind:
            case "TEXT":
                writer.text(html.unescape(document[part.start : part.end]))
            case "OPEN":
                writer.enter(part)
            case "CLOSE":
                writer.leave(part.name)
            case _:
                pass
    return writer.finished()


def _tables(document: list[Part]) -> dict[int, _Table]:
    """Each table by where it begins. One is layout that says so, or that has blocks or a table in its cells."""
    tables: dict[int, _Table] = {}
    inside: list[int] = []
    for part in document:
        if part.kind == "OPEN" and part.name == "table":
            if inside:
                tables[inside[-1]] = _Table(columns=False)
            tables[part.start] = _Table(columns=part.attribute("role") not in {"presentation", "none"})
            inside.append(part.start)
        elif part.kind == "CLOSE" and part.name == "table" and inside:
            inside.pop()
        elif part.kind == "OPEN" and inside and part.name in _PARAGRAPHS | {"div", "li"}:
            tables[inside[-1]] = _Table(columns=False)
    return tables


class _Writer:
    """Writes text as it meets the tags of a document."""

    def __init__(self, tables: dict[int, _Table]) -> None:
        self._tables = tables
        self._lines: list[str] = []
        self._line: list[str] = []
        self._gap = False
        self._marked = False
        self._open: list[str] = []
        self._opened: Counter[str] = Counter()
        self._hidden_at: int | None = None
        self._link: _Link | None = None
        self._lists: list[int | None] = []
        self._in_table: list[bool] = []
        self._cells = 0
        self._quotes = 0
        self._preformatted = 0

    def text(self, said: str) -> None:
        """A stretch of text."""
        if self._hidden_at is not None:
            return
        said = _FILLERS.sub("", said)
        if self._preformatted:
            first, *others = said.split("\n")
            self._line.append(first)
            for line in others:
                self._break()
                self._line.append(line)
            return
        said = _SPACE.sub(" ", said).replace("\u00a0", " ")
        if said.startswith(" ") and self._line:
            self._gap = True
        words = said.strip(" ")
        if words:
            self._put(words)
            self._gap = said.endswith(" ")

    def enter(self, part: Part) -> None:
        """The beginning of an element."""
        name = part.name
        if name in VOID:
            if self._hidden_at is None and not _hides(part):
                self._void(part)
            return
        if part.closed:
            return
        self._open.append(name)
        self._opened[name] += 1
        if self._hidden_at is not None:
            return
        if name in _UNSEEN or _hides(part):
            self._hidden_at = len(self._open)
            return
        if name in _BLOCKS:
            self._block(name)
        self._begin(name, part)

    def leave(self, name: str) -> None:
        """The end of an element, and of those inside it that were not ended."""
        if not self._opened[name]:
            return
        while True:
            ended = self._open.pop()
            self._opened[ended] -= 1
            if self._hidden_at is None:
                self._end(ended)
            elif len(self._open) < self._hidden_at:
                self._hidden_at = None
            if ended == name:
                return

    def finished(self) -> str:
        """All of it."""
        while self._open:
            self.leave(self._open[-1])
        self._end_of_item()
        self._break()
        written = "\n".join(line.rstrip() for line in self._lines)
        return _BLANK_LINES.sub("\n\n", written).strip("\n")

    def _void(self, part: Part) -> None:
        match part.name:
            case "br":
                self._break(blank=True)
            case "hr":
                self._paragraph()
                self._put(_RULE)
                self._paragraph()
            case "img":
                self.text(html.unescape(part.attribute("alt") or ""))
            case _:
                pass

    def _begin(self, name: str, part: Part) -> None:
        match name:
            case "a":
                target = html.unescape(part.attribute("href") or "").strip()
                self._link = _Link(target, len(self._line))
            case "ul":
                self._lists.append(None)
            case "ol":
                start = part.attribute("start") or "1"
                self._lists.append(int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1)
            case "li":
                self._item()
            case "table":
                self._in_table.append(self._tables[part.start].columns)
            case "tr":
                self._cells = 0
            case "td" | "th":
                self._cell()
            case "blockquote":
                self._quotes += 1
            case "pre":
                self._preformatted += 1
            case _:
                pass

    def _end(self, name: str) -> None:
        match name:
            case "a" if self._link is not None:
                self._end_of_link(self._link)
                self._link = None
            case "h1" | "h2":
                self._underline(_UNDERLINES[name])
            case "ul" | "ol" if self._lists:
                self._break()
                self._lists.pop()
            case "table" if self._in_table:
                self._break()
                self._in_table.pop()
            case "blockquote":
                self._break()
                self._quotes -= 1
            case "pre":
                self._preformatted -= 1
            case _:
                pass
        if name in _BLOCKS:
            self._block(name)

    def _block(self, name: str) -> None:
        if name == "tr":
            apart = not (self._in_table and self._in_table[-1])
        elif name in {"ul", "ol"}:
            apart = not self._lists
        else:
            apart = name in _PARAGRAPHS
        if apart:
            self._paragraph()
        else:
            self._break()

    def _item(self) -> None:
        self._end_of_item()
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        mark = "-" if number is None else f"{number}."
        self._put("  " * min(max(len(self._lists) - 1, 0), _DEEPEST_INDENT) + mark)
        self._gap = self._marked = True

    def _end_of_item(self) -> None:
        """Take back the mark of an item in which nothing was said."""
        if self._marked:
            self._line.clear()
            self._marked = False

    def _cell(self) -> None:
        if not (self._in_table and self._in_table[-1]):
            self._break()
            return
        self._cells += 1
        if self._cells > 1:
            self._gap = True
            self._put("|")
            self._gap = True

    def _end_of_link(self, link: _Link) -> None:
        said = "".join(self._line[link.start :]).strip()
        target = link.target
        if not target or target.startswith("#") or target in {said, f"mailto:{said}", f"tel:{said}"}:
            return
        if said:
            self._gap = True
            self._put(f"({target.removeprefix('mailto:')})")
        else:
            self._put(target)

    def _underline(self, character: str) -> None:
        said = "".join(self._line).strip()
        self._break()
        if said:
            self._put(character * min(len(said), _LONGEST_UNDERLINE))

    def _put(self, words: str) -> None:
        if self._gap and self._line:
            self._line.append(" ")
        self._line.append(words)
        self._gap = self._marked = False

    def _break(self, *, blank: bool = False) -> None:
        """End the line. An empty one stays only when it was asked for; what an item says begins behind its mark."""
        if self._marked:
            return
        line = "".join(self._line)
        if line.strip() or blank:
            self._lines.append(self._quote() + line)
        self._line.clear()
        self._gap = False
        if self._link is not None:
            # What a link says is looked for in the line in which it ends.
            self._link = _Link(self._link.target, 0)

    def _paragraph(self) -> None:
        self._break()
        if not self._marked and self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._quote().rstrip())

    def _quote(self) -> str:
        return "> " * min(self._quotes, _DEEPEST_INDENT)


def _hides(part: Part) -> bool:
    if not (part.mentions("hid") or part.mentions("none")):
        return False
    if part.attribute("hidden") is not None:
        return True
    return _HIDING.search(part.attribute("style") or "") is not None
