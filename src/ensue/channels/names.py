"""Where a host is. Asked on threads of their own: a slow name must not hold up whoever shares the loop's threads."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

# They are only made when a name is asked for, and wait for the network alone.
_threads = ThreadPoolExecutor(16, thread_name_prefix="names")

Found = list[tuple[Any, Any, int, str, Any]]
"""As `socket.getaddrinfo` gives them: family, kind, protocol, canonical name, address."""


async def find(host: str, port: int) -> Found:
    """The addresses of a host, for a stream.

    Raises:
        OSError: it has none. UnicodeError: it is no name.
    """
    ask = partial(getaddrinfo, host, port, type=SOCK_STREAM)
    return await asyncio.get_running_loop().run_in_executor(_threads, ask)
