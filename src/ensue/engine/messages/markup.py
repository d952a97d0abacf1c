"""The tags of an HTML text with the places of their attributes, so that one can be changed and nothing else is touched.

Follows the tokenizer of the HTML standard where it matters to a mail: comments, raw text, quotes that are missing or
never closed. Every character is looked at once or twice, whatever comes: Python's own `html.parser` gives no places,
stops at `<![x`, and takes a minute and a half for 120 KB of `<a `.
"""

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from html.entities import html5
from typing import NamedTuple

_SPACE = "[\t\n\f\r ]"
_LETTER = re.compile("[A-Za-z]")
_NAME = re.compile("[^\t\n\f\r />]*+")
_BETWEEN = re.compile("[\t\n\f\r /]*+")
# A name may begin with "="; the browser forgives that.
_ATTRIBUTE = re.compile("=?[^\t\n\f\r />=]*+")
_EQUALS = re.compile(f"{_SPACE}*+={_SPACE}*+")
_UNQUOTED = re.compile("[^\t\n\f\r >]*+")
_COMMENT_END = re.compile("--!?>")
_MARKUP_END = re.compile(">")
_REFERENCE = re.compile("&(?:#[0-9]++;?|#[xX][0-9a-fA-F]++;?|[A-Za-z][A-Za-z0-9]*+;?)")

# The groups are not possessive: Python before 3.11.5 gets those wrong.
_SOUND_ATTRIBUTE = (
    "[\t\n\f\r /]++[^\t\n\f\r />=\"']++(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >\"']++))?"
)

_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})


class Value(NamedTuple):
    """Where the value of an attribute stands in the text, without its quotes."""

    start: int
    end: int


class Tag(NamedTuple):
    """A start tag or an end tag. Names are in lower case; of an attribute that is there twice, the first counts."""

    start: int
    end: int
    name: str
    closing: bool
    attributes: dict[str, Value]


def tags(html: str, names: frozenset[str]) -> Iterator[Tag]:
    """Of the tags that a browser would see those of these names, in their order."""
    others = _others(names)
    at = 0
    while (at := _next(html, at, others)) >= 0:
        named = at + 1 + html.startswith("/", at + 1)
        if _LETTER.match(html, named):
            tag = _tag(html, at, named)
            if tag is None:
                return
            if tag.name in names:
                yield tag
            at = _after_raw_text(html, tag) if tag.name in _RAW and not tag.closing else tag.end
        elif html[at + 1 : at + 2] in {"/", "!", "?"}:
            at = _after_comment(html, at)
        else:
            at += 1


@cache
def _others(names: frozenset[str]) -> re.Pattern[str]:
    """Text and sound tags of other names, which are passed over in one step."""
    stops = "|".join(sorted(names | _RAW))
    other = f"<(?!/?(?:{stops})[\t\n\f\r />])/?[A-Za-z][^\t\n\f\r />]*+(?:{_SOUND_ATTRIBUTE})*[\t\n\f\r /]*+>"
    return re.compile(f"(?:[^<]++|{other})*", re.IGNORECASE)


def _next(html: str, at: int, others: re.Pattern[str]) -> int:
    """Where the next thing begins that must be looked at; below 0 when there is none, or `at` is."""
    if at < 0:
        return at
    at = _end(others, html, at)
    return at if at < len(html) else -1


def attribute_text(html: str, value: Value) -> str:
    """The text that the value of an attribute stands for."""
    return _REFERENCE.sub(_meant, html[value.start : value.end])


def _tag(html: str, start: int, named: int) -> Tag | None:
    """The tag that begins here; None when the text ends inside it, which a browser drops."""
    at = _end(_NAME, html, named)
    name = html[named:at].lower()
    attributes: dict[str, Value] = {}
    while True:
        at = _end(_BETWEEN, html, at)
        if at >= len(html):
            return None
        if html[at] == ">":
            return Tag(start, at + 1, name, named > start + 1, attributes)
        begun, at = at, _end(_ATTRIBUTE, html, at)
        attribute = html[begun:at].lower()
        value, at = _value(html, at)
        if at < 0:
            return None
        attributes.setdefault(attribute, value)


def _value(html: str, at: int) -> tuple[Value, int]:
    """The value of the attribute whose name ends here, and where it is over: below 0 when its quote is never closed."""
    equals = _EQUALS.match(html, at)
    if equals is None:
        return Value(at, at), at
    at = equals.end()
    quote = html[at : at + 1]
    if quote in {'"', "'"}:
        end = html.find(quote, at + 1)
        return Value(at + 1, end), end + 1 if end >= 0 else -1
    end = _end(_UNQUOTED, html, at)
    return Value(at, end), end


def _end(pattern: re.Pattern[str], html: str, at: int) -> int:
    match = pattern.match(html, at)
    assert match is not None
    return match.end()


def _after_raw_text(html: str, tag: Tag) -> int:
    """Where the end tag begins of an element whose content is no markup; below 0 when it has none."""
    found = re.compile(f"</{tag.name}(?=[\t\n\f\r />])", re.IGNORECASE).search(html, tag.end)
    return found.start() if found is not None else -1


def _after_comment(html: str, start: int) -> int:
    """Where what a browser takes for a comment ends; below 0 when it does not."""
    for empty in ("<!-->", "<!--->"):
        if html.startswith(empty, start):
            return start + len(empty)
    pattern = _COMMENT_END if html.startswith("<!--", start) else _MARKUP_END
    end = pattern.search(html, start + 4 if pattern is _COMMENT_END else start)
    return end.end() if end is not None else -1


def _meant(reference: re.Match[str]) -> str:
    """What a reference in an attribute stands for. Without its semicolon, `&copy=1` is a parameter and no sign."""
    text = reference[0]
    known = text.startswith("&#") or text.endswith(";") or text[1:] in html5
    is_parameter = not text.endswith(";") and reference.string.startswith("=", reference.end())
    return unescape(text) if known and not is_parameter else text
