import pytest

from ensue.api import csrf
from ensue.base.errors import Forbidden
from tests.api.house import PASSWORD, House

JSON = {"content-type": "application/json"}
NEW = {"name": "Shop", "slug": "shop"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**JSON, "sec-fetch-site": "same-origin"}, 201),
        ({**JSON, "origin": "http://testserver"}, 201),
        ({"content-type": "application/json; charset=utf-8", "origin": "http://testserver"}, 201),
        (JSON, 201),
        ({**JSON, "sec-fetch-site": "cross-site"}, 403),
        ({**JSON, "sec-fetch-site": "same-site"}, 403),
        ({**JSON, "sec-fetch-site": "none"}, 403),
        ({**JSON, "origin": "http://evil.example"}, 403),
        ({**JSON, "origin": "null"}, 403),
        ({**JSON, "origin": "http://testserver.evil.example"}, 403),
        ({"content-type": "text/plain", "sec-fetch-site": "same-origin"}, 400),
    ],
)
def test_a_cookie_changes_something_only_from_our_own_pages(house, headers, status):
    ada = house.person("ada")
    assert ada.send("POST", "/workspaces", NEW, headers).status_code == status


def test_the_refusal_says_what_to_send(house):
    error = house.person("ada").send("POST", "/workspaces", headers={"origin": "http://testserver"}).json()["error"]
    assert error["code"] == "csrf"
    assert "Content-Type: application/json" in error["message"]
    assert "Authorization: Bearer" in error["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 204),
        ({**JSON, "origin": "http://testserver"}, 204),
        (JSON, 204),
        ({"origin": "http://testserver"}, 403),
        ({}, 403),
    ],
)
def test_without_a_body_the_browser_must_vouch_for_the_page(house, headers, status):
    assert house.person("ada").send("POST", "/auth/logout", headers=headers).status_code == status


def test_a_body_of_another_type_is_refused_before_anything_is_done():
    sent = {b"content-type": b"text/plain", b"content-length": b"2", b"sec-fetch-site": b"same-origin"}
    with pytest.raises(Forbidden, match="application/json"):
        csrf.require_same_origin("POST", sent, None)


def test_a_body_of_unknown_length_is_a_body():
    sent = {b"transfer-encoding": b"chunked", b"sec-fetch-site": b"same-origin"}
    with pytest.raises(Forbidden, match="application/json"):
        csrf.require_same_origin("POST", sent, None)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_needs_none_of_it(method):
    csrf.require_same_origin(method, {}, None)


def test_a_key_needs_none_of_it(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    headers = {**JSON, "origin": "http://evil.example"}
    body = {"name": "other", "scopes": ["events:read"]}
    assert program.send("POST", f"{program.w}/keys", body, headers).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON, 200),
        ({**JSON, "sec-fetch-site": "same-origin", "origin": "http://testserver"}, 200),
        ({**JSON, "origin": "http://testserver"}, 200),
        ({**JSON, "sec-fetch-site": "cross-site", "origin": "http://evil.example"}, 403),
        ({**JSON, "origin": "http://evil.example"}, 403),
        ({**JSON, "sec-fetch-site": "same-site"}, 403),
    ],
)
def test_no_other_site_signs_its_visitor_in(house, headers, status):
    house.person("ada")
    body = {"email": "ada@example.com", "password": PASSWORD}
    assert house.visitor().send("POST", "/auth/login", body, headers).status_code == status


def test_behind_a_proxy_the_public_origin_is_ours(tmp_path):
    with House(tmp_path, public_url="https://ensue.example.com/app") as house:
        token = (
            house.visitor()
            .send("POST", "/auth/register", {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}, JSON)
            .headers["set-cookie"]
            .split(";")[0]
        )
        for origin, status in (("https://ensue.example.com", 201), ("https://evil.example.com", 403)):
            headers = {**JSON, "cookie": token, "origin": origin}
            assert house.visitor().send("POST", "/workspaces", NEW, headers).status_code == status
