"""The writing of one text: what it may still spend, what it found missing, and in whose time it is written."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from liquid import BoundTemplate, RenderContext, Undefined
from liquid.exceptions import ResourceLimitError
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup

from ensue.base import bounds, json
from ensue.templates.values import Missing, Verbatim, text

_NO_DEFAULT = object()


class Setting:
    """What is the same for all texts of one message.

    Attributes:
        scope: names to plain JSON values.
        preview: whether what is missing is shown.
        zone: the time zone in which dates are written.
        now: the present instant, in milliseconds, when the scope says it.
        missing: the paths that were missing so far, in the order in which they were met.
    """

    def __init__(self, scope: Mapping[str, Any], *, preview: bool, zone: tzinfo, now: int | None) -> None:
        self.scope = scope
        self.preview = preview
        self.zone = zone
        self.now = now
        self.missing: dict[str, None] = {}

    def miss(self, path: str) -> str:
        """Keep that a path had no value where one was to be written; what is written in its place."""
        self.missing[path] = None
        return f"⟦{path}⟧" if self.preview else ""


class Context(RenderContext):
    """The state of one text while it is written.

    Values come from plain JSON by subscription alone, so no name reaches an attribute of a Python object; the library's
    own `now` and `today`, which read the machine's clock, are not in scope.
    """

    __slots__ = ("_spent", "now", "raw", "setting", "writes_json", "zone")

    def __init__(self, template: BoundTemplate, setting: Setting, *, writes_json: bool) -> None:
        super().__init__(template, globals=setting.scope)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self.setting = setting
        self.zone = setting.zone
        self.now = setting.now
        self.writes_json = writes_json
        self.raw = False
        self._spent = 0

    def spend(self, steps: int) -> None:
        """Count steps.

        Raises:
            ResourceLimitError: they are more than one text may take.
        """
        self._spent += steps
        if self._spent > bounds.TEMPLATE_STEPS:
            raise ResourceLimitError(f"takes more than {bounds.TEMPLATE_STEPS} steps to write", token=None)

    def restart(self) -> None:
        """Forget what was spent."""
        self._spent = 0

    def get(self, path: list[object], *, token: Token | None, default: object = _NO_DEFAULT) -> object:
        """The value of a path, or what stands for a missing one. JSON's null is missing, too."""
        found = super().get(path, token=token, default=None)
        if found is None:
            return Missing(_shown(path), self.setting) if default is _NO_DEFAULT else default
        return found

    def get_item(self, obj: Any, key: Any) -> Any:
        """A part of a value: of an object by name, of a list by number; and `size`, `first` and `last` of both."""
        if isinstance(key, float | bool):
            raise KeyError(key)
        return super().get_item(obj, key)

    def assign(self, key: str, val: Any) -> None:
        """Give a name to a value.

        Raises:
            ResourceLimitError: there are too many names.
        """
        if len(self.locals) >= bounds.TEMPLATE_NAMES and key not in self.locals:
            raise ResourceLimitError(f"assigns more than {bounds.TEMPLATE_NAMES} names", token=None)
        super().assign(key, val)

    def escaped(self, value: object) -> str:
        """A value in the language of the text: HTML, the inside of a JSON string, or itself."""
        written = text(value)
        if self.autoescape:
            return str(Markup.escape(written))
        if self.writes_json and not self.raw and not isinstance(written, Verbatim):
            return json.encode_text(str(written))[1:-1]
        return written


def _shown(path: list[object]) -> str:
    shown = ""
    for segment in path:
        if isinstance(segment, str):
            shown += f".{segment}" if shown else segment
        else:
            shown += f"[{'?' if isinstance(segment, Undefined) else segment}]"
    return shown[:200]
