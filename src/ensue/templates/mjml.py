"""MJML to HTML, with its Liquid kept, so that it is compiled once for each version of a template and not per mail."""

import re
from collections import deque

import mrml

from ensue.base import bounds
from ensue.templates.fault import Fault, TooMuch
from ensue.templates.gaps import Gap, Shielded, refuse_open_doors
from ensue.templates.lexing import tag_name
from ensue.templates.markup import VOID, Part, parts

# Elements that hold other components and no text of their own: between those, Liquid stands in a comment.
_CONTAINERS = frozenset(
    {
        "mj-accordion",
        "mj-accordion-element",
        "mj-body",
        "mj-carousel",
        "mj-column",
        "mj-group",
        "mj-hero",
        "mj-navbar",
        "mj-section",
        "mj-social",
        "mj-wrapper",
    }
)
_HEAD = frozenset({"mjml", "mj-head"})
_COMPONENTS = (
    _CONTAINERS
    | _HEAD
    | frozenset(
        {
            "mj-accordion-text",
            "mj-accordion-title",
            "mj-all",
            "mj-attributes",
            "mj-breakpoint",
            "mj-button",
            "mj-carousel-image",
            "mj-class",
            "mj-divider",
            "mj-font",
            "mj-image",
            "mj-navbar-link",
            "mj-preview",
            "mj-raw",
            "mj-social-element",
            "mj-spacer",
            "mj-style",
            "mj-table",
            "mj-text",
            "mj-title",
        }
    )
)
# What has no effect where it stands and can be brought to the front of the mail.
_MOVABLE = frozenset({"assign", "#"})
# Left to itself, the compiler has every reader's mail program fetch fonts from a third party. `<mj-font>` still works.
_OPTIONS = mrml.RenderOptions(fonts={})
_POSITION = re.compile(r" in root template( at position (\d+):\d+)?")


def compile_mjml(source: str) -> str:
    """The HTML of MJML, with its Liquid in the places that it has there.

    Raises:
        Fault: it is no sound MJML, or Liquid stands where MJML has no place for it.
    """
    shielded = Shielded(source)
    refuse_open_doors(shielded)
    document = _Document(shielded)
    html = _compiled(document)
    lost = shielded.lost(document.lead + html + document.tail)
    if lost is not None:
        raise Fault(f"`{lost.liquid}` stands where MJML leaves out what it does not know", lost.line)
    return shielded.restore(document.lead + html + document.tail)


class _Document:
    """Shielded MJML, found to be well-formed, with comments around the words that stand between components.

    The compiler calls itself for each level of nesting, and deep enough it takes the whole process down; it also passes
    over what it does not know. So what reaches it is checked here.
    """

    def __init__(self, shielded: Shielded) -> None:
        self._shielded = shielded
        self._gaps = deque(shielded.gaps)
        self._open: list[tuple[str, int]] = []
        self._kept: list[str] = []
        self._lead: list[str] = []
        self._tail: list[str] = []
        self._begun = self._ended = False
        self._first_line = 1
        for part in parts(shielded.text):
            self._take(part)
        if self._open:
            name, place = self._open[-1]
            raise self._fault(f"`<{name}>` is never closed", place)
        if not self._ended:
            raise Fault("there is no `<mjml>` in it")
        self.text = "".join(self._kept)
        self.lead = "".join(self._lead)
        self.tail = "".join(self._tail)

    def line_at(self, place: int) -> int:
        """The line of the source that a place in `text` comes from."""
        before = self.text[:place]
        return self._first_line + self._shielded.restore(before).count("\n")

    def _take(self, part: Part) -> None:
        source = self._shielded.text[part.start : part.end]
        gaps = self._gaps_until(part.end)
        match part.kind:
            case "OPEN":
                self._enter(part)
            case "CLOSE":
                self._leave(part)
            case "TEXT" if not self._open:
                (self._tail if self._ended else self._lead).append(source if gaps else source.strip())
                if not gaps and source.strip():
                    raise self._fault("there is text outside `<mjml>`", part.start)
                return
            case "TEXT" if gaps:
                source = self._placed(source, gaps)
            case _:
                pass
        self._kept.append(source)

    def _gaps_until(self, end: int) -> list[Gap]:
        found = []
        while self._gaps and self._gaps[0].start < end:
            found.append(self._gaps.popleft())
        return found

    def _enter(self, part: Part) -> None:
        name = part.name
        if name == "mj-include":
            raise self._fault("`<mj-include>` is not allowed: a template is whole in itself", part.start)
        if name.startswith("mj") and name not in _COMPONENTS:
            raise self._fault(f"there is no MJML element `<{name}>`", part.start)
        if not self._open and (name != "mjml" or self._begun):
            raise self._fault("all of it must stand in one `<mjml>`", part.start)
        if not self._begun:
            self._begun, self._first_line = True, self._shielded.line_at(part.start)
        if part.closed or name in VOID:
            self._ended = not self._open
            return
        self._open.append((name, part.start))
        if len(self._open) > bounds.MJML_NESTING:
            raise TooMuch(f"is nested deeper than {bounds.MJML_NESTING} levels", self._shielded.line_at(part.start))

    def _leave(self, part: Part) -> None:
        if not self._open or self._open[-1][0] != part.name:
            inside = f" inside `<{self._open[-1][0]}>`" if self._open else ""
            raise self._fault(f"`</{part.name}>` stands{inside} without its beginning", part.start)
        self._open.pop()
        self._ended = not self._open

    def _placed(self, source: str, gaps: list[Gap]) -> str:
        element = self._open[-1][0]
        if element in _CONTAINERS:
            for gap in gaps:
                source = source.replace(gap.word, f"<!--{gap.word}-->")
        elif element in _HEAD:
            for gap in gaps:
                if tag_name(gap.liquid) not in _MOVABLE:
                    raise Fault(f"`{gap.liquid}` cannot stand between the parts of `<{element}>`", gap.line)
                self._lead.append(gap.word)
                source = source.replace(gap.word, "")
        return source

    def _fault(self, message: str, place: int) -> Fault:
        return Fault(message, self._shielded.line_at(place))


def _compiled(document: _Document) -> str:
    try:
        return mrml.to_html(document.text, render_options=_OPTIONS).content
    except OSError as error:
        raise _refused(str(error), document) from None
    except BaseException as error:
        # A panic of the compiler comes as no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise Fault("is MJML that cannot be compiled") from None


def _refused(message: str, document: _Document) -> Fault:
    """What the compiler said, with a line in place of its position."""
    place = _POSITION.search(message)
    line = document.line_at(int(place[2])) if place is not None and place[2] else None
    return Fault(f"is no MJML: {_POSITION.sub('', message)}", line)
