"""Whether a request that a browser signed by itself, with a cookie, was meant by its user."""

from ensue.base.errors import Forbidden

Headers = dict[bytes, bytes]

_READING = frozenset({"GET", "HEAD"})


def require_same_origin(method: str, sent: Headers, public_origin: bytes | None) -> None:
    """Let a cookie change something only from our own pages, or from a program.

    A change needs `Content-Type: application/json`, which no form can send, and what the browser says of the page must
    be that it is ours: `Sec-Fetch-Site: same-origin`, or an `Origin` that is our own. A request that says neither comes
    from no browser: they all send `Origin` with a change, and ask us first before they send JSON for another site.

    Raises:
        Forbidden: code `csrf`.
    """
    if method in _READING:
        return
    fetched = sent.get(b"sec-fetch-site") == b"same-origin"
    if not _is_json(sent) and not (fetched and not _has_body(sent)):
        raise Forbidden(
            "A change signed by a cookie needs Content-Type: application/json; or use an API key "
            "(Authorization: Bearer ens_...).",
            code="csrf",
        )
    refuse_other_origins(sent, public_origin)


def refuse_other_origins(sent: Headers, public_origin: bytes | None) -> None:
    """Refuse what a browser says comes from another site's page. Programs, which say nothing, may pass.

    Also for requests that need no cookie but give one: another site must not sign its visitor in here.

    Raises:
        Forbidden: code `csrf`.
    """
    site, origin = sent.get(b"sec-fetch-site"), sent.get(b"origin")
    if site == b"same-origin" or (site is None and origin is None) or _is_ours(origin, sent, public_origin):
        return
    raise Forbidden("This can only be done from our own pages, or without Origin and Sec-Fetch-Site.", code="csrf")


def _is_json(sent: Headers) -> bool:
    return sent.get(b"content-type", b"").split(b";")[0].strip().lower() == b"application/json"


def _has_body(sent: Headers) -> bool:
    return b"transfer-encoding" in sent or sent.get(b"content-length", b"0") != b"0"


def _is_ours(origin: bytes | None, sent: Headers, public_origin: bytes | None) -> bool:
    if origin is None:
        return False
    # The scheme is not compared with Host: behind a proxy that ends TLS we see another one than the browser.
    return origin == public_origin or origin.partition(b"://")[2] == sent.get(b"host")
