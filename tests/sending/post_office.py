"""A real mail server for tests: it accepts, defers, refuses, hangs up in the middle, or is slow, as it is told."""

import asyncio
import email
import email.policy
import ssl
import threading
import warnings
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, NamedTuple, Self

from aiosmtpd.smtp import SMTP, AuthResult


class Letter(NamedTuple):
    """A mail that was taken."""

    sender: str
    recipients: list[str]
    raw: bytes
    ssl: bool
    user: str | None

    @property
    def mail(self) -> EmailMessage:
        mail = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        return mail


class PostOffice:
    """Takes mails at 127.0.0.1. What it says can be changed at any time; see the attributes.

    Attributes:
        says: what is said to a command (MAIL, RCPT, DATA, END, the last after the data), by a function of the address.
        hangs_up: the command at which the connection is cut instead of an answer; AFTER is at once after taking a mail.
        taken: called with each mail before it is acknowledged.
        at: what happens once at a command, before it is answered: CONNECT, MAIL, RCPT, DATA (as it comes), END, TAKEN.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, **smtp: Any) -> None:
        """`tls` for a server that speaks TLS from the start; `smtp` are options of aiosmtpd's own."""
        self.letters: list[Letter] = []
        self.connections = 0
        self.transports: set[Any] = set()
        self.commands: list[str] = []
        self.says: dict[str, Callable[[str], str | None]] = {}
        self.hangs_up: str | None = None
        self.gate: dict[str, threading.Event] = {}
        self.reached: dict[str, threading.Event] = {
            name: threading.Event() for name in ("CONNECT", "MAIL", "RCPT", "DATA", "END")
        }
        self.at: dict[str, Callable[[], None]] = {}
        self._changed = threading.Condition()
        self.taken: Callable[[Letter], None] = lambda _letter: None
        self._tls = tls
        self._smtp = smtp
        self.port = 0

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self) -> None:
        """Listen, on the same port as before when it was closed meanwhile."""
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def close(self) -> None:
        for gate in self.gate.values():
            gate.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda _loop, _context: None)
        options: dict[str, Any] = {"enable_SMTPUTF8": False, "loop": loop, "hostname": "post.test"} | self._smtp

        def speaker() -> SMTP:
            with warnings.catch_warnings():
                # Of options that nobody should choose outside tests.
                warnings.simplefilter("ignore")
                return _Smtp(self, **options)

        listening = loop.create_server(speaker, "127.0.0.1", self.port, ssl=self._tls)
        server = loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        server.close()
        for transport in list(self.transports):
            transport.abort()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    def waits_until(self, enough: Callable[[list[Letter]], bool], seconds: float = 60) -> None:
        """Return once the mails that were taken are enough."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.letters), seconds), self.letters

    def _happens(self, command: str) -> None:
        if command in self.at:
            self.at.pop(command)()

    def drop_all(self) -> None:
        """End every connection that is open, as a server does with those that are idle for long."""
        done = threading.Event()

        def drop() -> None:
            for transport in list(self.transports):
                transport.close()
            self._loop.call_later(0.01, done.set)

        self._loop.call_soon_threadsafe(drop)
        done.wait(10)

    # What aiosmtpd calls

    async def answer(self, server: Any, command: str, address: str, usual: str) -> str:
        self.commands.append(command)
        self.reached[command].set()
        self._happens(command)
        if command in self.gate:
            await asyncio.to_thread(self.gate[command].wait, 30)
        if self.hangs_up == command:
            server.transport.abort()
            await asyncio.sleep(0)
        said = self.says[command](address) if command in self.says else None
        return said or usual

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self.answer(server, "MAIL", address, "250 2.1.0 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        said = await self.answer(server, "RCPT", address, "250 2.1.5 OK")
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any):  # noqa: N802
        said = await self.answer(server, "END", envelope.rcpt_tos[0], "250 2.0.0 Taken")
        if said.startswith("2"):
            encrypted = server.transport.get_extra_info("cipher") is not None
            user = session.auth_data.decode() if session.auth_data else None
            letter = Letter(
                envelope.mail_from or "",
                envelope.rcpt_tos,
                envelope.original_content or b"",
                encrypted,
                user,
            )
            with self._changed:
                self.letters.append(letter)
                self._changed.notify_all()
            self.taken(letter)
            self._happens("TAKEN")
        if self.hangs_up == "AFTER":
            server.transport.abort()
        return said


class _Smtp(SMTP):
    """Cuts the connection at DATA, too, while the data comes."""

    transport: Any

    def connection_made(self, transport: Any) -> None:
        office = self.event_handler
        office.connections += 1
        office.transports.add(transport)
        office.reached["CONNECT"].set()
        office._happens("CONNECT")
        if office.hangs_up == "CONNECT":
            transport.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.transports.discard(self.transport)
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        # Servers do say bytes that they should not.
        await super().push(status.encode("latin-1") if isinstance(status, str) else status)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        self.event_handler.commands.append("AUTH")
        await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        office = self.event_handler
        office.reached["DATA"].set()
        if "DATA" in office.at:
            await self.push("354 Go ahead")
            await self._reader.readline()
            office._happens("DATA")
            return
        if office.hangs_up == "DATA":
            await self.push("354 Go ahead")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def accepting(**users: str) -> Callable[..., AuthResult]:
    """An authenticator that knows these users by their passwords."""

    def authenticate(server, session, envelope, mechanism, auth_data):
        login, password = auth_data.login.decode(), auth_data.password.decode()
        if users.get(login) != password:
            return AuthResult(success=False, handled=False)
        session.auth_data = auth_data.login
        return AuthResult(success=True, auth_data=auth_data.login)

    return authenticate
