"""A mail server that takes everything and keeps nothing: `python -m bench.sink PORT`.

It reads and answers every command, and counts. Told to stop, it prints {"mails", "different", "first", "last"}: how
many mails, with how many different Message-IDs, and the seconds between which they came.
"""

import asyncio
import json
import re
import signal
import sys
import time

import uvloop

_ID = re.compile(rb"\r\nmessage-id: *([^\r]+)", re.IGNORECASE)
_END = b"\r\n.\r\n"


class Tally:
    """What came."""

    def __init__(self) -> None:
        self.mails = 0
        self.ids: set[bytes] = set()
        self.first = 0.0
        self.last = 0.0

    def take(self, mail: bytes) -> None:
        """Count a mail."""
        now = time.monotonic()
        self.first = self.first or now
        self.last = now
        self.mails += 1
        found = _ID.search(mail)
        if found:
            self.ids.add(found[1])


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._read = bytearray()
        self._in_data = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._say(b"220 sink ready")

    def data_received(self, piece: bytes) -> None:
        """Answer every command and every mail that is whole."""
        self._read += piece
        while True:
            if self._in_data:
                end = self._read.find(_END)
                if end < 0:
                    return
                self._tally.take(bytes(self._read[:end]))
                del self._read[: end + len(_END)]
                self._in_data = False
                self._say(b"250 2.0.0 taken")
                continue
            end = self._read.find(b"\r\n")
            if end < 0:
                return
            command = bytes(self._read[:4]).upper()
            del self._read[: end + 2]
            self._answer(command)

    def _answer(self, command: bytes) -> None:
        match command:
            case b"EHLO":
                self._say(b"250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES")
            case b"DATA":
                self._in_data = True
                self._say(b"354 go ahead")
            case b"QUIT":
                self._say(b"221 bye")
                assert self._transport is not None
                self._transport.close()
            case _:
                self._say(b"250 2.0.0 OK")

    def _say(self, line: bytes) -> None:
        assert self._transport is not None
        self._transport.write(line + b"\r\n")


async def _serve(port: int) -> None:
    tally, told = Tally(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    server = await loop.create_server(lambda: Conversation(tally), "127.0.0.1", port)
    print("ready", flush=True)
    await told.wait()
    server.close()
    found = {"mails": tally.mails, "different": len(tally.ids), "first": tally.first, "last": tally.last}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
