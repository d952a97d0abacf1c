"""Our own load generator, for machines without `wrk`: `python -m bench.client PORT CONNECTIONS SECONDS …`.

The further arguments, and the line it prints, are those of `wrk.lua`.
"""

import asyncio
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast


class Tally:
    """What all connections did."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.refused = 0
        self.broken = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the last one's answer is complete."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, until: float) -> None:
        self._requests = requests
        self._tally = tally
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        # uvloop's transport has the methods but not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is whole."""
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at : head.find(b"\r", at) if head.find(b"\r", at) >= 0 else None])
        if len(self._buffer) < head_end + 4 + length:
            return
        now = time.perf_counter()
        self._tally.latencies.append(now - self._sent)
        self._tally.refused += head[9:10] != b"2"
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends before its time is broken."""
        self._tally.broken += time.perf_counter() < self._until
        if not self.done.done():
            self.done.set_result(None)


def requests(file: str, path: str, key: str, prefix: str, kind: str) -> Iterator[bytes]:
    """Whole requests, one after another, each with a key of its own."""
    method = "GET" if kind == "get" else "POST"
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n".encode()
    if kind == "get":
        while True:
            yield head + b"\r\n"
    head += b"Content-Type: application/json\r\n"
    lines = Path(file).read_bytes().splitlines()
    count = 0
    while True:
        for line in lines:
            count += 1
            own = f"{prefix}{count}".encode()
            if kind == "keyed":
                first, *rest = line.split(b"@@")
                body = first + b"".join(b"%b.%d%b" % (own, at, part) for at, part in enumerate(rest))
            else:
                body = line
            yield head + b"Idempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (own, len(body), body)


async def _load(port: int, connections: int, seconds: float, arguments: list[str]) -> Tally:
    loop = asyncio.get_running_loop()
    tally = Tally()
    source = requests(*arguments)
    until = time.perf_counter() + seconds
    made = [
        await loop.create_connection(lambda: Connection(source, tally, until), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return tally


def main(arguments: list[str]) -> None:
    """Load a server and print what came of it."""
    port, connections, seconds, *rest = arguments
    begun = time.perf_counter()
    if importlib.util.find_spec("uvloop"):
        importlib.import_module("uvloop").install()
    tally = asyncio.run(_load(int(port), int(connections), float(seconds), rest))
    latencies = sorted(tally.latencies) or [0.0]
    figures = {
        "requests": len(tally.latencies),
        "seconds": time.perf_counter() - begun,
        "refused": tally.refused,
        "broken": tally.broken,
        "p50": latencies[len(latencies) // 2] * 1000,
        "p99": latencies[int(len(latencies) * 0.99)] * 1000,
    }
    print("BENCH " + json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
