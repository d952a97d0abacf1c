"""Where the Liquid of a text begins and ends, found in one pass.

The lexer of the library takes time that grows with the square of a text in which tags are opened and never closed, so
it is only given texts that went through here.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ensue.base import bounds
from ensue.templates.fault import Fault, TooMuch, line_of

_OPENING = re.compile(r"\{\{|\{%")
_NAME = re.compile(r"-?\s*(#|\w+)", re.ASCII)
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}")
_ENDRAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")


_BLOCKS = frozenset({"if", "unless", "for", "case", "capture", "comment"})


class Piece(NamedTuple):
    """A stretch of Liquid in a text: an output, a tag, or a whole `raw` block."""

    start: int
    end: int
    text: str


def pieces(source: str) -> Iterator[Piece]:
    """The stretches of Liquid, in order.

    Raises:
        Fault: one is not closed, says nothing, or is longer than a tag may be.
    """
    at = 0
    while (opening := _OPENING.search(source, at)) is not None:
        start = opening.start()
        raw = _RAW.match(source, start)
        at = _end_of_raw(source, raw.end()) if raw is not None else _end_of_tag(source, start)
        yield Piece(start, at, source[start:at])


def refuse_unbalanced(source: str) -> None:
    """Refuse blocks that are not closed, or not in their order, naming the line where they begin.

    Raises:
        Fault: there is one; or as `pieces` does.
    """
    begun: list[tuple[str, int]] = []
    for count, piece in enumerate(pieces(source), 1):
        if count > bounds.TEMPLATE_TAGS:
            raise TooMuch(f"has more than {bounds.TEMPLATE_TAGS} tags", line_of(source, piece.start))
        name = tag_name(piece.text) or ""
        if begun and begun[-1][0] == "comment" and name not in {"comment", "endcomment"}:
            continue
        if name in _BLOCKS:
            begun.append((name, piece.start))
        elif name.startswith("end") and name[3:] in _BLOCKS:
            _close(name, begun, source, piece)
    if begun:
        name, start = begun[-1]
        raise Fault(f"`{name}` is never closed by `end{name}`", line_of(source, start))


def _close(name: str, begun: list[tuple[str, int]], source: str, piece: Piece) -> None:
    if not begun:
        raise Fault(f"`{name}` stands here without its beginning", line_of(source, piece.start))
    expected, start = begun.pop()
    if name != f"end{expected}":
        line = line_of(source, start)
        raise Fault(f"`{name}` stands inside the `{expected}` of line {line}", line_of(source, piece.start))


def tag_name(liquid: str) -> str | None:
    """The name of a tag; None for an output."""
    found = _NAME.match(liquid, 2) if liquid.startswith("{%") else None
    return found[1] if found is not None else None


def _end_of_raw(source: str, start: int) -> int:
    closing = _ENDRAW.search(source, start)
    if closing is None:
        raise Fault("`{% raw %}` is never closed", line_of(source, start))
    return closing.end()


def _end_of_tag(source: str, start: int) -> int:
    output = source.startswith("{{", start)
    closing = "}}" if output else "%}"
    end = source.find(closing, start + 2, start + bounds.TEMPLATE_TAG)
    if end == -1:
        raise Fault(
            f"`{source[start : start + 2]}` is not closed by `{closing}` within {bounds.TEMPLATE_TAG} characters",
            line_of(source, start),
        )
    if output and not source[start + 2 : end].strip(" \t\r\n-"):
        raise Fault("there is nothing between `{{` and `}}`", line_of(source, start))
    if not output and _NAME.match(source, start + 2, end) is None:
        raise Fault("there is no name of a tag after `{%`", line_of(source, start))
    return end + 2
