"""Hints that something was committed. Losing one costs latency, never work: every waiter looks for itself."""

import asyncio


class Wakes:
    """Wakes everyone who waits, after each commit and when the server begins to stop."""

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self.stopping = False

    def committed(self) -> None:
        """Say that a transaction is durable."""
        self._next.set()
        self._next = asyncio.Event()

    def stop(self) -> None:
        """Say that nobody should wait any longer."""
        self.stopping = True
        self._next.set()

    def hint(self) -> asyncio.Event:
        """What the next commit or the stop sets. Taken before looking, it misses nothing that comes meanwhile."""
        return self._next

    async def wait(self, seconds: float) -> None:
        """Return at the next commit, at the stop, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._next.wait()
        except TimeoutError:
            return
