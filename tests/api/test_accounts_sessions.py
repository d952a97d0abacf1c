import pytest

from ensue.base.clock import DAY, MINUTE, SECOND
from tests.api.house import OURS, PASSWORD, House

ADA = {"email": "ada@example.com", "password": PASSWORD}


def test_login_gives_a_new_token_each_time(house):
    ada = house.person("ada")
    first = ada.client.cookies["sid"]
    assert set(ada.post("/auth/login", ADA)) == {"user"}
    assert ada.client.cookies["sid"] != first


def test_an_address_is_the_same_in_any_case(house):
    house.person("ada")
    house.visitor().post("/auth/login", {**ADA, "email": " ADA@Example.com "})


def test_an_unknown_address_is_answered_as_a_wrong_password_and_costs_the_same(house, monkeypatch):
    house.person("ada")
    verified = []

    async def verify(stored, password):
        verified.append((stored is None, password))
        return False

    monkeypatch.setattr(house.access.passwords, "verify", verify)
    wrong = house.visitor().post("/auth/login", {**ADA, "password": "x"}, 401)
    unknown = house.visitor().post("/auth/login", {"email": "nobody@example.com", "password": "x"}, 401)
    assert wrong == unknown
    assert verified == [(False, "x"), (True, "x")]


def test_the_cookie_over_plain_http(house):
    house.person("ada")
    cookie = house.visitor().send("POST", "/auth/login", ADA).headers["set-cookie"]
    assert cookie.startswith("sid=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly",
        "Path=/",
        "SameSite=lax",
        f"Max-Age={90 * DAY // SECOND}",
    }


def test_the_cookie_over_https(tmp_path):
    with House(tmp_path, public_url="https://ensue.example.com") as house:
        house.person("ada")
        cookie = house.visitor().send("POST", "/auth/login", ADA).headers["set-cookie"]
        assert cookie.startswith("__Host-sid=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        token = cookie.split("=", 1)[1].split(";")[0]
        visitor = house.visitor()
        assert visitor.send("GET", "/auth/session", headers={"cookie": f"__Host-sid={token}"}).status_code == 200
        # Under the plain name a subdomain could have planted it.
        assert visitor.send("GET", "/auth/session", headers={"cookie": f"sid={token}"}).status_code == 401


def test_logout_ends_the_session_on_the_server(house):
    ada = house.person("ada")
    token = ada.client.cookies["sid"]
    ada.post("/auth/logout", status=204)
    assert "sid" not in ada.client.cookies
    assert house.visitor().send("GET", "/auth/session", headers={"cookie": f"sid={token}"}).status_code == 401


def test_a_session_ends_after_fourteen_days_without_use(house):
    ada = house.person("ada")
    for _ in range(2):
        house.clock.advance(14 * DAY - 1)
        ada.get("/auth/session")
        house.flush()
    house.clock.advance(14 * DAY)
    ada.get("/auth/session", 401)


def test_a_session_ends_after_ninety_days_of_use(house):
    ada = house.person("ada")
    for _ in range(89):
        house.clock.advance(1 * DAY)
        ada.get("/auth/session")
        house.flush()
    house.clock.advance(1 * DAY)
    ada.get("/auth/session", 401)


def test_use_is_noted_at_most_once_a_minute(house):
    ada = house.person("ada")
    begun = house.clock.now()
    house.clock.advance(MINUTE - 1)
    ada.get("/auth/session")
    ada.get("/auth/sessions")
    assert house.rows("SELECT seen_at FROM user_sessions") == [(begun,)]
    house.clock.advance(1 * SECOND)
    ada.get("/auth/session")
    house.flush()
    assert house.rows("SELECT seen_at FROM user_sessions") == [(begun + MINUTE - 1 + SECOND,)]


def test_sessions_can_be_listed_and_ended(house):
    laptop = house.person("ada")
    phone = house.visitor(**{"user-agent": "Phone"})
    house.clock.advance(SECOND)
    phone.post("/auth/login", ADA)
    newest, oldest = laptop.get("/auth/sessions")
    assert (newest["userAgent"], newest["current"], oldest["current"]) == ("Phone", False, True)
    laptop.delete(f"/auth/sessions/{newest['id']}")
    phone.get("/auth/session", 401)
    laptop.delete(f"/auth/sessions/{newest['id']}", 404)
    laptop.delete("/auth/sessions/ses_x", 404)


def test_nobody_ends_the_session_of_another(open_house):
    ada, bob = open_house.person("ada"), open_house.person("bob")
    hers = ada.get("/auth/sessions")[0]["id"]
    bob.delete(f"/auth/sessions/{hers}", 404)
    ada.get("/auth/session")


def test_the_oldest_of_too_many_sessions_makes_room(house):
    first = house.person("ada")
    for _ in range(50):
        house.clock.advance(1)
        house.start_session("ada@example.com")
    first.get("/auth/session", 401)
    assert house.rows("SELECT COUNT(*) FROM user_sessions") == [(50,)]


def test_changing_the_password_ends_every_session_but_goes_on_here(house):
    here, elsewhere = house.person("ada"), house.visitor()
    elsewhere.post("/auth/login", ADA)
    before = here.client.cookies["sid"]
    changed = "quiet harbour violin"
    here.post("/auth/password", {"currentPassword": PASSWORD, "newPassword": changed}, 204)
    assert here.client.cookies["sid"] != before
    here.get("/auth/session")
    elsewhere.get("/auth/session", 401)
    assert house.visitor().send("GET", "/auth/session", headers={"cookie": f"sid={before}"}).status_code == 401
    house.visitor().post("/auth/login", ADA, 401)
    house.visitor().post("/auth/login", {**ADA, "password": changed})


@pytest.mark.parametrize(
    ("current", "new", "path"),
    [("not this one at all", "quiet harbour violin", "currentPassword"), (PASSWORD, "password1234", "newPassword")],
)
def test_a_password_is_not_changed_for_the_wrong_reason(house, current, new, path):
    ada = house.person("ada")
    error = ada.post("/auth/password", {"currentPassword": current, "newPassword": new}, 400)["error"]
    assert error["details"][0]["path"] == path
    house.visitor().post("/auth/login", ADA)


def test_a_key_is_not_a_person(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    assert program.get("/workspaces", 403)["error"]["code"] == "session_required"
    program.get("/auth/session", 401)


def test_guessing_is_throttled_for_the_account_and_then_forgiven(house):
    house.person("ada")
    house.access.passwords.verify = _never
    for _ in range(10):
        house.visitor().post("/auth/login", {**ADA, "password": "wrong"}, 401)
    response = house.visitor().send("POST", "/auth/login", ADA)
    assert response.status_code == 429
    assert response.headers["retry-after"] == str(15 * 60)
    del house.access.passwords.verify
    house.clock.advance(15 * MINUTE)
    house.visitor().post("/auth/login", ADA)


async def _never(stored, password):
    return False


def test_sign_ins_and_failures_are_on_record(house):
    ada = house.person("ada")
    house.visitor().post("/auth/login", {**ADA, "password": "wrong"}, 401)
    house.visitor().post("/auth/login", {"email": "nobody@example.com", "password": "my real password"}, 401)
    lines = ada.get("/auth/audit")
    assert [(line["action"], line["result"]) for line in lines] == [
        ("session.start", "REFUSED"),
        ("user.register", "OK"),
    ]
    assert lines[0]["who"]["email"] == "ada@example.com"
    assert lines[0]["address"] == "testclient"
    assert house.rows("SELECT action, result, user_id FROM audit_log ORDER BY id DESC LIMIT 1") == [
        ("session.start", "REFUSED", None)
    ]
    # What was typed into the wrong field stays nobody's business.
    assert "nobody@example.com" not in repr(house.rows("SELECT * FROM audit_log"))


@pytest.mark.parametrize("path", ["/auth/session", "/auth/sessions", "/auth/audit", "/workspaces"])
def test_without_a_session_there_is_nothing(house, path):
    assert house.visitor().get(path, 401)["error"]["code"] == "unauthenticated"
    assert house.visitor().send("GET", path, headers={**OURS, "cookie": "sid=made-up"}).status_code == 401
