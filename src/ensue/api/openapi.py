"""The OpenAPI document: what FastAPI knows of the control plane, and the hot paths, which it does not serve."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ensue import __version__
from ensue.api.public import tracking
from ensue.base import bounds

_DESCRIPTION = """A customer-event engine. Somebody posts an event; in one transaction it is stored, the contact
enters and leaves segments, campaigns are triggered, the lead score moves, and the `201` says what happened.

Sign in for a session cookie, or send an API key as `Authorization: Bearer ens_…`."""


def describe(app: FastAPI) -> None:
    """Make the app's OpenAPI document, once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title="Ensue", version=__version__, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
            )
            _describe_problems(schema)
            _add_hot_paths(schema)
            _add_security(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


_TAGS = [{"name": "Events", "description": "What happened, and what followed from it."}]


def _text(description: str, most: int = bounds.TEXT, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": most, "description": description, **more}


_EVENT_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {
        "type": {
            "type": "string",
            "minLength": 1,
            "maxLength": bounds.EVENT_TYPE,
            "description": "Event type identifier",
            "examples": ["purchase"],
        },
        "contactId": {"type": ["string", "null"], "description": "Associated contact ID"},
        "metadata": {"type": ["object", "null"], "description": "Arbitrary event payload"},
        "sessionId": _text("Browser session ID", minLength=1),
        "pageUrl": _text("Page where the event occurred"),
        "referrer": _text("Referring URL"),
        "utmSource": _text("UTM source parameter"),
        "utmMedium": _text("UTM medium parameter"),
        "utmCampaign": _text("UTM campaign parameter"),
        "timestamp": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it happened, if not now. At most 5 minutes ahead.",
        },
        "idempotencyKey": _text("As the header; for items of a batch", bounds.IDEMPOTENCY_KEY, minLength=1),
    },
}

_CARD = {
    "type": ["object", "null"],
    "properties": {
        "id": {"type": "string"},
        "email": {"type": ["string", "null"]},
        "firstName": {"type": ["string", "null"]},
        "lastName": {"type": ["string", "null"]},
    },
}

_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "type", "metadata", "timestamp", "contact"],
    "properties": {
        "id": {"type": "string"},
        "type": {"type": "string"},
        "metadata": {"type": "object"},
        "timestamp": {"type": "string", "format": "date-time"},
        "contact": _CARD,
        **{
            name: {"type": ["string", "null"]}
            for name in ("contactId", "sessionId", "pageUrl", "referrer", "utmSource", "utmMedium", "utmCampaign")
        },
        "receivedAt": {"type": "string", "format": "date-time"},
        "source": {"type": "string"},
    },
}


def _list_of(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "integer" if name == "delta" else "string"} for name in names}
    return {"type": "array", "items": {"type": "object", "required": list(names), "properties": properties}}


_EFFECTS: dict[str, Any] = {
    "type": "object",
    "required": ["score", "segments", "campaigns"],
    "properties": {
        "score": {
            "type": "object",
            "properties": {
                "before": {"type": ["integer", "null"]},
                "after": {"type": ["integer", "null"]},
                "entries": _list_of("ruleId", "delta"),
            },
        },
        "segments": {
            "type": "object",
            "properties": {"entered": _list_of("id", "name"), "exited": _list_of("id", "name")},
        },
        "campaigns": {
            "type": "object",
            "properties": {
                "enrolled": _list_of("id", "name", "enrollmentId"),
                "skipped": _list_of("id", "name", "reason"),
            },
        },
    },
}

_CREATED = {"allOf": [{"$ref": "#/components/schemas/Event"}], "properties": {"effects": _EFFECTS}}
_ERROR = {
    "type": "object",
    "required": ["code", "message", "details"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_PROBLEM = _json({"type": "object", "required": ["error"], "properties": {"error": _ref("Error")}})


def _problems(*statuses: tuple[int, str]) -> dict[str, Any]:
    return {str(status): {"description": text, "content": _PROBLEM} for status, text in statuses}


_ACCESS = ((401, "Not signed in"), (403, "Not allowed"), (404, "No such workspace or contact"))
_WORKSPACE = {"name": "workspaceId", "in": "path", "required": True, "schema": {"type": "string"}}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": bounds.IDEMPOTENCY_KEY},
}

_LIST = {
    "tags": ["Events"],
    "summary": "List events",
    "operationId": "list_events",
    "description": 'Newest first by `timestamp`. A next page is in the `Link` header, as `rel="next"`.',
    "parameters": [
        _WORKSPACE,
        _query("contactId", "Filter by contact"),
        _query("type", "Filter by event type"),
        _query("limit", f"At most {bounds.PAGE_MOST}; more is served as that", type="integer", minimum=1, default=50),
        _query("since", "At or after this instant", format="date-time"),
        _query("until", "Before this instant", format="date-time"),
        _query("sessionId", "Filter by browser session"),
        _query("cursor", "Where the page before ended; opaque"),
    ],
    "responses": {
        "200": {"description": "Events", "content": _json({"type": "array", "items": _ref("Event")})},
        **_problems((400, "A parameter is wrong"), *_ACCESS),
    },
}

_POST = {
    "tags": ["Events"],
    "summary": "Ingest an event",
    "operationId": "ingest_event",
    "description": "Stores the event and everything that follows from it in one transaction. With an idempotency key, "
    "a retry is safe: it gets the first answer, and nothing happens twice.",
    "parameters": [
        _WORKSPACE,
        _KEY,
    ],
    "requestBody": {"required": True, "content": _json(_ref("EventBody"))},
    "responses": {
        "201": {"description": "Created", "content": _json(_ref("CreatedEvent"))},
        **_problems(
            (400, "Refused, naming each field"),
            *_ACCESS,
            (409, "The key was used with another body"),
            (413, "The body is too large"),
            (429, "Too many requests"),
            (503, "It could not be made durable now"),
        ),
    },
}

_BATCH = {
    "tags": ["Events"],
    "summary": "Ingest many events",
    "operationId": "ingest_events",
    "description": f"Up to {bounds.BATCH_EVENTS} events or 1 MiB, optionally gzipped. "
    "Each item has its own result, in order.",
    "parameters": [_WORKSPACE, _KEY],
    "requestBody": {
        "required": True,
        "content": _json(
            {
                "type": "object",
                "required": ["events"],
                "additionalProperties": False,
                "properties": {
                    "events": {"type": "array", "maxItems": bounds.BATCH_EVENTS, "items": _ref("EventBody")},
                    "backfill": {"type": "boolean", "description": "Old events that must trigger no campaign"},
                },
            }
        ),
    },
    "responses": {
        "200": {
            "description": "A result for each item",
            "content": _json(
                {
                    "type": "object",
                    "required": ["results"],
                    "properties": {
                        "results": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {"event": _ref("CreatedEvent"), "error": _ref("Error")},
                            },
                        }
                    },
                }
            ),
        },
        **_problems((400, "The batch cannot be read"), *_ACCESS, (413, "Too large"), (503, "Not durable now")),
    },
}


def _describe_problems(schema: dict[str, Any]) -> None:
    """Say of every operation how it fails: FastAPI only knows of its own 422, which never happens here."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            responses = operation["responses"]
            responses.pop("422", None)
            kinds = [(400, "Refused, naming each field")]
            if "requestBody" in operation:
                kinds += [(413, "The body is too large"), (422, "Well formed, but it makes no sense here")]
            if method != "get":
                kinds += [(409, "It contradicts what is there"), (503, "It could not be made durable now")]
            if path.startswith("/api/auth"):
                kinds += [(429, "Too many requests")]
            if path.startswith("/api/") and not path.startswith("/api/health"):
                kinds += [(401, "Not signed in"), (403, "Not allowed"), (404, "No such thing here")]
            for status, response in _problems(*sorted(kinds)).items():
                responses.setdefault(status, response)
    for unused in ("HTTPValidationError", "ValidationError"):
        schema.get("components", {}).get("schemas", {}).pop(unused, None)


def _add_hot_paths(schema: dict[str, Any]) -> None:
    schema["paths"]["/api/workspaces/{workspaceId}/events"] = {"get": _LIST, "post": _POST}
    schema["paths"]["/api/workspaces/{workspaceId}/events/batch"] = {"post": _BATCH}
    schema["paths"].update(tracking.DOCUMENT)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.update({"Event": _EVENT, "EventBody": _EVENT_BODY, "CreatedEvent": _CREATED, "Error": _ERROR})


def _add_security(schema: dict[str, Any]) -> None:
    schema["components"]["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `ens_…`"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sid", "description": "Set by signing in"},
    }
    schema["security"] = [{"apiKey": []}, {"session": []}]
