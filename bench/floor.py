"""The floor: the same server and decoder as the product, which answer and store nothing."""

from typing import Any

from ensue.api.ingest import read_event

_JSON = (b"content-type", b"application/json")
# As long as the answer to the posted body.
_CREATED = b'{"id":"evt_01c5v9s4e0000","type":"purchase","metadata":' + b"{}" + b" " * 337 + b"}"


class Floor:
    """Decodes and validates an event as the product does, and answers about 400 bytes."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        if body:
            key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)
            read_event(1, body, key.decode("latin-1") if key is not None else None, 0, "api")
        await _answer(send, 201, _CREATED)


class Page:
    """Answers the bytes that it was given."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            await _answer(send, 200, self._body)


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
