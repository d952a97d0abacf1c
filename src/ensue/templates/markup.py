"""HTML and MJML cut into tags and texts in one pass, however malformed they are: nothing here fails or looks back."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_RAW_TEXT = ("script", "style", "title", "textarea", "mj-style", "mj-title", "mj-preview")

_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s=>/"'][^\s=>/]*)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"'][^\s>]*))?""")

Kind = Literal["TEXT", "RAW", "COMMENT", "OPEN", "CLOSE"]


class Attribute(NamedTuple):
    """An attribute, and where its value (inside its quotes, if it has any) begins and ends."""

    name: str
    value: str
    start: int
    end: int
    quoted: bool


class Part(NamedTuple):
    """One tag or text of a document.

    `name` is the element of a tag, or the one whose raw text this is, in lower case; `closed` says that it ends itself.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    closed: bool = False

    def attribute(self, name: str) -> str | None:
        """The value of an attribute, as it stands there."""
        return next((one.value for one in self.attributes if one.name == name), None)


def parts(source: str) -> Iterator[Part]:
    """The tags and texts of a document, in order and without gaps."""
    at = 0
    while at < len(source):
        tag = _tag_at(source, at)
        if tag is None:
            start = _TAG_START.search(source, at + 1)
            end = len(source) if start is None else start.start()
            yield Part("TEXT", at, end)
        else:
            yield tag
            end = tag.end
            if tag.kind == "OPEN" and tag.name in _RAW_TEXT and not tag.closed:
                end = _end_of_raw(source, end, tag.name)
                if end > tag.end:
                    yield Part("RAW", tag.end, end, tag.name)
        at = end


def _tag_at(source: str, at: int) -> Part | None:
    if source[at] != "<":
        return None
    if source.startswith("<!--", at):
        return Part("COMMENT", at, _after(source, "-->", at + 4))
    if source.startswith(("<!", "<?"), at):
        return Part("COMMENT", at, _after(source, ">", at))
    if source.startswith("</", at):
        name = _TAG_NAME.match(source, at + 2)
        end = _after(source, ">", at)
        return Part("CLOSE", at, end, name[0].lower()) if name is not None else Part("COMMENT", at, end)
    name = _TAG_NAME.match(source, at + 1)
    return _opening(source, at, name) if name is not None else None


def _opening(source: str, at: int, name: re.Match[str]) -> Part:
    attributes = []
    place = name.end()
    while (found := _ATTRIBUTE.match(source, place)) is not None:
        value = found[2] or ""
        quoted = value[:1] in {'"', "'"}
        start, end = (found.start(2) + quoted, found.end(2) - quoted) if found[2] is not None else (place, place)
        attributes.append(Attribute(found[1].lower(), value[1:-1] if quoted else value, start, end, quoted))
        place = found.end()
    end = _after(source, ">", place)
    return Part("OPEN", at, end, name[0].lower(), tuple(attributes), source.endswith("/>", at, end))


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found == -1 else found + len(mark)


def _end_of_raw(source: str, at: int, name: str) -> int:
    closing = re.compile(rf"</{re.escape(name)}[\s/>]", re.IGNORECASE).search(source, at)
    return len(source) if closing is None else closing.start()
