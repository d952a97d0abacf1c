"""Liquid in HTML and MJML, put aside while the markup around it is looked at.

Each stretch of Liquid becomes a plain word that is sound anywhere: in a text, in an attribute, in a URL, in CSS.
"""

import re
from typing import NamedTuple

from ensue.templates.fault import Fault, line_of
from ensue.templates.lexing import pieces
from ensue.templates.markup import Part, parts

_WORD = "liquidgap"


class Gap(NamedTuple):
    """A stretch of Liquid, its line, and where its word stands in the text without Liquid."""

    word: str
    liquid: str
    line: int
    start: int
    end: int

    @property
    def writes(self) -> bool:
        """Whether values are written there; other tags only steer."""
        return self.liquid.startswith("{{") or re.match(r"\{%-?\s*cycle\b", self.liquid) is not None


class Shielded:
    """A text with words in place of its Liquid.

    Raises:
        Fault: the Liquid in it is not closed.
    """

    def __init__(self, source: str) -> None:
        word = _WORD
        while word in source:
            word += "q"
        self._words = re.compile(rf"<!--{word}(\d+)x-->|{word}(\d+)x")
        self.gaps: list[Gap] = []
        shielded: list[str] = []
        at, length, line = 0, 0, 1
        for number, piece in enumerate(pieces(source)):
            between = source[at : piece.start]
            start, line = length + len(between), line + between.count("\n")
            name = f"{word}{number}x"
            self.gaps.append(Gap(name, piece.text, line, start, start + len(name)))
            shielded += (between, name)
            at, length, line = piece.end, start + len(name), line + piece.text.count("\n")
        self.text = "".join([*shielded, source[at:]])

    def line_at(self, place: int) -> int:
        """The line of the source that a place in the text without Liquid comes from."""
        before = [gap.liquid.count("\n") for gap in self.gaps if gap.end <= place]
        return line_of(self.text, place) + sum(before)

    def restore(self, text: str) -> str:
        """A text that was made of the text without Liquid, with the Liquid back in its places."""
        return self._words.sub(lambda found: self.gaps[int(found[1] or found[2])].liquid, text)

    def lost(self, text: str) -> Gap | None:
        """The first gap whose word is nowhere in a text."""
        found = {int(match[1] or match[2]) for match in self._words.finditer(text)}
        return next((gap for number, gap in enumerate(self.gaps) if number not in found), None)


def refuse_open_doors(shielded: Shielded) -> None:
    """Refuse values where escaping cannot keep them in: in a script, a handler, a tag, or an attribute without quotes.

    Raises:
        Fault: naming the line.
    """
    gaps = iter(shielded.gaps)
    gap = next(gaps, None)
    for part in parts(shielded.text):
        while gap is not None and gap.start < part.end:
            if gap.writes and (reason := _open_door(part, gap)) is not None:
                raise Fault(f"`{_short(gap.liquid)}` {reason}", gap.line)
            gap = next(gaps, None)


def _open_door(part: Part, gap: Gap) -> str | None:
    if part.kind == "RAW" and part.name == "script":
        return "stands in a script, where it cannot be escaped"
    if part.kind == "CLOSE":
        return "stands in a tag, outside the value of an attribute"
    if part.kind != "OPEN":
        return None
    attribute = next((one for one in part.attributes if one.start <= gap.start and gap.end <= one.end), None)
    if attribute is None or attribute.start == attribute.end:
        return "stands in a tag, outside the value of an attribute"
    if attribute.name.startswith("on"):
        return f"stands in the script of `{attribute.name}`, where it cannot be escaped"
    if not attribute.quoted:
        return f"stands in the value of `{attribute.name}`, which must be in quotes"
    return None


def _short(liquid: str) -> str:
    return liquid if len(liquid) <= 60 else f"{liquid[:57]}…"
