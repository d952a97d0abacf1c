"""HTTP on the wire: Uvicorn's protocol, with bounds on a connection that it leaves open."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ensue.api import problems
from ensue.api.security_headers import HEADERS
from ensue.base import bounds
from ensue.base.errors import EnsueError


class BoundedHttp(HttpToolsProtocol):
    """Cuts a head that is too long or too slow, a body that goes on after its answer, and an answer that is not read.

    What is no HTTP is answered in the shape of every other error.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request soon."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = False
        self._began = False
        self._in_body = False
        self._stall: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._expect(bounds.HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._expected()
        self._flows()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which keeps a head in memory until it is whole."""
        self._began = False
        super().data_received(data)
        # Where in the data a head began is not known: that piece is not counted.
        if self._in_head and not self._began:
            self._head_bytes += len(data)
            if self._head_bytes > bounds.HEAD:
                sentence = f"The request line and the headers have at most {bounds.HEAD} bytes."
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, EnsueError(sentence, code="head_too_large"))

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused."""
        self._refuse(HTTPStatus.BAD_REQUEST, EnsueError(msg, code="malformed_http"))

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = self._began = True
        self._head_bytes = 0
        self._expect(bounds.HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._in_body = True
        self._expected()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body is whole."""
        self._in_body = False
        self._expected()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is written; what is still coming of the body that it is about has the time of any body."""
        super().on_response_complete()
        if self._in_body:
            self._expect(bounds.BODY_SECONDS)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The client has read enough."""
        self._flows()
        super().resume_writing()

    def _refuse(self, status: HTTPStatus, error: EnsueError) -> None:
        if self.transport.is_closing():
            return
        # An answer that is under way must not be taken for this one.
        under_way = bool(self.cycle) and not self.cycle.response_complete
        if not under_way:
            body = problems.body(error)
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
                *HEADERS,
            ]
            lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b": ".join(header) for header in headers)]
            self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    def _expect(self, seconds: float) -> None:
        self._expected()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _expected(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _watch_writing(self) -> None:
        unread = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() < unread:
                self._watch_writing()
            else:
                self.transport.abort()

        self._flows()
        self._stall = self.loop.call_later(bounds.STALL_SECONDS, look)

    def _flows(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
