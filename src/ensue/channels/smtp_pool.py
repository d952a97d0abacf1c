"""Connections to mail servers, kept open for a while for the next mail of the same sender."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from socket import socket
from typing import Any

from aiosmtplib import SMTP, SMTPException

from ensue.base import domains
from ensue.channels import names

CONNECT_SECONDS = 15.0
ANSWER_SECONDS = 20.0

_KEPT_SECONDS = 20.0
# Servers end long conversations themselves; a new one now and then also finds the other machines behind a name.
_MAILS_EACH = 500

_Key = tuple[object, ...]


class Connection:
    """One connection. `mails` counts those that it has carried; `broken` is set when it cannot carry another."""

    def __init__(self, key: _Key, smtp: SMTP) -> None:
        self.key = key
        self.smtp = smtp
        self.mails = 0
        self.broken = False
        self.closing: asyncio.TimerHandle | None = None


class SmtpPool:
    """Connections by sender. How many there are at once is for those who take them to bound."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, allowed: Callable[[str], bool] = lambda _address: True
    ) -> None:
        """Ready to be used.

        Args:
            tls: how servers prove who they are; by default, as the machine trusts.
            allowed: whether an IP address may be connected to.
        """
        self._tls = tls
        self._allowed = allowed
        self._idle: dict[_Key, list[Connection]] = {}
        self._goodbyes: set[asyncio.Task[None]] = set()

    async def take(self, workspace_id: int, settings: Mapping[str, Any]) -> Connection:
        """An open connection of a sender, signed in.

        Raises:
            SMTPException, OSError: there can be none now.
        """
        key = _key(workspace_id, settings)
        idle = self._idle.get(key, [])
        while idle:
            connection = idle.pop()
            if connection.closing is not None:
                connection.closing.cancel()
            if connection.smtp.is_connected:
                return connection
        self._idle.pop(key, None)
        return await self._open(key, settings)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next mail, if it can carry another."""
        if connection.broken or connection.mails >= _MAILS_EACH or not connection.smtp.is_connected:
            self._leave(connection)
            return
        self._idle.setdefault(connection.key, []).append(connection)
        connection.closing = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._expire, connection)

    async def close(self) -> None:
        """Say goodbye on every connection."""
        for idle in list(self._idle.values()):
            for connection in idle:
                if connection.closing is not None:
                    connection.closing.cancel()
                self._leave(connection)
        self._idle.clear()
        await asyncio.gather(*self._goodbyes, return_exceptions=True)

    async def _open(self, key: _Key, settings: Mapping[str, Any]) -> Connection:
        security = settings["security"]
        plain = await self._connect(settings["host"], settings["port"])
        smtp = SMTP(
            # Only for what the server must prove: the connection is there.
            hostname=settings["host"],
            sock=plain,
            use_tls=security == "TLS",
            start_tls=security == "STARTTLS",
            tls_context=self._tls if security != "NONE" else None,
            timeout=CONNECT_SECONDS,
            local_hostname=domains.in_ascii(settings["fromEmail"].rpartition("@")[2]),
        )
        try:
            await smtp.connect()
            if settings.get("username"):
                await smtp.login(settings["username"], settings.get("password") or "")
        except BaseException:
            smtp.close()
            plain.close()
            raise
        smtp.timeout = ANSWER_SECONDS
        return Connection(key, smtp)

    async def _connect(self, host: str, port: int) -> socket:
        """A connection to the first address of a host that answers. The name is asked once, and each address looked at.

        Raises:
            OSError: there is none, or one that must not be connected to.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await names.find(host, port)
            for *_, address in found:
                if not self._allowed(str(address[0])):
                    raise ConnectionRefusedError(f"{host} is at {address[0]}, which is not a public address.")
            failed = OSError(f"{host} has no address.")
            for family, kind, protocol, _, address in found:
                plain = socket(family, kind, protocol)
                plain.setblocking(False)
                try:
                    await loop.sock_connect(plain, address)
                except OSError as error:
                    plain.close()
                    failed = error
                except BaseException:
                    plain.close()
                    raise
                else:
                    return plain
        raise failed

    def _expire(self, connection: Connection) -> None:
        idle = self._idle.get(connection.key, [])
        if connection in idle:
            idle.remove(connection)
            self._leave(connection)
        if not idle:
            self._idle.pop(connection.key, None)

    def _leave(self, connection: Connection) -> None:
        if connection.broken or not connection.smtp.is_connected:
            connection.smtp.close()
            return
        goodbye = asyncio.get_running_loop().create_task(_quit(connection.smtp))
        self._goodbyes.add(goodbye)
        goodbye.add_done_callback(self._goodbyes.discard)


async def _quit(smtp: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await smtp.quit(timeout=2)
    smtp.close()


def _key(workspace_id: int, settings: Mapping[str, Any]) -> _Key:
    names = ("host", "port", "security", "username", "password", "fromEmail")
    return (workspace_id, *(settings.get(name) for name in names))
