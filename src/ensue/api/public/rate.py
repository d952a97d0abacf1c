"""How often one address may do something without an account."""

from ensue.accounts.throttle import network
from ensue.base.clock import SECOND, Clock
from ensue.base.errors import TooMany


class Rate:
    """Counts in windows of a fixed length, for a bounded number of addresses: the one not seen longest is forgotten."""

    def __init__(self, clock: Clock, most: int, window: int, kept: int) -> None:
        """At most so many in a `window` of milliseconds; `kept` windows are remembered."""
        self._clock = clock
        self._most = most
        self._window = window
        self._kept = kept
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}

    def count(self, address: str, what: int) -> None:
        """Count one more of an address for one thing.

        Raises:
            TooMany: it has had its share; says when the window ends.
        """
        now, key = self._clock.now(), (network(address), what)
        since, count = self._counts.pop(key, (now, 0))
        # A clock that stepped back must not lengthen the wait.
        if not 0 <= now - since < self._window:
            since, count = now, 0
        if len(self._counts) >= self._kept:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (since, min(count + 1, self._most))
        if count >= self._most:
            raise TooMany("Too many requests. Try again later.", retry_after=-(-(since + self._window - now) // SECOND))
