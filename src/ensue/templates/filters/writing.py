"""Filters that bring a value into the language of what surrounds it: HTML, a URL, JSON. And what stands in for one."""

import html
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from markupsafe import Markup

from ensue.base import json
from ensue.templates.context import Context
from ensue.templates.values import Verbatim, empty, jsonable, text


def default(value: object, instead: object = "", *, allow_false: object = False) -> object:
    """Another value when there is none, or an empty one."""
    if value is False and allow_false is True:
        return value
    return instead if empty(value) else value


def escape(value: object, *, context: Context) -> str:
    """With what is special in HTML escaped. In the HTML part that happens by itself, and only once."""
    return Markup.escape(text(value)) if context.autoescape else html.escape(text(value))


def escape_once(value: object, *, context: Context) -> str:
    """As `escape`, but entities that stand there already stay."""
    escaped = html.escape(html.unescape(str(text(value))))
    # Escaped this very moment, so it can hold no markup.
    return Markup(escaped) if context.autoescape else escaped  # noqa: S704


def newline_to_br(value: object, *, context: Context) -> str:
    """In HTML, with a `<br />` at each line break; elsewhere as it is."""
    written = text(value)
    if not context.autoescape:
        return written
    return Markup("<br />\n").join(Markup.escape(written).replace("\r\n", "\n").split("\n"))


def url_encode(value: object) -> str:
    """As a part of a URL's query."""
    return quote_plus(str(text(value)))


def as_json(value: object, *, context: Context) -> str:
    """As JSON: a text in quotes, null for what is missing. In a JSON body it stands as it is."""
    written = json.encode_text(jsonable(value))
    return Verbatim(written) if context.writes_json else written


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default,
    "escape": escape,
    "escape_once": escape_once,
    "json": as_json,
    "newline_to_br": newline_to_br,
    "url_encode": url_encode,
}
