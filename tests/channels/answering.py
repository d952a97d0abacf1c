"""A real HTTP server that keeps what it is sent and answers as it was told to."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple


class Request(NamedTuple):
    """What came in. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reply(NamedTuple):
    """What goes out."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


DROP = Reply(0)
"""Read the request, then close the connection without an answer."""

Answer = Callable[[Request], Reply]


class Answering:
    """Use it in a `with` block. `next` holds replies that go before those of `usual`."""

    def __init__(self, usual: Answer) -> None:
        self.usual = usual
        self.next: list[Reply] = []
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.path, headers, body)
                outer.requests.append(request)
                reply = outer.next.pop(0) if outer.next else outer.usual(request)
                if reply is DROP:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                # Who asked may have been killed.
                with contextlib.suppress(OSError):
                    self._say(reply)

            def _say(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class BotApiServer(Answering):
    """Telegram's Bot API with one bot, whose chats accept everything."""

    TOKEN = "700:AAE-test_token_of_the_bot"

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.webhook: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []

    def _answer(self, request: Request) -> Reply:
        _, token, method = request.path.split("/")
        if token != f"bot{self.TOKEN}":
            return refusal(401, "Unauthorized")
        match method:
            case "getMe":
                return result({"id": 700, "is_bot": True, "first_name": "Shop", "username": "shop_bot"})
            case "setWebhook":
                self.webhook = request.json
                return result(True)
            case "deleteWebhook":
                self.webhook = {}
                return result(True)
            case "getWebhookInfo":
                return result({"url": self.webhook.get("url", ""), "pending_update_count": 0})
            case "sendMessage":
                self.sent.append(request.json)
                return result({"message_id": 1000 + len(self.sent), "date": 1, "chat": {"id": request.json["chat_id"]}})
            case _:
                return refusal(404, "Not Found: method not found")


def result(value: Any) -> Reply:
    return Reply(200, json.dumps({"ok": True, "result": value}).encode(), {"content-type": "application/json"})


def refusal(code: int, description: str, **parameters: int) -> Reply:
    said = {"ok": False, "error_code": code, "description": description}
    if parameters:
        said["parameters"] = parameters
    return Reply(code, json.dumps(said).encode(), {"content-type": "application/json"})


def push_service() -> Answering:
    """A push service that takes everything."""
    return Answering(lambda _: Reply(201, b"", {"location": "https://push.example.net/message/1"}))
