"""The two hot paths, which pass FastAPI by, answer bad requests as every other path does."""

import gzip
import json

import pytest

from ensue.api import event_list

SHAPE = {"code", "message", "details"}


@pytest.fixture
def program(house, owner):
    """A program with a key; it sends raw requests."""
    key = owner.post(f"{owner.w}/keys", {"name": "all", "scopes": ["admin"]}, 201)["key"]
    return house.with_key(key, owner.workspace)


def _send(program, method, path, body=b"", **headers):
    return program.client.request(method, f"/api{program.w}{path}", content=body, headers=headers)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(("path", "allowed"), [("/events", "GET, POST"), ("/events/batch", "POST")])
def test_other_methods_are_405_and_say_what_can_be_done(program, method, path, allowed):
    answer = _send(program, method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_allowed"


def test_a_batch_is_not_an_event_that_is_missing(program):
    assert _send(program, "GET", "/events/batch").status_code == 405


def test_what_nobody_foresaw_is_500_in_our_shape_and_tells_no_secret(program, monkeypatch):
    def page(*_):
        raise RuntimeError("the secret")

    monkeypatch.setattr(event_list, "page", page)
    answer = _send(program, "GET", "/events")
    assert answer.status_code == 500
    assert answer.json()["error"] == {"code": "internal", "message": "Something went wrong on our side.", "details": []}
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_many_parameters_are_refused(program):
    answer = _send(program, "GET", "/events?" + "&".join(["type=a"] * 60))
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == SHAPE


@pytest.mark.parametrize("limit", ["201", "9999999999", "9" * 5_000])
def test_a_limit_above_the_most_is_served_as_the_most(program, limit):
    assert _send(program, "GET", f"/events?limit={limit}").status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "abc", "", "000", "1e3", "%D9%A3"])
def test_a_limit_that_is_no_count_is_refused(program, limit):
    assert _send(program, "GET", f"/events?limit={limit}").status_code == 400


def test_a_key_is_the_same_in_the_header_and_in_the_body(program):
    sent = {"type": "order", "idempotencyKey": "commande-é"}
    first = _send(program, "POST", "/events", json.dumps(sent).encode())
    again = _send(program, "POST", "/events", b'{"type":"order"}', **{"idempotency-key": "commande-é".encode()})
    assert again.headers.get("idempotency-replayed") == "true"
    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize("path", ["/events", "/events/batch"])
@pytest.mark.parametrize("key", [b"", b"x" * 256])
def test_a_key_that_cannot_be_kept_is_refused_before_anything_is_stored(program, path, key):
    event = {"type": "order"}
    # The second item has a key of its own: it must not be stored either, for the batch as a whole is refused.
    body = {"events": [event, event | {"idempotencyKey": "own"}]} if path.endswith("batch") else event
    answer = _send(program, "POST", path, json.dumps(body).encode(), **{"idempotency-key": key})
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["error"]["details"]] == ["Idempotency-Key"]
    assert _send(program, "GET", "/events").json() == []


def test_two_keys_are_refused(program):
    headers = [("idempotency-key", "one"), ("idempotency-key", "two")]
    url = f"/api{program.w}/events"
    assert program.client.post(url, content=b'{"type":"order"}', headers=headers).status_code == 400


def test_a_batch_under_the_longest_key_is_stored_and_replayed(program):
    body = b'{"events":[{"type":"order"},{"type":"order"}]}'
    first, again = (
        _send(program, "POST", "/events/batch", body, **{"idempotency-key": "x" * 255}).json()["results"]
        for _ in range(2)
    )
    assert [item["event"]["id"] for item in first] == [item["event"]["id"] for item in again]


def test_the_name_of_a_coding_ignores_case(program):
    body = gzip.compress(b'{"events":[{"type":"order"}]}')
    assert _send(program, "POST", "/events/batch", body, **{"content-encoding": "GZip"}).status_code == 200


@pytest.mark.parametrize("path", ["/events", "/events/batch"])
def test_a_coding_that_is_not_taken_is_named(program, path):
    answer = _send(program, "POST", path, b"\x00", **{"content-encoding": "br"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_coding"
