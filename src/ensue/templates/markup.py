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
# The usual tag, whose end can be found at one go. What is not like this is taken apart piece by piece.
_SOUND_TAG = re.compile(r"""<([a-zA-Z][^\s/>]*+)(?:\s++[^\s=>/"']++(?:="[^"]*+"|='[^']*+')?)*+\s*+/?>""")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s=>/"'][^\s=>/]*)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"'][^\s>]*))?""")

Kind = Literal["TEXT", "RAW", "COMMENT", "OPEN", "CLOSE"]


class Attribute(NamedTuple):
    """An attribute, and where its value (inside its quotes, if it has any) begins and ends."""

    name: str
    value: str
    start: int
    end: int
    quoted: bool


class Part:
    """One tag or text of a document.

    `name` is the element of a tag, or the one whose raw text this is, in lower case; `closed` says that it ends itself.
    """

    __slots__ = ("_attributes", "_source", "closed", "end", "kind", "name", "start")

    def __init__(
        self,
        kind: Kind,
        start: int,
        end: int,
        name: str = "",
        *,
        source: str = "",
        attributes: tuple[Attribute, ...] | None = (),
        closed: bool = False,
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.name = name
        self.closed = closed
        self._source = source
        self._attributes = attributes

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes of a tag. Read when they are asked for: of most tags, nobody does."""
        if self._attributes is None:
            name = _TAG_NAME.match(self._source, self.start + 1)
            assert name is not None
            self._attributes, _ = _attributes(self._source, name.end())
        return self._attributes

    def attribute(self, name: str) -> str | None:
        """The value of an attribute, as it stands there."""
        return next((one.value for one in self.attributes if one.name == name), None)

    def mentions(self, word: str) -> bool:
        """Whether a tag has a word in it, in any case; quicker than to read its attributes."""
        return word in self._source[self.start : self.end].lower()


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
    sound = _SOUND_TAG.match(source, at)
    if sound is not None:
        closed = source[sound.end() - 2] == "/"
        return Part("OPEN", at, sound.end(), sound[1].lower(), source=source, attributes=None, closed=closed)
    name = _TAG_NAME.match(source, at + 1)
    return _malformed(source, at, name) if name is not None else None


def _malformed(source: str, at: int, name: re.Match[str]) -> Part:
    attributes, place = _attributes(source, name.end())
    end = _after(source, ">", place)
    closed = source.endswith("/>", at, end)
    return Part("OPEN", at, end, name[0].lower(), source=source, attributes=attributes, closed=closed)


def _attributes(source: str, place: int) -> tuple[tuple[Attribute, ...], int]:
    """The attributes that begin at a place, and where they end."""
    found: list[Attribute] = []
    while (one := _ATTRIBUTE.match(source, place)) is not None:
        value = one[2] or ""
        quoted = value[:1] in {'"', "'"}
        start, end = (one.start(2) + quoted, one.end(2) - quoted) if one[2] is not None else (place, place)
        found.append(Attribute(one[1].lower(), value[1:-1] if quoted else value, start, end, quoted))
        place = one.end()
    return tuple(found), place


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found == -1 else found + len(mark)


def _end_of_raw(source: str, at: int, name: str) -> int:
    closing = re.compile(rf"</{re.escape(name)}[\s/>]", re.IGNORECASE).search(source, at)
    return len(source) if closing is None else closing.start()
