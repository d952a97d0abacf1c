import asyncio

import httpx2
import pytest

from ensue.base.clock import DAY
from tests.api.house import PASSWORD, House

ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}


def test_registering_signs_in(house):
    ada = house.visitor()
    response = ada.send("POST", "/auth/register", ADA, headers={})
    assert response.status_code == 201
    assert response.json() == {"user": {"id": response.json()["user"]["id"], "name": "Ada", "email": "ada@example.com"}}
    assert response.json()["user"]["id"].startswith("usr_")
    assert ada.get("/auth/session")["user"]["email"] == "ada@example.com"
    assert ada.get("/workspaces") == []


def test_first_is_open_once(house):
    house.person("ada")
    bob = house.visitor()
    refused = bob.post("/auth/register", {**ADA, "email": "bob@example.com"}, 403)
    assert refused["error"]["code"] == "registration_closed"


def test_open_lets_everybody_in_once(open_house):
    open_house.person("ada")
    open_house.person("bob")
    again = open_house.visitor().post("/auth/register", {**ADA, "email": "ADA@example.com"}, 409)
    assert again["error"]["code"] == "email_taken"


def test_closed_lets_nobody_in(tmp_path):
    with House(tmp_path, registration="closed") as house:
        refused = house.visitor().post("/auth/register", ADA, 403)
        assert refused["error"]["code"] == "registration_closed"


def test_of_many_who_come_first_at_the_same_time_one_gets_in(house):
    async def together():
        transport = httpx2.ASGITransport(app=house.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            bodies = [{**ADA, "email": f"{name}@example.com"} for name in "abcdef"]
            return await asyncio.gather(*(client.post("/api/auth/register", json=body) for body in bodies))

    statuses = [response.status_code for response in house.call(together)]
    assert sorted(statuses) == [201, 403, 403, 403, 403, 403]
    assert house.rows("SELECT COUNT(*) FROM users") == [(1,)]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@example.com\r\nBcc: x@example.com"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"password": 123456789012}, "password"),
        ({"extra": 1}, "extra"),
        ({"name": None}, "name"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(house, change, path):
    error = house.visitor().post("/auth/register", {**ADA, **change}, 400)["error"]
    assert [detail["path"] for detail in error["details"]] == [path]


def test_every_field_that_is_missing_is_named(house):
    error = house.visitor().post("/auth/register", {}, 400)["error"]
    assert error["code"] == "invalid"
    assert [(detail["path"], detail["message"]) for detail in error["details"]] == [
        ("name", "is required"),
        ("email", "is required"),
        ("password", "is required"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"name": NaN}', "invalid"),
        (b'{"name": "\\u0000"}', "invalid"),
        (b'{"name": "\\ud800"}', "invalid"),
        (b"[" * 40 + b"]" * 40, "invalid"),
        (b"", "invalid"),
        (b"[]", "invalid"),
    ],
)
def test_hostile_bodies_are_refused(house, body, code):
    response = house.visitor().client.post(
        "/api/auth/register", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code


def test_a_body_over_its_bound_is_refused(house):
    assert house.visitor().post("/auth/register", {**ADA, "name": "x" * 70_000}, 413)["error"]["code"] == "too_large"


def test_a_body_over_its_bound_is_refused_when_its_length_is_not_announced(house):
    pieces = iter([b" " * 40_000, b" " * 40_000])
    response = house.visitor().client.post(
        "/api/auth/register", content=pieces, headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


def test_a_form_is_not_json(house):
    response = house.visitor().client.post("/api/auth/register", data=ADA)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "not_json")


def test_an_invitation_lets_one_person_in(house, owner):
    invitation = owner.post(f"{owner.w}/invitations", {"email": "Bob@example.com", "role": "VIEWER"}, 201)
    assert invitation["link"].endswith(f"#{invitation['token']}")
    bob = house.person("bob", invitation=invitation["token"])
    assert [(found["slug"], found["role"]) for found in bob.get("/workspaces")] == [("shop", "VIEWER")]
    again = {**ADA, "email": "bob@example.com", "invitation": invitation["token"]}
    house.visitor().post("/auth/register", again, 404)


def test_an_invitation_is_for_its_address(house, owner):
    token = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)["token"]
    mallory = {**ADA, "email": "mallory@example.com", "invitation": token}
    error = house.visitor().post("/auth/register", mallory, 400)["error"]
    assert error["details"][0]["path"] == "email"


def test_an_invitation_runs_out(house, owner):
    token = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)["token"]
    house.clock.advance(7 * DAY)
    house.visitor().post("/auth/register", {**ADA, "email": "bob@example.com", "invitation": token}, 404)
    assert owner.get(f"{owner.w}/invitations") == []


def test_a_later_invitation_ends_the_earlier_one(house, owner):
    first = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com", "role": "ADMIN"}, 201)["token"]
    owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)
    house.visitor().post("/auth/register", {**ADA, "email": "bob@example.com", "invitation": first}, 404)
    assert [found["role"] for found in owner.get(f"{owner.w}/invitations")] == ["MEMBER"]


def test_an_invitation_can_be_taken_back(house, owner):
    invitation = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)
    owner.delete(f"{owner.w}/invitations/{invitation['id']}")
    owner.delete(f"{owner.w}/invitations/{invitation['id']}", 404)
    body = {**ADA, "email": "bob@example.com", "invitation": invitation["token"]}
    house.visitor().post("/auth/register", body, 404)


def test_somebody_with_an_account_joins_with_it(open_house):
    owner = open_house.owner()
    bob = open_house.person("bob")
    token = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com", "role": "ADMIN"}, 201)["token"]
    bob.get(owner.w, 404)
    assert bob.post("/auth/invitations/accept", {"invitation": token}) == {
        "workspaceId": owner.workspace,
        "role": "ADMIN",
    }
    assert bob.get(owner.w)["role"] == "ADMIN"
    bob.post("/auth/invitations/accept", {"invitation": token}, 404)
    error = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 409)["error"]
    assert error["code"] == "already_member"


def test_somebody_else_cannot_use_an_invitation(open_house):
    owner = open_house.owner()
    token = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)["token"]
    open_house.person("eve").post("/auth/invitations/accept", {"invitation": token}, 400)


def test_no_secret_is_stored_as_it_is(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:read"]}, 201)["key"]
    invitation = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)["token"]
    session = owner.client.cookies["sid"]
    for table in ("users", "user_sessions", "api_keys", "invitations", "audit_log"):
        stored = repr(house.rows(f"SELECT * FROM {table}"))
        assert not [secret for secret in (key, invitation, session, PASSWORD) if secret in stored]
