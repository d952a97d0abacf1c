"""Filters on texts.

The value comes as what it is; `text` says how it is written. Markup stays Markup, so that what an author wrote is not
escaped twice, and what a contact wrote is always escaped once.
"""

import re
from collections.abc import Callable
from typing import Any

from liquid.exceptions import FilterArgumentError, ResourceLimitError
from markupsafe import Markup

from ensue.base import bounds
from ensue.templates.values import text, whole

_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"\s+")


def append(value: object, end: object) -> str:
    """The text, followed by another."""
    return text(value) + text(end)


def prepend(value: object, start: object) -> str:
    """The text, with another before it."""
    return text(start) + text(value)


def upcase(value: object) -> str:
    """In capital letters."""
    return text(value).upper()


def downcase(value: object) -> str:
    """In small letters."""
    return text(value).lower()


def capitalize(value: object) -> str:
    """The first letter large, the others as they are."""
    written = text(value)
    return written[:1].upper() + written[1:]


def strip(value: object) -> str:
    """Without white space around it."""
    return text(value).strip()


def lstrip(value: object) -> str:
    """Without white space before it."""
    return text(value).lstrip()


def rstrip(value: object) -> str:
    """Without white space behind it."""
    return text(value).rstrip()


def squish(value: object) -> str:
    """Without white space around it, and with a single space for each stretch of it inside."""
    written = text(value)
    return type(written)(_SPACE.sub(" ", written.strip()))


def strip_newlines(value: object) -> str:
    """Without line breaks."""
    return text(value).replace("\r", "").replace("\n", "")


def strip_html(value: object) -> str:
    """Without what stands in angle brackets."""
    written = text(value)
    return type(written)(_TAG.sub("", written))


def replace(value: object, old: object, new: object = "") -> str:
    """With every occurrence of a text replaced by another."""
    written, sought, put = text(value), text(old), text(new)
    if not sought:
        raise FilterArgumentError("there must be something to replace", token=None)
    _bounded(len(written) + written.count(sought) * (len(put) - len(sought)))
    return written.replace(sought, put)


def replace_first(value: object, old: object, new: object = "") -> str:
    """With the first occurrence of a text replaced by another."""
    return text(value).replace(text(old), text(new), 1)


def replace_last(value: object, old: object, new: object = "") -> str:
    """With the last occurrence of a text replaced by another."""
    written, sought = text(value), text(old)
    at = written.rfind(sought)
    return written if at == -1 else written[:at] + text(new) + written[at + len(sought) :]


def remove(value: object, old: object) -> str:
    """Without any occurrence of a text."""
    return replace(value, old)


def remove_first(value: object, old: object) -> str:
    """Without the first occurrence of a text."""
    return replace_first(value, old)


def remove_last(value: object, old: object) -> str:
    """Without the last occurrence of a text."""
    return replace_last(value, old)


def truncate(value: object, length: object = 50, end: object = "...") -> str:
    """At most so many characters, of which the end says that there was more."""
    written, mark, most = text(value), text(end), whole(length)
    if len(written) <= most:
        return written
    return written[: max(most - len(mark), 0)] + mark


def truncatewords(value: object, count: object = 15, end: object = "...") -> str:
    """At most so many words, and an end when there were more."""
    written = text(value)
    words = written.split()
    most = max(whole(count), 1)
    if len(words) <= most:
        return written
    return type(written)(" ").join(words[:most]) + text(end)


def cut(value: object, start: object, length: object = 1) -> Any:
    """So many characters (or items of a list) from a place on; a negative place counts from the end."""
    whole_value: Any = value if isinstance(value, list | tuple) else text(value)
    at, count = whole(start), max(whole(length), 0)
    if at < 0:
        at += len(whole_value)
    if at < 0:
        return whole_value[:0]
    return whole_value[at : at + min(count, bounds.TEMPLATE_VALUE)]


def split(value: object, by: object) -> list[str]:
    """The parts of a text between occurrences of another; its characters, when that is empty."""
    written, separator = text(value), text(by)
    if not written:
        return []
    if not separator:
        return [type(written)(character) for character in written]
    return written.split(None if separator == " " else separator)


def join(value: object, by: object = " ") -> str:
    """The items of a list as one text, with another between them."""
    if not isinstance(value, list | tuple):
        return text(value)
    separator, parts = text(by), [text(item) for item in value]
    _bounded(sum(map(len, parts)) + len(separator) * len(parts))
    if any(isinstance(piece, Markup) for piece in (separator, *parts)):
        return Markup.escape(separator).join(parts)
    return separator.join(parts)


def _bounded(length: int) -> None:
    """Refuse a result before it takes the memory."""
    if length > bounds.TEMPLATE_VALUE:
        raise ResourceLimitError(f"a text on the way is longer than {bounds.TEMPLATE_VALUE} characters", token=None)


FILTERS: dict[str, Callable[..., Any]] = {
    "append": append,
    "capitalize": capitalize,
    "downcase": downcase,
    "join": join,
    "lstrip": lstrip,
    "prepend": prepend,
    "remove": remove,
    "remove_first": remove_first,
    "remove_last": remove_last,
    "replace": replace,
    "replace_first": replace_first,
    "replace_last": replace_last,
    "rstrip": rstrip,
    "slice": cut,
    "split": split,
    "squish": squish,
    "strip": strip,
    "strip_html": strip_html,
    "strip_newlines": strip_newlines,
    "truncate": truncate,
    "truncatewords": truncatewords,
    "upcase": upcase,
}
