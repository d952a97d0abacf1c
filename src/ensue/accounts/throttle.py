"""Slows down the guessing of passwords, per account and per address."""

import ipaddress

from ensue.accounts import bounds
from ensue.base.clock import SECOND, Clock
from ensue.base.errors import TooMany


class _Window:
    """Attempts since an instant."""

    __slots__ = ("attempts", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.attempts = 0


class Throttle:
    """Counts sign-ins that have not succeeded, in windows of `bounds.THROTTLE_WINDOW`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}

    def attempt(self, account: str, address: str) -> None:
        """Count an attempt before its password is looked at, so that many at once cannot slip through together.

        Raises:
            TooMany: this account or this address has had its share.
        """
        now = self._clock.now()
        windows = (
            (self._window(("address", network(address)), now), bounds.THROTTLE_ADDRESS),
            (self._window(("account", account), now), bounds.THROTTLE_ACCOUNT),
        )
        for window, most in windows:
            if window.attempts >= most:
                left = window.since + bounds.THROTTLE_WINDOW - now
                raise TooMany("Too many sign-ins have failed. Try again later.", retry_after=-(-left // SECOND))
        for window, _ in windows:
            window.attempts += 1

    def succeeded(self, account: str, address: str) -> None:
        """Take back what a successful attempt counted; the account starts afresh."""
        self._windows.pop(("account", account), None)
        window = self._windows.get(("address", network(address)))
        # Only this one attempt: an account of one's own must not wash away guesses at others.
        if window is not None and window.attempts:
            window.attempts -= 1

    def _window(self, key: tuple[str, str], now: int) -> _Window:
        window = self._windows.get(key)
        # A clock that stepped back must not lengthen the wait.
        if window is None or not 0 <= now - window.since < bounds.THROTTLE_WINDOW:
            self._windows.pop(key, None)
            if len(self._windows) >= bounds.THROTTLE_KEPT:
                del self._windows[next(iter(self._windows))]
            window = self._windows[key] = _Window(now)
        return window


def network(address: str) -> str:
    """The address, or the /64 that one IPv6 customer usually has all of."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
