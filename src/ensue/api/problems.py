"""Errors as answers. Nothing else knows status codes of failures."""

from ensue.base import json
from ensue.base.errors import (
    Conflict,
    EnsueError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

# The most specific class first.
_STATUS: tuple[tuple[type[EnsueError], int], ...] = (
    (TooLarge, 413),
    (Unprocessable, 422),
    (Invalid, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooMany, 429),
    (Unavailable, 503),
)


def status_of(error: EnsueError) -> int:
    """The status code of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(error: EnsueError) -> dict[str, object]:
    """`{"code", "message", "details": [{"path", "message"}]}`."""
    return {
        "code": error.code,
        "message": error.message,
        "details": [{"path": detail.path, "message": detail.message} for detail in error.details],
    }


def body(error: EnsueError) -> bytes:
    """The JSON body of an error's answer."""
    return json.encode({"error": problem(error)})


def not_allowed(method: str) -> EnsueError:
    """What a 405 says."""
    return EnsueError(f"{method} cannot be done here.", code="method_not_allowed")


def unforeseen() -> EnsueError:
    """What a 500 says: nothing about what went wrong, which may be a secret."""
    return EnsueError("Something went wrong on our side.", code="internal")


def headers(error: EnsueError) -> list[tuple[bytes, bytes]]:
    """Headers that belong to an error's answer."""
    if isinstance(error, TooMany | Unavailable):
        return [(b"retry-after", str(error.retry_after).encode())]
    return []
