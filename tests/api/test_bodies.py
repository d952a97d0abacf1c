import asyncio

import pytest
from starlette.requests import Request

from ensue.api.bodies import read_bounded
from ensue.base import bounds
from ensue.base.errors import Invalid


def test_what_is_not_there_is_404_in_our_shape(house):
    assert house.visitor().get("/nothing/here", 404) == {
        "error": {"code": "not_found", "message": "There is nothing here.", "details": []}
    }


def test_what_cannot_be_done_is_405_and_says_what_can(house):
    response = house.visitor().send("PUT", "/workspaces")
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert response.headers["allow"]


def test_what_nobody_foresaw_is_500_and_tells_no_secret(house, monkeypatch):
    async def verify(stored, password):
        raise RuntimeError(f"the password is {password}")

    monkeypatch.setattr(house.access.passwords, "verify", verify)
    response = house.visitor().send("POST", "/auth/login", {"email": "ada@example.com", "password": "x"})
    assert response.status_code == 500
    assert response.json()["error"] == {
        "code": "internal",
        "message": "Something went wrong on our side.",
        "details": [],
    }


def test_a_body_that_does_not_arrive_is_cut(monkeypatch):
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0)

    async def receive():
        await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Invalid) as refused:
        asyncio.run(read_bounded(request, bounds.BODY))
    assert refused.value.code == "slow_body"


@pytest.mark.parametrize(
    ("body", "path", "sentence"),
    [
        ([], "$", "must be an object"),
        (None, "$", "is required"),
        ({"name": 5}, "name", "must be a string"),
        ({"name": "x" * 5_000, "type": "STATIC"}, "name", "must have at most 200 characters"),
        ({"name": "a", "type": "STATIC", "description": 5}, "description", "must be a string"),
    ],
)
def test_a_refusal_is_worded_as_on_the_hot_paths(owner, body, path, sentence):
    refused = owner.post(f"{owner.w}/segments", body, 400)
    assert {"path": path, "message": sentence} in refused["error"]["details"]
