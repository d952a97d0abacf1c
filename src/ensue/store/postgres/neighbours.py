"""The other processes over the same database: LISTEN and NOTIFY as a hint, an advisory lock for the turn."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

_log = logging.getLogger(__name__)

_CHANNEL = "ensue"
# "house" as a number.
_HOUSE = 0x686F757365
# Commits come by the hundred a second; one hint for all of a moment is enough.
_HINT_SECONDS = 0.02
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 3.0


class PostgresNeighbours:
    """See `worker.neighbours.Neighbours`. Two connections: one only listens, the other notifies and holds the turn.

    A NOTIFY inside the transaction would make every commit of the database wait for the one before it.
    """

    def __init__(self, url: str, heard: Callable[[], None], **connecting: Any) -> None:
        """`heard` is called on the event loop for each hint of another process."""
        self._url = url
        self._heard = heard
        self._connecting = {"connect_timeout": 5, "application_name": "ensue", **connecting}
        self._told = asyncio.Event()
        self._speaker: psycopg.AsyncConnection | None = None
        self._speaking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen and to tell."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._again_and_again(self._listen), name="listening"),
            loop.create_task(self._again_and_again(self._hint), name="hints"),
        ]

    def tell(self) -> None:
        """Let the others know, soon."""
        self._told.set()

    async def my_turn(self) -> None:
        """Wait until the lock is this process's; whoever holds it loses it with its connection."""
        while True:
            with suppress(psycopg.Error):
                row = await self._say("SELECT pg_try_advisory_lock(%s)", (_HOUSE,))
                if row is not None and row[0]:
                    return
            await asyncio.sleep(_LOOK_SECONDS)

    async def turn_over(self) -> None:
        """Wait until the connection that holds the lock is gone."""
        holder = self._speaker
        with suppress(psycopg.Error):
            while holder is not None and holder is self._speaker:
                await asyncio.sleep(_LOOK_SECONDS)
                await self._say("SELECT 1")

    async def close(self) -> None:
        """Stop, and let go of the turn."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._speaker is not None:
            await self._speaker.close()

    async def _again_and_again(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except psycopg.Error as error:
                _log.warning("the other processes cannot be heard: %s", type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._connecting)
        async with connection:
            await connection.execute(f"LISTEN {_CHANNEL}".encode())
            # What was committed while nobody listened.
            self._heard()
            async for notice in connection.notifies():
                if self._speaker is None or notice.pid != self._speaker.info.backend_pid:
                    self._heard()

    async def _hint(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            await self._say(f"NOTIFY {_CHANNEL}")
            await asyncio.sleep(_HINT_SECONDS)

    async def _say(self, statement: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        async with self._speaking:
            if self._speaker is None or self._speaker.closed:
                self._speaker = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._connecting)
            cursor = await self._speaker.execute(statement.encode(), values)
            return await cursor.fetchone() if cursor.description else None
