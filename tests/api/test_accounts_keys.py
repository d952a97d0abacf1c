import pytest

from ensue.base.clock import to_iso
from tests.api.house import START

ALL = [
    "events:read",
    "events:write",
    "contacts:read",
    "contacts:write",
    "segments:*",
    "scoring:*",
    "campaigns:*",
    "admin",
]


def test_a_key_is_shown_once(house, owner):
    made = owner.post(f"{owner.w}/keys", {"name": "Back end", "scopes": ALL, "expiresAt": to_iso(START + 1)}, 201)
    assert made["key"].startswith("ens_")
    assert len(made["key"]) == 47
    assert made["key"].startswith(made["prefix"])
    assert made["scopes"] == sorted(ALL)
    assert made["expiresAt"] == to_iso(START + 1)
    [listed] = owner.get(f"{owner.w}/keys")
    assert listed == {name: value for name, value in made.items() if name != "key"}


def test_two_keys_differ(owner):
    first, second = (owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201) for _ in range(2))
    assert first["key"] != second["key"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "name"),
        ({"scopes": None}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["events:read", "everything"]}, "scopes[1]"),
        ({"scopes": ["owner"]}, "scopes[0]"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": "2026-03-01"}, "expiresAt"),
        ({"expiresAt": to_iso(START)}, "expiresAt"),
        ({"expiresAt": 1}, "expiresAt"),
        ({"kind": "PUBLIC"}, "kind"),
        ({"kind": "WRITE"}, "scopes"),
        ({"allowedOrigins": ["https://shop.example.com"]}, "allowedOrigins"),
        ({"eventTypes": ["page_view"]}, "eventTypes"),
        ({"kind": "WRITE", "scopes": None, "allowedOrigins": ["https://shop.example.com/path"]}, "allowedOrigins[0]"),
        ({"kind": "WRITE", "scopes": None, "allowedOrigins": ["*"]}, "allowedOrigins[0]"),
        ({"kind": "WRITE", "scopes": None, "allowedOrigins": ["https://a:x"]}, "allowedOrigins[0]"),
        ({"kind": "WRITE", "scopes": None, "eventTypes": [""]}, "eventTypes[0]"),
        ({"key": "ens_mine"}, "key"),
    ],
)
def test_a_key_that_makes_no_sense(owner, change, path):
    error = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["events:read"], **change}, 400)["error"]
    assert [detail["path"] for detail in error["details"]] == [path]


@pytest.mark.parametrize(("role", "status"), [("VIEWER", 403), ("MEMBER", 403), ("ADMIN", 201)])
def test_who_may_make_keys(house, owner, role, status):
    member = house.member(owner, "bob", role)
    member.post(f"{member.w}/keys", {"name": "k", "scopes": ["events:read"]}, status)


def test_a_key_made_by_a_key_is_bound_to_the_same_person(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    first = admin.post(f"{admin.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    program = house.with_key(first, owner.workspace)
    second = program.post(f"{program.w}/keys", {"name": "k2", "scopes": ["contacts:read"]}, 201)
    assert second["createdBy"] == admin.id


def test_a_key_is_revoked_once(owner):
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)
    owner.delete(f"{owner.w}/keys/{key['id']}")
    owner.delete(f"{owner.w}/keys/{key['id']}", 404)
    owner.delete(f"{owner.w}/keys/nonsense", 404)
    assert owner.get(f"{owner.w}/keys")[0]["revokedAt"] == to_iso(START)


def test_a_key_of_another_workspace_is_not_found(open_house):
    owner, stranger = open_house.owner(), open_house.person("eve")
    stranger.workspace = stranger.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)
    stranger.delete(f"{stranger.w}/keys/{key['id']}", 404)
    open_house.with_key(key["key"], owner.workspace).get(owner.w)
