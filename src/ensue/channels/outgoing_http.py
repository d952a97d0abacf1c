"""Requests to addresses that somebody else chose: only to the public network, and only so much of an answer.

A name is resolved once; when every address of it is public, the connection goes to one of those addresses, so that a
name that answers differently the next time gains nothing. Redirects are not followed and proxies of the environment not
used. Networks inside can be allowed by the operator (`private_targets`).
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import gaierror
from typing import Any, Final

import httpcore2
import httpx2

from ensue.channels import names

SECONDS: Final = 15.0
READ: Final = 64 * 1024

_CONNECTIONS = 100
_KEPT_SECONDS = 20.0

Network = IPv4Network | IPv6Network

# Whatever else IPv6 has is a way to IPv4, something local, or nobody's yet.
_UNICAST: Final = IPv6Network("2000::/3")
# Public by the registry, yet each leads to an IPv4 address that it carries, to the next router, or to nobody.
_NOT_PUBLIC: Final = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)


class OutgoingFailed(Exception):
    """No answer; the sentence says why.

    Attributes:
        sent: whether the other side may have received the request.
    """

    def __init__(self, sentence: str, *, sent: bool = False) -> None:
        super().__init__(sentence)
        self.sent = sent


class TargetRefused(OutgoingFailed):
    """The address is none that may be called: not on the web, or not public."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names in lower case, and at most the first 64 KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_public(text: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is one of the public network, or of one that the operator allows."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


class OutgoingHttp:
    """The guarded client, for as long as the process runs. Use it on one event loop."""

    def __init__(self, allowed: Iterable[Network] = (), tls: ssl.SSLContext | None = None) -> None:
        """Ready to be used.

        Args:
            allowed: networks that may be reached although they are not public.
            tls: how servers prove who they are; by default, as the machine trusts.
        """
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpx2.create_ssl_context(trust_env=False),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=_Guarded(tuple(allowed)),
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post a body and read the answer, whatever its status.

        Raises:
            OutgoingFailed: there is no answer; TargetRefused: there must be none.
        """
        return await self.request("POST", url, body, headers)

    async def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request and read the answer, whatever its status; raises as `post` does."""
        target = _target(url)
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        progress = _Progress()
        try:
            async with asyncio.timeout(SECONDS):
                return await self._answer(method, target, body, sent, progress)
        except TimeoutError:
            raise OutgoingFailed(f"No answer within {SECONDS:.0f} seconds.", sent=progress.begun) from None
        except httpcore2.TimeoutException:
            raise OutgoingFailed("No answer in time.", sent=progress.begun) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
            raise OutgoingFailed(_sentence(error), sent=progress.begun) from error

    async def _answer(
        self, method: str, target: httpcore2.URL, body: bytes, sent: list[tuple[bytes, bytes]], progress: "_Progress"
    ) -> Reply:
        # Nothing is decompressed, so that 64 KiB are 64 KiB.
        headers = [(b"Host", _host(target)), (b"Accept-Encoding", b"identity"), *sent]
        extensions = {"trace": progress.note}
        async with self._pool.stream(method, target, headers=headers, content=body, extensions=extensions) as response:
            read = bytearray()
            async for piece in response.aiter_stream():
                read += piece
                if len(read) >= READ:
                    break
        shown = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return Reply(response.status, shown, bytes(read[:READ]))

    async def close(self) -> None:
        """Let go of connections."""
        await self._pool.aclose()


class _Progress:
    """Notices when the first byte of a request is about to be sent."""

    begun = False

    async def note(self, event: str, details: dict[str, Any]) -> None:
        """Called by the client at each of its steps."""
        if event.endswith("send_request_headers.started"):
            self.begun = True


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects only where it may."""

    def __init__(self, allowed: tuple[Network, ...]) -> None:
        self._allowed = allowed
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature of what it stands for
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address of a host that answers."""
        addresses = await self._resolved(host, port)
        failed: Exception | None = None
        for address in addresses:
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed

    async def _resolved(self, host: str, port: int) -> list[str]:
        try:
            found = await names.find(host, port)
        except (gaierror, UnicodeError):
            raise httpcore2.ConnectError(f"{host} cannot be found") from None
        addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
        for address in addresses:
            if not is_public(address, self._allowed):
                raise TargetRefused(f"{host} is at {address}, which is not a public address.")
        return addresses


def _target(url: str) -> httpcore2.URL:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, TypeError):
        raise TargetRefused("That is not an address on the web.") from None
    if parsed.scheme not in {"http", "https"} or not parsed.raw_host or parsed.userinfo:
        raise TargetRefused("An address must begin with http:// or https://, and contain no password.")
    return httpcore2.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)


def _host(target: httpcore2.URL) -> bytes:
    host = b"[" + target.host + b"]" if b":" in target.host else target.host
    return host if target.port is None else host + b":" + str(target.port).encode()


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
