"""A real HTTP server that receives webhooks: it answers as a test tells it, late, badly or not at all."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

WITHIN = 30


class Received(NamedTuple):
    """What came in. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Answer(NamedTuple):
    """What goes out. RESET cuts the connection after the whole request was read; STALL answers once it is let go."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""


RESET = Answer(-1)
STALL = Answer(-2)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    # As many as may knock at once: one that is turned away would have to wait for the next try.
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """The other side may be gone."""


class Sink:
    """Use it in a `with` block. Of each path, `answers` are given in turn, the last one for ever; else 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._answers: dict[str, list[Answer]] = {}
        self._changed = threading.Condition()
        self._let_go = threading.Event()
        self._at_once: dict[str, int] = {}
        self.most_at_once: dict[str, int] = {}
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._server.server_address[1]}{path}"

    def answer(self, path: str, *answers: Answer) -> None:
        """How requests of a path are answered from now on."""
        self._answers[path] = list(answers)

    def let_go(self) -> None:
        """Answer what has been stalled, and stall no more."""
        self._let_go.set()

    def at(self, path: str) -> list[Received]:
        return [received for received in self.received if received.path == path]

    def wait(self, count: int, path: str | None = None) -> list[Received]:
        """The requests (of a path), once there are so many."""
        return self._wait(lambda: self.received if path is None else self.at(path), count)

    def _wait(self, found: Callable[[], list[Received]], count: int) -> list[Received]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, WITHIN), f"only {found()}"
            return list(found())

    def _take(self, received: Received) -> Answer:
        with self._changed:
            self.received.append(received)
            running = self._at_once[received.path] = self._at_once.get(received.path, 0) + 1
            self.most_at_once[received.path] = max(running, self.most_at_once.get(received.path, 0))
            self._changed.notify_all()
            answers = self._answers.get(received.path, [Answer()])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def _done(self, path: str) -> None:
        with self._changed:
            self._at_once[path] -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = outer._take(Received(self.path, headers, body))
                try:
                    self._answer(answer)
                finally:
                    outer._done(self.path)

            def do_GET(self) -> None:
                self.do_POST()

            def _answer(self, answer: Answer) -> None:
                if answer is RESET:
                    # With no time to linger, closing sends RST.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                if answer is STALL:
                    outer._let_go.wait(WITHIN)
                    answer = Answer()
                self.send_response(answer.status)
                for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
