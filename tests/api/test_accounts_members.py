import pytest

from ensue.base.ids import show


def test_members_are_listed_oldest_first(house, owner):
    house.clock.advance(1)
    house.member(owner, "bob", "VIEWER")
    assert [(found["email"], found["role"]) for found in owner.get(f"{owner.w}/members")] == [
        ("ada@example.com", "OWNER"),
        ("bob@example.com", "VIEWER"),
    ]


@pytest.mark.parametrize(("role", "status"), [("VIEWER", 403), ("MEMBER", 403), ("ADMIN", 200)])
def test_who_may_change_roles(house, owner, role, status):
    bob, carol = house.member(owner, "bob", role), house.member(owner, "carol", "VIEWER")
    bob.patch(f"{bob.w}/members/{carol.id}", {"role": "MEMBER"}, status)


def test_only_an_owner_makes_or_unmakes_an_owner(house, owner):
    admin, carol = house.member(owner, "bob", "ADMIN"), house.member(owner, "carol", "VIEWER")
    second = house.member(owner, "dave", "OWNER")
    admin.patch(f"{admin.w}/members/{carol.id}", {"role": "OWNER"}, 403)
    admin.patch(f"{admin.w}/members/{second.id}", {"role": "ADMIN"}, 403)
    admin.delete(f"{admin.w}/members/{second.id}", 403)
    admin.post(f"{admin.w}/invitations", {"email": "eve@example.com", "role": "OWNER"}, 403)
    owner.patch(f"{owner.w}/members/{second.id}", {"role": "ADMIN"})


def test_the_last_owner_stays(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    assert owner.patch(f"{owner.w}/members/{owner.id}", {"role": "ADMIN"}, 409)["error"]["code"] == "last_owner"
    owner.delete(f"{owner.w}/members/{owner.id}", 409)
    owner.patch(f"{owner.w}/members/{admin.id}", {"role": "OWNER"})
    owner.delete(f"{owner.w}/members/{owner.id}")
    owner.get(owner.w, 404)
    admin.delete(f"{admin.w}/members/{admin.id}", 409)


def test_everybody_may_leave(house, owner):
    viewer, other = house.member(owner, "bob", "VIEWER"), house.member(owner, "carol", "VIEWER")
    viewer.delete(f"{viewer.w}/members/{other.id}", 403)
    viewer.delete(f"{viewer.w}/members/{viewer.id}")
    viewer.get(viewer.w, 404)


def test_a_demotion_counts_at_once(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    admin.get(f"{admin.w}/audit")
    owner.patch(f"{owner.w}/members/{admin.id}", {"role": "MEMBER"})
    admin.get(f"{admin.w}/audit", 403)


def test_keys_of_a_removed_member_are_revoked(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    key = admin.post(f"{admin.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    owner.delete(f"{owner.w}/members/{admin.id}")
    house.with_key(key, owner.workspace).get(owner.w, 401)
    assert owner.get(f"{owner.w}/keys")[0]["revokedAt"] is not None


@pytest.mark.parametrize("user_id", ["usr_x", show("usr", 1), "ws_0000000000000"])
def test_who_is_not_a_member_is_not_found(owner, user_id):
    owner.patch(f"{owner.w}/members/{user_id}", {"role": "VIEWER"}, 404)
    owner.delete(f"{owner.w}/members/{user_id}", 404)


def test_an_unknown_role_is_refused(house, owner):
    error = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com", "role": "KING"}, 400)["error"]
    assert error["details"][0]["path"] == "role"


def test_an_invitation_never_takes_a_role_away(open_house):
    owner = open_house.owner()
    bob = open_house.person("bob")
    first = owner.post(f"{owner.w}/invitations", {"email": "bob@example.com", "role": "ADMIN"}, 201)
    bob.post("/auth/invitations/accept", {"invitation": first["token"]})
    open_house.elsewhere("UPDATE members SET role = 'OWNER'")
    # One that was sent before they joined by the other.
    open_house.invite_directly(owner.workspace, "bob@example.com", "VIEWER", "inv_late")
    assert bob.post("/auth/invitations/accept", {"invitation": "inv_late"})["role"] == "OWNER"


def test_what_was_done_is_on_record(house, owner):
    admin = house.member(owner, "bob", "ADMIN")
    key = admin.post(f"{admin.w}/keys", {"name": "k", "scopes": ["events:read", "admin"]}, 201)
    program = house.with_key(key["key"], owner.workspace)
    program.patch(owner.w, {"name": "Store"})
    owner.delete(f"{owner.w}/members/{admin.id}")
    lines = owner.get(f"{owner.w}/audit")
    assert [(line["action"], line["who"]["email"], line["who"]["keyId"], line["target"]) for line in lines] == [
        ("member.remove", "ada@example.com", None, admin.id),
        ("workspace.change", None, key["id"], owner.workspace),
        ("key.create", "bob@example.com", None, key["id"]),
        ("member.join", "bob@example.com", None, admin.id),
        ("member.invite", "ada@example.com", None, lines[4]["target"]),
        ("workspace.create", "ada@example.com", None, owner.workspace),
    ]
    assert {line["result"] for line in lines} == {"OK"}
    assert lines[1]["detail"] == {"name": "Store"}
    assert key["key"] not in repr(lines)


def test_the_record_is_read_page_by_page(house, owner):
    for number in range(5):
        owner.patch(owner.w, {"name": f"Shop {number}"})
    everything = owner.get(f"{owner.w}/audit")
    first = owner.get(f"{owner.w}/audit?limit=4")
    assert first + owner.get(f"{owner.w}/audit?limit=4&before={first[-1]['id']}") == everything
    assert owner.get(f"{owner.w}/audit?before=x", 400)["error"]["details"][0]["path"] == "before"
    assert owner.get(f"{owner.w}/audit?limit=201", 400)["error"]["details"][0]["path"] == "limit"


@pytest.mark.parametrize(("role", "status"), [("VIEWER", 403), ("MEMBER", 403), ("ADMIN", 200)])
def test_who_may_read_the_record(house, owner, role, status):
    member = house.member(owner, "bob", role)
    member.get(f"{member.w}/audit", status)
    member.get(f"{member.w}/keys", status)
    member.get(f"{member.w}/invitations", status)
    member.get(f"{member.w}/members", 200)
