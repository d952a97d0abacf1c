"""A content and a scope become the texts of one message."""

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import NamedTuple

from ensue.base import bounds, json
from ensue.base.clock import from_iso
from ensue.base.errors import Invalid
from ensue.model.template import Content, Rendered
from ensue.templates.context import Setting
from ensue.templates.fault import Fault, TooMuch
from ensue.templates.filters.dates import zone_called
from ensue.templates.gaps import Shielded, refuse_open_doors
from ensue.templates.liquid import Language, Text, parse
from ensue.templates.mjml import compile_mjml
from ensue.templates.plain_text import plain_text
from ensue.templates.scope import Scope

# Of the C0 and C1 characters and the separators of lines, none may come into a header or a title.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Shape(NamedTuple):
    """The texts that a channel has: those that it must have, and those that it may."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


SHAPES: Mapping[str, Shape] = {
    "EMAIL": Shape(("subject",), ("html", "mjml", "text")),
    "TELEGRAM": Shape((), ("text", "html", "title", "url")),
    "PUSH": Shape(("title", "body"), ("url",)),
    "WEBHOOK": Shape(("body",), ("url",)),
}


def render(content: Content, scope: Scope, *, preview: bool = False) -> Rendered:
    """The texts of a message. In a preview a missing value shows as a mark that names its path; in a mail, as nothing.

    The content is compiled once and kept. Safe from any thread; takes milliseconds, so not from the event loop.

    Raises:
        Invalid: naming the field and the line: not a sound template, or one that these values make fail or outgrow
            its bounds. The same content and scope fail again.
    """
    texts = compiled(content)
    setting = _setting(scope, preview=preview)
    written = {field: _written(field, text, setting) for field, text in texts.items()}
    markup = written.pop("mjml", None) or written.get("html")
    if markup is not None:
        written["html"] = markup
        written.setdefault("text", plain_text(markup))
    for field in ("subject", "title", "url"):
        if field in written:
            written[field] = one_line(written[field])
    if content.channel == "WEBHOOK" and not (preview and setting.missing):
        _refuse_unsound_json(written["body"])
    return Rendered(missing=list(setting.missing), **written)


def check(content: Content) -> None:
    """Refuse a content that could not be rendered for anybody.

    Raises:
        Invalid: naming every field, and the line in it.
    """
    faults = _misshapen(content)
    for field, source in _sources(content):
        try:
            _trial(_compiled(field, source, content.channel))
        except Fault as fault:
            faults.append((field, str(fault)))
    if faults:
        raise Invalid.of(faults)


@lru_cache(maxsize=bounds.TEMPLATES_COMPILED)
def compiled(content: Content) -> dict[str, Text]:
    """The texts of a content, ready to be written.

    Raises:
        Invalid: naming the field and the line of what is not sound.
    """
    texts = {}
    for field, source in _sources(content):
        try:
            texts[field] = _compiled(field, source, content.channel)
        except Fault as fault:
            raise Invalid.at(field, str(fault)) from None
    return texts


def one_line(text: str) -> str:
    """A text that can stand in a header: on one line, without control characters, and not endless."""
    return " ".join(_CONTROLS.sub(" ", text).split())[: bounds.TEMPLATE_SUBJECT]


def _sources(content: Content) -> list[tuple[str, str]]:
    shape = SHAPES[content.channel]
    texts = [(field, getattr(content, field)) for field in (*shape.needs, *shape.may)]
    return [(field, source) for field, source in texts if source is not None]


def _misshapen(content: Content) -> list[tuple[str, str]]:
    shape = SHAPES[content.channel]
    channel = content.channel
    faults = []
    for field in Content.__struct_fields__[1:]:
        value = getattr(content, field)
        if value is None and field in shape.needs:
            faults.append((field, f"is required for {channel}"))
        elif value is not None and field not in shape.needs + shape.may:
            faults.append((field, f"is not a text of {channel}"))
        elif value is not None and field in shape.needs and not value.strip():
            faults.append((field, "must not be empty"))
    if channel == "EMAIL":
        if content.html is not None and content.mjml is not None:
            faults.append(("mjml", "stands in place of `html`: give one of the two"))
        if content.html is None and content.mjml is None and content.text is None:
            faults.append(("html", "is required for EMAIL, or `mjml`, or `text`"))
    if channel == "TELEGRAM" and not (content.text or content.html or "").strip():
        faults.append(("text", "is required for TELEGRAM, or `html`"))
    if sum(len(source) for _, source in _sources(content)) > bounds.TEMPLATE_SIZE:
        faults.append(("$", f"must not have more than {bounds.TEMPLATE_SIZE} characters in all its texts"))
    return faults


def _compiled(field: str, source: str, channel: str) -> Text:
    if field == "mjml":
        # Once as it was written, so that what is wrong has its line there.
        parse(source, "HTML")
        return parse(compile_mjml(source), "HTML")
    if field == "html":
        refuse_open_doors(Shielded(source))
    language: Language = "HTML" if field == "html" else "JSON" if (channel, field) == ("WEBHOOK", "body") else "TEXT"
    return parse(source, language)


def _trial(text: Text) -> None:
    """Write a text with nothing known: what is too much then is too much for everybody. Other faults depend on values.

    Raises:
        TooMuch: it is.
    """
    try:
        text.write(_setting({}, preview=False))
    except TooMuch:
        raise
    except Fault:
        pass


def _written(field: str, text: Text, setting: Setting) -> str:
    try:
        return text.write(setting)
    except Fault as fault:
        # The lines of what MJML was compiled to are nobody's.
        raise Invalid.at(field, fault.message if field == "mjml" else str(fault)) from None


def _refuse_unsound_json(body: str) -> None:
    try:
        json.decode_strict(body.encode())
    except Invalid as error:
        raise Invalid.at("body", f"does not become JSON with these values: {error.message}") from None


def _setting(scope: Scope, *, preview: bool) -> Setting:
    now = scope.get("now")
    return Setting(scope, preview=preview, zone=_zone(scope), now=from_iso(now) if now is not None else None)


def _zone(scope: Scope) -> tzinfo:
    """The contact's time zone, or else the workspace's."""
    for name in ("contact", "workspace"):
        zone = zone_called((scope.get(name) or {}).get("timezone"))
        if zone is not None:
            return zone
    return UTC
