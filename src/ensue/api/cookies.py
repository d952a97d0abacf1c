"""The session cookie."""

from starlette.responses import Response

from ensue.accounts import bounds
from ensue.base.clock import SECOND

# The prefix makes browsers refuse it from a subdomain or over plain HTTP.
_SECURE = b"__Host-sid"
_PLAIN = b"sid"


def read(cookie: bytes, *, only_secure: bool) -> bytes | None:
    """The session token in a Cookie header. `only_secure` passes over the name used on plain HTTP."""
    plain = None
    for part in cookie.split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name == _SECURE:
            return value
        if name == _PLAIN and not only_secure:
            plain = value
    return plain


def give(response: Response, token: str, *, secure: bool) -> None:
    """Let the browser keep a session's token."""
    response.set_cookie(
        _name(secure),
        token,
        max_age=bounds.SESSION_MOST // SECOND,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def take(response: Response, *, secure: bool) -> None:
    """Let the browser forget the session's token."""
    response.delete_cookie(_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def _name(secure: bool) -> str:
    return (_SECURE if secure else _PLAIN).decode()
