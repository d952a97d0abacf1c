"""The API reference at `/docs`: one page made from the OpenAPI document, without scripts, readable offline."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_METHODS = ("get", "post", "put", "patch", "delete")

_pages = Environment(
    loader=PackageLoader("ensue.api", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _with_code(text: str) -> Markup:
    """Text for the page, with what stands in backticks set as code."""
    parts = (escape(part) for part in text.split("`"))
    return Markup("").join(
        part if at % 2 == 0 else Markup("<code>{}</code>").format(part) for at, part in enumerate(parts)
    )


_pages.filters["with_code"] = _with_code


class Row(NamedTuple):
    """One field of a body, or one parameter."""

    depth: int
    name: str
    kind: str
    required: bool
    description: str


class Operation(NamedTuple):
    """One method of one path."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Row]
    body: list[Row]
    responses: list[tuple[str, str, list[Row]]]


def install(app: FastAPI) -> None:
    """Serve the page, its style sheet and the document itself."""
    router = APIRouter(include_in_schema=False)
    kept: dict[str, str] = {}

    @router.get("/")
    async def start() -> RedirectResponse:
        return RedirectResponse("/docs")

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        if "page" not in kept:
            kept["page"] = _pages.get_template("reference.html").render(groups=groups(app.openapi()))
        return HTMLResponse(kept["page"])

    @router.get("/docs/reference.css")
    async def style() -> Response:
        sheet = (files("ensue.api") / "pages" / "reference.css").read_text("utf-8")
        return Response(sheet, media_type="text/css", headers={"cache-control": "max-age=3600"})

    @router.get("/openapi.json")
    @router.get("/api/openapi.json")
    async def document() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.include_router(router)


def groups(document: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by their first tag, in the document's order."""
    found: dict[str, list[Operation]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["Other"])[0]
                found.setdefault(tag, []).append(_operation(document, path, method, operation))
    return dict(sorted(found.items(), key=lambda group: (group[0] != "Events", group[0])))


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {})
    return Operation(
        anchor=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[_parameter(document, parameter) for parameter in operation.get("parameters", [])],
        body=_content(document, body),
        responses=[
            (status, answer.get("description", ""), _shape(document, status, answer))
            for status, answer in operation.get("responses", {}).items()
        ],
    )


def _shape(document: dict[str, Any], status: str, answer: dict[str, Any]) -> list[Row]:
    # All errors have one shape, which the page says at its top.
    return [] if status >= "400" else _content(document, answer.get("content", {}))


def _parameter(document: dict[str, Any], parameter: dict[str, Any]) -> Row:
    schema = _resolved(document, parameter.get("schema", {}))
    description = parameter.get("description", "")
    if "default" in schema and schema["default"] is not None:
        description = f"{description}. Default {schema['default']}".lstrip(". ")
    return Row(
        0,
        parameter["name"],
        f"{_kind(document, schema)}, {parameter['in']}",
        parameter.get("required", False),
        description,
    )


def _content(document: dict[str, Any], content: dict[str, Any]) -> list[Row]:
    schema = content.get("application/json", {}).get("schema")
    return list(_rows(document, schema, 0, frozenset())) if schema else []


def _rows(document: dict[str, Any], schema: dict[str, Any], depth: int, seen: frozenset[str]) -> Iterator[Row]:
    reference = schema.get("$ref")
    if reference in seen:
        return
    seen |= {reference} if reference else frozenset()
    schema = _resolved(document, schema)
    for part in (*schema.get("allOf", ()), *_objects(schema)):
        yield from _rows(document, part, depth, seen)
    if "items" in schema:
        yield from _rows(document, schema["items"], depth, seen)
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        plain = _resolved(document, field)
        yield Row(depth, name, _kind(document, field), name in required, plain.get("description", ""))
        yield from _rows(document, field, depth + 1, seen)


def _objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The one object of "an object or null"; several alternatives are named by their kind alone."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return options if len(options) == 1 else []


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return found


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(document, option) for option in schema[word]))
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "any" if "allOf" not in schema else "object")
    if isinstance(kind, list):
        kind = " or ".join(kind)
    if kind == "array":
        return f"array of {_kind(document, schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
