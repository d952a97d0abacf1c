"""Bodies of the control plane: bounded, decoded strictly, and refused with the path of what is wrong.

    router = APIRouter(route_class=StrictRoute)

Request models derive from `Body`, answers from `Answer`; both are camelCase outside.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ensue.api import problems
from ensue.base import bounds, json
from ensue.base.clock import from_iso, to_iso
from ensue.base.errors import Detail, EnsueError, Invalid, TooLarge

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Body(BaseModel):
    """What a request may contain: nothing that is not declared, and no value of another type."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a response contains. Made by its Python names, shown in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


def _read_instant(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("must be an ISO-8601 date-time with an offset")  # noqa: TRY004  Pydantic reports no TypeError
    return from_iso(value)


def _stripped(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("must not be empty")
    return value


_INSTANT_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})

Instant = Annotated[
    int, BeforeValidator(_read_instant), PlainSerializer(to_iso, return_type=str, when_used="json"), _INSTANT_SCHEMA
]
"""An instant in a request: ISO-8601 outside, milliseconds inside."""

ShownInstant = Annotated[int, PlainSerializer(to_iso, return_type=str, when_used="json"), _INSTANT_SCHEMA]
"""An instant in an answer: milliseconds inside, ISO-8601 outside."""

Text = Annotated[str, AfterValidator(_stripped)]
"""A text that says something; white space around it is dropped."""


# Pydantic's names of a value of the wrong kind, in the words of the hot paths.
_KINDS = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_type": "a string",
}


class StrictRoute(APIRoute):
    """A route whose JSON body goes through `ensue.base.json`, and whose refusals name the path."""

    most = bounds.BODY

    def get_route_handler(self) -> Handler:
        """The handler, behind the checks."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            if takes_body:
                request = await _decoded(request, self.most)
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise _refusal(error) from None

        return strict


class TemplateRoute(StrictRoute):
    """A strict route for the texts of templates, which are longer than other bodies."""

    most = bounds.TEMPLATE_BODY


class _Decoded(Request):
    """A request whose body was read and decoded before."""

    def __init__(self, request: Request, body: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._body = body
        self._value = value

    async def json(self) -> Any:
        return self._value


async def _decoded(request: Request, most: int) -> Request:
    body = await read_bounded(request, most)
    if not body:
        return _Decoded(request, b"", None)
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise Invalid("The body must be JSON: send Content-Type: application/json.", code="not_json")
    return _Decoded(request, body, json.decode_strict(body))


async def read_bounded(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        TooLarge: over so many bytes, whether announced or sent.
        Invalid: not sent within `bounds.BODY_SECONDS`.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > most:
        raise TooLarge(f"The body must not be larger than {most} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(bounds.BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooLarge(f"The body must not be larger than {most} bytes.")
    except TimeoutError:
        raise Invalid(f"The body was not sent within {bounds.BODY_SECONDS} seconds.", code="slow_body") from None
    return bytes(body)


def install(app: FastAPI) -> None:
    """Let every failure of an app be answered as `{"error": {...}}`."""
    app.add_exception_handler(EnsueError, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unforeseen)


async def _answer(_request: Request, error: Exception) -> Response:
    assert isinstance(error, EnsueError)
    return _response(error, problems.status_of(error))


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _response(_refusal(error), 400)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            known = EnsueError("There is nothing here.", code="not_found")
        case 405:
            known = problems.not_allowed(request.method)
        case _:
            known = EnsueError(str(error.detail))
    response = _response(known, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _answer_unforeseen(_request: Request, error: Exception) -> Response:
    _log.error("a request failed", exc_info=error)
    return _response(problems.unforeseen(), 500)


def _response(error: EnsueError, status: int) -> Response:
    response = Response(problems.body(error), status, media_type="application/json")
    for name, value in problems.headers(error):
        response.headers[name.decode()] = value.decode()
    return response


def _refusal(error: RequestValidationError) -> Invalid:
    """Pydantic's findings in our words."""
    details = [Detail(_path(found["loc"]), _sentence(found)) for found in error.errors()]
    if len(details) == 1:
        return Invalid(f"{details[0].path}: {details[0].message}", details)
    return Invalid(f"{len(details)} fields cannot be accepted as they are.", details)


def _path(place: tuple[str | int, ...]) -> str:
    path = ""
    # The first part says where it was found: body, query, path.
    for part in place[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "$"


def _sentence(found: dict[str, Any]) -> str:
    match found["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case "value_error":
            return str(found["ctx"]["error"])
        case "too_long" | "string_too_long":
            parts = "characters" if isinstance(found["input"], str) else "items"
            return f"must have at most {found['ctx']['max_length']} {parts}"
        case kind if kind in _KINDS:
            return f"must be {_KINDS[kind]}"
        case _:
            message = str(found["msg"]).removeprefix("Input ")
            return message[:1].lower() + message[1:]
