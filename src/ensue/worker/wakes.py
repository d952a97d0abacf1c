"""Hints that something was committed. Losing one costs latency, never work: every waiter looks for itself."""

import asyncio
from collections.abc import Callable


class Wakes:
    """Wakes everyone who waits, after each commit and when the server begins to stop.

    `pass_on` is called after each commit of this process: it tells the other processes.
    """

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self.stopping = False
        self.pass_on: Callable[[], None] = lambda: None

    def committed(self) -> None:
        """Say that a transaction of this process is durable."""
        self.heard()
        self.pass_on()

    def heard(self) -> None:
        """Say that a transaction is durable, whosever it was."""
        self._next.set()
        self._next = asyncio.Event()

    def stop(self) -> None:
        """Say that nobody should wait any longer."""
        self.stopping = True
        self._next.set()

    def hint(self) -> asyncio.Event:
        """What the next commit or the stop sets. Taken before looking, it misses nothing that comes meanwhile."""
        return self._next

    async def wait(self, seconds: float, hint: asyncio.Event | None = None) -> None:
        """Return at the next commit, at the stop, or after so many seconds; at once when the hint was set meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await (hint or self._next).wait()
        except TimeoutError:
            return
