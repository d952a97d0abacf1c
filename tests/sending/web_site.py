"""A real HTTP server for tests that answers as it is told, and keeps what it was asked."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class WebSite:
    """Listens at 127.0.0.1. `answer` is asked for each request: (status, headers, body), or None to hang up."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._changed = threading.Condition()
        self.answer: Callable[[Asked], tuple[int, dict[str, str], bytes] | None] = lambda _asked: (200, {}, b"ok")
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                with site._changed:
                    site.asked.append(asked)
                    site._changed.notify_all()
                answer = site.answer(asked)
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, more, text = answer
                self.send_response(status)
                for name, value in {"content-length": str(len(text)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(text)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = _any  # noqa: N815  the names that it looks for

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def waits_for(self, number: int) -> None:
        """Return once so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= number, 20)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
