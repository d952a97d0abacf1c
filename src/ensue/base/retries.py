"""When something that could not be done outside is tried again."""

from collections.abc import Callable
from typing import Final

from ensue.base.clock import HOUR, MINUTE, SECOND

SCHEDULE: Final = (
    0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
"""The pauses between tries, in milliseconds: the first try is due at once, and after the last pause comes the last."""

_ASKED_MOST = 24 * HOUR
_JITTER = 0.1


def next_try(tries: int, at: int, draw: Callable[[], float], asked: int | None = None) -> int | None:
    """The instant of the next try, after so many that failed; None to give up.

    Up to a tenth is added to each pause, so that what failed together is not tried together: `draw` gives a number from
    0 to below 1. `asked` is the pause that the other side asked for, in milliseconds, and is kept when it is longer.
    """
    if tries >= len(SCHEDULE):
        return None
    pause = max(SCHEDULE[tries], min(asked or 0, _ASKED_MOST))
    return at + pause + int(pause * _JITTER * draw())
