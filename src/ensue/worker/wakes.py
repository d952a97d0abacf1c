"""Hints that something was committed. Losing one costs latency, never work: every waiter looks for itself."""

import asyncio


class Wakes:
    """Wakes everyone who waits, after each commit."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def committed(self) -> None:
        """Say that a transaction is durable."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return at the next commit, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._next.wait()
        except TimeoutError:
            return
