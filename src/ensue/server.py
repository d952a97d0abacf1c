"""Uvicorn, made to say where it listens and to stop without a trace."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, getaddrinfo, socket
from types import FrameType
from typing import Literal

import uvicorn

from ensue.base.errors import Unavailable
from ensue.worker.wakes import Wakes

_BACKLOG = 2_048
_DRAIN_SECONDS = 20


class Server(uvicorn.Server):
    """Says hello once it listens, and tells the live streams to end as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, wakes: Wakes, hello: Callable[[str], str] | None) -> None:
        super().__init__(config)
        self._wakes = wakes
        self._hello = hello

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started and self._hello is not None:
            # Port 0 takes any free one: ask which.
            port = self.servers[0].sockets[0].getsockname()[1]
            say(self._hello(_url(self.config.host, port)))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, and no more than that: Uvicorn would raise it again and take the clean-up with it."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        super().handle_exit(sig, frame)
        if self.started:
            asyncio.get_running_loop().call_soon_threadsafe(self._wakes.stop)


def settings(host: str, port: int, app: object) -> uvicorn.Config:
    """How Uvicorn serves an app."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=_protocol(),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _protocol() -> "type[asyncio.Protocol] | Literal['h11']":
    if sys.platform == "win32":
        # There is no httptools there. h11 bounds a head by itself.
        return "h11"
    from ensue.api.wire import BoundedHttp  # noqa: PLC0415  it needs httptools

    return BoundedHttp


def refuse_taken(host: str, port: int) -> None:
    """Find out whether the port can be had, before anything is made for it.

    Raises:
        Unavailable: somebody listens there already.
    """
    if port == 0:
        return
    family, kind, protocol, _, address = getaddrinfo(host, port, type=SOCK_STREAM)[0]
    with socket(family, kind, protocol) as trial:
        trial.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            raise Unavailable(f"Cannot listen on {host}, port {port}: {error.strerror}. Choose with --port.") from None


def listen(host: str, port: int) -> tuple[socket, str]:
    """A socket for several processes to serve from, and its URL."""
    family, kind, protocol, _, address = getaddrinfo(host, port, type=SOCK_STREAM)[0]
    listener = socket(family, kind, protocol)
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listener.bind(address)
    # From now on a connection waits for whoever comes to serve it.
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener, _url(host, listener.getsockname()[1])


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  only shown
    return f"http://{shown}:{port}"


def say(text: str) -> None:
    """Tell the person at the terminal; not a log line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
