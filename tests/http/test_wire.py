"""What raw connections may do: every bad one is answered or cut, and the server lives on."""

import json
import socket
from contextlib import closing

import httpx2
import pytest


@pytest.fixture
def connect(live):
    """Opens a connection."""
    host, port = live.url.removeprefix("http://").split(":")

    def connected() -> socket.socket:
        return socket.create_connection((host, int(port)), timeout=30)

    return connected


def _answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of what is sent until the end."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


def _send_headers_for_ever(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b"x-more: " + b"a" * 1_000_000 + b"\r\n")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"NONSENSE / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n:\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_our_shape(connect, sent):
    with closing(connect()) as connection:
        connection.sendall(sent)
        status, headers, body = _answer(connection)
    assert status == 400
    assert json.loads(body)["error"]["code"] == "malformed_http"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_a_head_without_an_end_is_cut(connect, live):
    with closing(connect()) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nhost: a\r\n")
        with pytest.raises(ConnectionError):
            _send_headers_for_ever(connection)
    assert httpx2.get(f"{live.url}/api/health").status_code == 200


def test_a_long_body_behind_a_short_head_is_no_long_head(connect, owner):
    body = json.dumps({"type": "long", "metadata": {"text": "x" * 60_000}}).encode()
    head = (
        f"POST {owner.w}/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {owner.key}\r\n"
        f"content-length: {len(body)}\r\n"
    ).encode()
    with closing(connect()) as connection:
        # Two at once, so that the second head comes in one piece with the first body.
        connection.sendall(head + b"\r\n" + body + head + b"connection: close\r\n\r\n" + body)
        status, _, rest = _answer(connection)
    assert status == 201
    assert b"HTTP/1.1 201 Created" in rest
