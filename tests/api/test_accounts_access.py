import pytest

from ensue.base.clock import DAY, SECOND, to_iso
from ensue.base.errors import Forbidden, NotFound, Unauthenticated
from tests.api.house import OURS

READ = [f"{resource}:read" for resource in ("events", "contacts", "segments", "scoring", "campaigns")]
WRITE = [f"{resource}:write" for resource in ("events", "contacts", "segments", "scoring", "campaigns")]


def admitted(house, visitor, scope, workspace=None):
    """What Access says to a visitor's own credentials: a caller, or the class of the error."""
    cookie = visitor.client.cookies.get("sid")
    headers = {**OURS, **visitor.client.headers, **({"cookie": f"sid={cookie}"} if cookie else {})}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def ask():
        try:
            return await house.access.admit("POST", raw, workspace or visitor.workspace, scope)
        except (Unauthenticated, Forbidden, NotFound) as error:
            return type(error)

    return house.call(ask)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("VIEWER", {*READ}),
        ("MEMBER", {*READ, *WRITE}),
        ("ADMIN", {*READ, *WRITE, "admin"}),
        ("OWNER", {*READ, *WRITE, "admin", "owner"}),
    ],
)
def test_what_each_role_may_do(house, owner, role, allowed):
    member = house.member(owner, "bob", role)
    for scope in [*READ, *WRITE, "admin", "owner"]:
        assert (admitted(house, member, scope) is not Forbidden) == (scope in allowed), scope


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["events:read"], {"events:read"}),
        (["segments:*"], {"segments:read", "segments:write"}),
        (["scoring:read", "campaigns:*"], {"scoring:read", "campaigns:read", "campaigns:write"}),
        (["admin"], {*READ, *WRITE, "admin"}),
    ],
)
def test_what_each_key_may_do(house, owner, scopes, allowed):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": scopes}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    for scope in [*READ, *WRITE, "admin", "owner"]:
        assert (admitted(house, program, scope) is not Forbidden) == (scope in allowed), scope


def test_nobody_is_401_wherever_they_knock(house, owner):
    for workspace in (owner.workspace, "ws_0000000000000", "nonsense"):
        assert admitted(house, house.visitor(), "events:read", workspace) is Unauthenticated
        assert admitted(house, house.with_key("ens_made-up", workspace), "events:read") is Unauthenticated


@pytest.mark.parametrize("workspace", ["ws_0000000000000", "ws_", "nonsense", "seg_0000000000000", "\x00"])
def test_a_workspace_that_is_not_there_is_404(house, owner, workspace):
    assert admitted(house, owner, "events:read", workspace) is NotFound


def test_a_workspace_of_others_is_as_if_it_were_not_there(open_house):
    owner, stranger = open_house.owner(), open_house.person("eve")
    hers = stranger.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    key = stranger.post(f"/workspaces/{hers}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    assert admitted(open_house, stranger, "events:read", owner.workspace) is NotFound
    assert admitted(open_house, open_house.with_key(key, owner.workspace), "events:read") is NotFound
    assert stranger.get(owner.w, 404) == stranger.get("/workspaces/ws_0000000000000", 404)


def test_a_key_expires_to_the_millisecond(house, owner):
    at = house.clock.now() + 500
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:read"], "expiresAt": to_iso(at)}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    house.clock.set(at - 1)
    assert admitted(house, program, "events:read") is not Unauthenticated
    # Within the second for which it was read, too.
    house.clock.set(at)
    assert admitted(house, program, "events:read") is Unauthenticated


def test_a_revoked_key_ends_at_once(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:read"]}, 201)
    program = house.with_key(key["key"], owner.workspace)
    assert admitted(house, program, "events:read").principal.kind == "API_KEY"
    owner.delete(f"{owner.w}/keys/{key['id']}")
    assert admitted(house, program, "events:read") is Unauthenticated


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_keys SET revoked_at = 1",
        "UPDATE members SET role = 'VIEWER'",
        "DELETE FROM members",
        "DELETE FROM user_sessions",
    ],
)
def test_what_another_process_changes_counts_within_a_second(house, owner, statement):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:write"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    visitors = [program] if "api_keys" in statement else [owner] if "sessions" in statement else [owner, program]
    for visitor in visitors:
        admitted(house, visitor, "events:write")
    house.elsewhere(statement)
    for visitor in visitors:
        assert not isinstance(admitted(house, visitor, "events:write"), type)
    house.clock.advance(1 * SECOND)
    for visitor in visitors:
        assert isinstance(admitted(house, visitor, "events:write"), type)


def test_a_key_never_outgrows_the_role_of_its_maker(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    key = admin.post(f"{admin.w}/keys", {"name": "k", "scopes": ["admin", "events:write"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    assert not isinstance(admitted(house, program, "admin"), type)
    owner.patch(f"{owner.w}/members/{admin.id}", {"role": "VIEWER"})
    assert admitted(house, program, "admin") is Forbidden
    assert admitted(house, program, "events:write") is Forbidden
    assert not isinstance(admitted(house, program, "events:read"), type)


def test_a_clock_that_steps_back_makes_nothing_believed_for_longer(house, owner):
    admitted(house, owner, "events:read")
    house.elsewhere("DELETE FROM members")
    house.clock.advance(-1 * DAY)
    assert admitted(house, owner, "events:read") is NotFound


def test_use_of_a_key_is_noted_at_most_once_a_minute(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:read"]}, 201)["key"]
    program = house.with_key(key, owner.workspace)
    first = house.clock.now()
    for _ in range(3):
        admitted(house, program, "events:read")
        house.flush()
        assert house.rows("SELECT used_at FROM api_keys") == [(first,)]
        house.clock.advance(29 * SECOND)
    admitted(house, program, "events:read")
    house.flush()
    assert house.rows("SELECT used_at FROM api_keys") == [(first + 87 * SECOND,)]


def test_another_scheme_of_authorization_is_a_proxy_s_affair(house, owner):
    headers = {**OURS, "authorization": "Basic dXNlcjpwYXNz"}
    assert owner.send("GET", owner.w, headers=headers).status_code == 200


def test_of_key_and_cookie_the_key_counts(house, owner):
    headers = {**OURS, "authorization": "Bearer ens_made-up"}
    assert owner.send("GET", owner.w, headers=headers).status_code == 401


def test_a_write_key_only_sends_events(house, owner):
    key = owner.post(f"{owner.w}/keys", {"name": "site", "kind": "WRITE"}, 201)
    assert key["key"].startswith("wk_")
    browser = house.with_key(key["key"], owner.workspace)
    caller = admitted(house, browser, "events:write")
    assert (caller.principal.kind, caller.principal.scopes) == ("WRITE_KEY", frozenset({"events:write"}))
    browser.get(f"{browser.w}/events", 403)
    browser.get(browser.w, 403)
    browser.get(f"{browser.w}/keys", 403)
    browser.get("/workspaces", 403)


def test_a_write_key_may_be_bound_to_origins_and_types(house, owner):
    body = {
        "name": "site",
        "kind": "WRITE",
        "allowedOrigins": ["https://Shop.example.com"],
        "eventTypes": ["page_view"],
    }
    key = owner.post(f"{owner.w}/keys", body, 201)
    assert key["allowedOrigins"] == ["https://shop.example.com"]
    shop = house.with_key(key["key"], owner.workspace, origin="https://shop.example.com")
    assert admitted(house, shop, "events:write").principal.event_types == frozenset({"page_view"})
    for origin in ({"origin": "https://evil.example"}, {}):
        assert admitted(house, house.with_key(key["key"], owner.workspace, **origin), "events:write") is Forbidden


def test_a_write_key_outlives_its_maker(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    key = admin.post(f"{admin.w}/keys", {"name": "site", "kind": "WRITE"}, 201)["key"]
    owner.delete(f"{owner.w}/members/{admin.id}")
    assert not isinstance(admitted(house, house.with_key(key, owner.workspace), "events:write"), type)
