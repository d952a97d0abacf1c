"""The other processes over the same store: hints to and from them, and which one keeps house."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class Neighbours(Protocol):
    """What a process needs of the others."""

    def tell(self) -> None:
        """Let the others know, soon, that something was committed. A hint, which may be lost."""
        ...

    async def my_turn(self) -> None:
        """Return once this process is the one that does what one at a time must do."""
        ...

    async def turn_over(self) -> None:
        """Return once it is not any more."""
        ...

    async def close(self) -> None:
        """Leave."""
        ...


class NoNeighbours:
    """Of a process that is alone with its store."""

    def tell(self) -> None:
        """There is nobody to tell."""

    async def my_turn(self) -> None:
        """It is always this one's."""

    async def turn_over(self) -> None:
        """It never is."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """There is nobody to leave."""


class Loop(Protocol):
    """Work in the background."""

    def start(self) -> None:
        """Begin on the running event loop."""
        ...

    async def close(self) -> None:
        """Stop between two transactions."""
        ...


class House:
    """The loops that one process at a time runs: they keep what they are at in memory, and nobody else may be at it."""

    def __init__(self, neighbours: Neighbours, loops: Callable[[], list[Loop]]) -> None:
        """`loops` makes new ones each time that it is this process's turn."""
        self._neighbours = neighbours
        self._loops = loops
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait for the turn."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="house")

    async def close(self) -> None:
        """Stop the loops."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        while True:
            await self._neighbours.my_turn()
            loops = self._loops()
            for loop in loops:
                loop.start()
            try:
                await self._neighbours.turn_over()
            finally:
                for loop in loops:
                    await loop.close()
