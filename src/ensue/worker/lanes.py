"""Lanes of delivery: how many messages each may have under way, and how fast they may go."""

import asyncio
from collections.abc import Callable

# So many messages of a lane are taken ahead, so that a connection never waits for the store.
TAKEN_AHEAD = 64
AT_ONCE = 8


class Lane:
    """One channel of one workspace. `clock` gives seconds that only ever go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.under_way: set[int] = set()
        self.slots = asyncio.Semaphore(AT_ONCE)
        self._clock = clock
        self._per_second: float | None = None
        self._tokens = 0.0
        self._counted_at = 0.0

    def pace(self, per_second: float | None) -> None:
        """Let so many go in a second, at most one second's worth at once; None for as many as can."""
        now = self._clock()
        if per_second is None:
            self._per_second = None
            return
        if self._per_second is None:
            self._tokens, self._counted_at = 1.0, now
        self._tokens = min(self._tokens + (now - self._counted_at) * per_second, max(per_second, 1.0))
        self._per_second, self._counted_at = per_second, now

    def allowed(self) -> int:
        """How many may be taken now."""
        free = max(0, TAKEN_AHEAD - len(self.under_way))
        return free if self._per_second is None else min(free, int(self._tokens))

    def take(self, message_ids: set[int]) -> None:
        """Count messages as under way."""
        self.under_way |= message_ids
        self._tokens -= len(message_ids)

    def wait_for(self) -> float | None:
        """Seconds until the pace lets another one go; None when it does not keep it back."""
        if self._per_second is None or self._tokens >= 1:
            return None
        return max(0.0, (1 - self._tokens) / self._per_second - (self._clock() - self._counted_at))

    @property
    def idle(self) -> bool:
        """Whether nothing is lost when it is forgotten."""
        return not self.under_way and self._per_second is None
