"""From which sites a form may be sent, and what browsers are told about it."""

from starlette.requests import Request

from ensue.base.errors import Forbidden
from ensue.model.form import Form

Headers = dict[str, str]

_TAKEN = "content-type, idempotency-key"
_BELIEVED_SECONDS = 600


def cors(request: Request, form: Form, public_origin: bytes | None) -> Headers:
    """Headers that let the page which sent a request read the answer. No cookie is ever looked at, so none is allowed.

    A form may be bound to sites; a program, which says no origin, is none.

    Raises:
        Forbidden: the form may not be sent from this site; code `origin_refused`.
    """
    origin, allowed = request.headers.get("origin"), form.content.allowed_origins
    if origin is None or _is_ours(origin, request, public_origin):
        return {}
    if allowed is None:
        return {"access-control-allow-origin": "*"}
    if origin.lower() not in allowed:
        raise Forbidden("This form may not be sent from this site.", code="origin_refused")
    return {"access-control-allow-origin": origin, "vary": "Origin"}


def preflight(request: Request, form: Form, public_origin: bytes | None) -> Headers:
    """The answer to a browser that asks before it sends.

    Raises:
        Forbidden: as `cors`.
    """
    return {
        **cors(request, form, public_origin),
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": _TAKEN,
        "access-control-max-age": str(_BELIEVED_SECONDS),
    }


def _is_ours(origin: str, request: Request, public_origin: bytes | None) -> bool:
    # As for cookies (api/csrf.py), the scheme is a proxy's affair.
    return origin.encode() == public_origin or origin.partition("://")[2] == request.headers.get("host")
