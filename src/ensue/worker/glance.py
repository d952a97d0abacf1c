"""Small questions of the store from the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ensue.store.ports import Readable, Tables

T = TypeVar("T")


async def glance(store: Readable, question: Callable[[Tables], T]) -> T:
    """The answer to a question that an index answers in microseconds.

    It is asked here and now where that is all it takes, and on a thread where a server may let it wait.
    """
    if store.statements_wait:
        return await asyncio.get_running_loop().run_in_executor(None, store.read, question)
    return store.read(question)
