"""The ways in which a request can fail, as a small tree with stable codes.

Only `api/problems.py` knows which status code each one becomes. Outcomes that are
expected (wait, retry, skip) are values, not errors.
"""

from typing import NamedTuple


class Detail(NamedTuple):
    """One thing that is wrong: the path of the field, and a sentence about it."""

    path: str
    message: str


class EnsueError(Exception):
    """The root of all errors that a caller is told about.

    Attributes:
        code: stable, for programs.
        message: a sentence, for people.
        details: which fields, when the failure is about fields.
    """

    code = "error"

    def __init__(self, message: str, details: list[Detail] | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []
        if code is not None:
            self.code = code


class Invalid(EnsueError):
    """What was sent cannot be accepted as it is."""

    code = "invalid"

    @classmethod
    def at(cls, path: str, message: str, *, code: str | None = None) -> "Invalid":
        """An `Invalid` about one field."""
        return cls(f"{path}: {message}", [Detail(path, message)], code=code)

    @classmethod
    def of(cls, faults: list[tuple[str, str]]) -> "Invalid":
        """An `Invalid` about several fields: (path, message) each."""
        details = [Detail(path, message) for path, message in faults]
        return cls("; ".join(f"{path}: {message}" for path, message in faults), details)


class TooLarge(Invalid):
    """The body is over its bound."""

    code = "too_large"


class Unprocessable(Invalid):
    """Well formed, but it makes no sense here (merging a contact into itself)."""

    code = "unprocessable"


class Unauthenticated(EnsueError):
    """Nobody is signed in, or the key is unknown, revoked or expired."""

    code = "unauthenticated"


class Forbidden(EnsueError):
    """Known, but not allowed to."""

    code = "forbidden"


class NotFound(EnsueError):
    """There is no such thing in this workspace, or it must not be known that there is."""

    code = "not_found"


class Conflict(EnsueError):
    """It contradicts what is there already."""

    code = "conflict"


class TooMany(EnsueError):
    """A rate limit.

    Attributes:
        retry_after: whole seconds after which it may be tried again.
    """

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(EnsueError):
    """It could not be made durable now; the same request may succeed later.

    Attributes:
        retry_after: whole seconds after which it may be tried again.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Contended(Unavailable):
    """Another transaction was in the way: the same work, begun again, may succeed at once."""
