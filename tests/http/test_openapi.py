"""Nothing that the OpenAPI document allows, or forbids, makes the server fail."""

import os

import httpx2
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

EXAMPLES = int(os.environ.get("ENSUE_SCHEMATHESIS_EXAMPLES", "6"))

# They end what the test stands on: the session, the password, the workspace; or they never end; or they wait for the
# server that a made-up name leads to.
SPARED = {
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/password"),
    ("DELETE", "/api/auth/sessions"),
    ("DELETE", "/api/auth/sessions/{sessionId}"),
    ("DELETE", "/api/workspaces/{workspaceId}"),
    ("DELETE", "/api/workspaces/{workspaceId}/keys/{keyId}"),
    ("GET", "/api/workspaces/{workspaceId}/events/stream"),
    ("POST", "/api/workspaces/{workspaceId}/senders/EMAIL/test"),
    ("POST", "/api/workspaces/{workspaceId}/senders/WEBHOOK/test"),
}
CHECKS = [status_code_conformance, response_schema_conformance]


def test_no_request_that_the_document_allows_or_forbids_makes_the_server_fail(live, owner):
    schema = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # a broken document raises, and that is the test
        if (operation.method.upper(), operation.path) not in SPARED:
            for mode in GenerationMode:
                _try(operation, mode, owner)
            tried += 1
    assert tried > 30


def _try(operation, mode, owner):
    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case):
        if "workspaceId" in (case.path_parameters or {}):
            case.path_parameters["workspaceId"] = owner.workspace
        response = case.call(headers={"authorization": f"Bearer {owner.key}"})
        assert response.status_code < 500, (operation.label, case.as_curl_command(), response.text)
        case.validate_response(response, checks=CHECKS)

    try:
        one()
    except Unsatisfiable:
        # There is nothing wrong that could be sent to an operation without parameters.
        assert mode is GenerationMode.NEGATIVE


def test_the_document_is_served_and_the_page_needs_nothing_from_elsewhere(live):
    with httpx2.Client(base_url=live.url) as client:
        assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
        page = client.get("/docs")
    assert page.status_code == 200
    assert "/api/workspaces/{workspaceId}/events" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
