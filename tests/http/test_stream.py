"""The live stream over a real connection: resumes without a gap, and ends with the right to listen."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.http.live import PASSWORD

_PATIENCE = 10


def _post(owner, kind: str) -> str:
    posted: str = owner.post(f"{owner.w}/events", {"type": kind}, 201)["id"]
    return posted


@contextmanager
def _listening(owner, after: str, **headers: str) -> Iterator[Iterator[str]]:
    """The ids that a stream sends."""
    request = owner.client.build_request("GET", f"{owner.w}/events/stream", headers={"last-event-id": after, **headers})
    with (
        httpx2.Client(timeout=_PATIENCE) as client,
        client.stream("GET", request.url, headers=dict(request.headers) | headers) as response,
    ):
        yield (line.removeprefix("id: ") for line in response.iter_lines() if line.startswith("id: "))


@contextmanager
def _always_busy(owner) -> Iterator[None]:
    enough = threading.Event()

    def post() -> None:
        while not enough.is_set():
            _post(owner, "after")

    poster = threading.Thread(target=post)
    poster.start()
    try:
        yield
    finally:
        enough.set()
        poster.join()


def _key(owner) -> tuple[dict[str, str], str]:
    """Headers that admit, and the path whose deletion takes that back."""
    key = owner.post(f"{owner.w}/keys", {"name": "listener", "scopes": ["events:read"]}, 201)
    return {"authorization": f"Bearer {key['key']}", "cookie": ""}, f"{owner.w}/keys/{key['id']}"


def _session(owner) -> tuple[dict[str, str], str]:
    with httpx2.Client(base_url=owner.client.base_url) as guest:
        signed_in = guest.post("/api/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        cookie = f"sid={signed_in.cookies['sid']}"
        sessions = guest.get("/api/auth/sessions").json()
    current = next(one["id"] for one in sessions if one["current"])
    return {"cookie": cookie}, f"/api/auth/sessions/{current}"


def test_a_stream_resumes_after_the_last_event_that_was_seen(owner):
    first, second, third = (_post(owner, "streamed") for _ in range(3))
    with _listening(owner, first) as seen:
        assert [next(seen), next(seen)] == [second, third]


@pytest.mark.parametrize("admitted_by", [_key, _session])
def test_a_stream_that_is_never_quiet_ends_with_the_right_to_listen(owner, admitted_by):
    headers, path = admitted_by(owner)
    with _listening(owner, _post(owner, "before"), **headers) as seen:
        allowed = _post(owner, "allowed")
        assert next(seen) == allowed
        assert owner.send("DELETE", path).status_code == 204
        with _always_busy(owner):
            assert [event for event, _ in zip(seen, range(20), strict=False)] == []
