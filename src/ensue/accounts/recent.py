"""What was read a moment ago, so that not every request has to read it again."""

from typing import Generic, TypeVar

from ensue.accounts import bounds

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `bounds.KEPT` values, each believed for `bounds.FRESH`: so late a change by another process counts."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[K, tuple[V, int]] = {}

    def get(self, key: K, now: int) -> V | None:
        """The value, unless it is unknown or was read too long ago."""
        kept = self._kept.get(key)
        # A clock that stepped back must not make it fresh for longer.
        if kept is None or not 0 <= now - kept[1] < bounds.FRESH:
            return None
        return kept[0]

    def put(self, key: K, value: V, now: int) -> V:
        """Keep a value that was read now."""
        self._kept.pop(key, None)
        if len(self._kept) >= bounds.KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (value, now)
        return value

    def clear(self) -> None:
        """Believe nothing any more."""
        self._kept.clear()
