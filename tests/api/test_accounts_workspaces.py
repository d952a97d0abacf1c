import pytest

from ensue.accounts import bounds, removal
from ensue.base.clock import DAY
from tests.api.house import START, House


def test_a_workspace_is_made_by_its_owner(house):
    ada = house.person("ada")
    made = ada.post("/workspaces", {"name": " Shop ", "slug": "shop"}, 201)
    assert made["id"].startswith("ws_")
    assert {**made, "id": ""} == {
        "id": "",
        "name": "Shop",
        "slug": "shop",
        "timeZone": "UTC",
        "triggerHorizon": "72h",
        "role": "OWNER",
        "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-01T12:00:00.000Z",
    }
    assert ada.get("/workspaces") == [made]
    assert ada.get(f"/workspaces/{made['id']}") == made


def test_a_slug_is_taken_once(house, owner):
    assert owner.post("/workspaces", {"name": "Other", "slug": "shop"}, 409)["error"]["code"] == "slug_taken"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"slug": "Shop"}, "slug"),
        ({"slug": "-shop"}, "slug"),
        ({"slug": "a" * 64}, "slug"),
        ({"name": ""}, "name"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"triggerHorizon": "72h"}, "triggerHorizon"),
    ],
)
def test_a_workspace_that_makes_no_sense(house, change, path):
    ada = house.person("ada")
    error = ada.post("/workspaces", {"name": "Shop", "slug": "shop", **change}, 400)["error"]
    assert error["details"][0]["path"] == path


def test_a_workspace_is_changed_field_by_field(house, owner):
    changed = owner.patch(owner.w, {"timeZone": "Europe/Berlin"})
    assert (changed["name"], changed["timeZone"], changed["triggerHorizon"]) == ("Shop", "Europe/Berlin", "72h")
    assert owner.patch(owner.w, {"name": "Store", "triggerHorizon": "90m"})["triggerHorizon"] == "90m"
    assert owner.patch(owner.w, {"triggerHorizon": "2w"})["triggerHorizon"] == "14d"
    assert owner.get(owner.w)["name"] == "Store"
    assert house.rows("SELECT trigger_horizon, definitions_version FROM workspaces") == [(14 * 86_400_000, 4)]


def test_another_time_zone_begins_a_backfill_of_segments_by_date(house, owner):
    rules = {"type": "date", "field": "attributes.born", "operator": "anniversary"}
    owner.post(f"{owner.w}/segments", {"name": "Birthday", "type": "DYNAMIC", "rules": rules}, 201)
    for change in ({"timeZone": "UTC"}, {"name": "Store"}, {"timeZone": "Europe/Berlin"}):
        owner.patch(owner.w, change)
    assert house.rows("SELECT kind, version, triggers FROM backfills ORDER BY id") == [("SEGMENT", 1, 0)] * 2


@pytest.mark.parametrize("horizon", ["0h", "72", "72 hours", "-1h", "367d", "", 72])
def test_a_horizon_is_a_duration(house, owner, horizon):
    error = owner.patch(owner.w, {"triggerHorizon": horizon}, 400)["error"]
    assert error["details"][0]["path"] == "triggerHorizon"


@pytest.mark.parametrize(
    ("role", "changes", "deletes"), [("VIEWER", 403, 403), ("MEMBER", 403, 403), ("ADMIN", 200, 403)]
)
def test_who_may_change_and_who_may_delete(house, owner, role, changes, deletes):
    member = house.member(owner, "bob", role)
    assert member.get(member.w)["role"] == role
    member.patch(member.w, {"name": "Mine"}, changes)
    member.delete(member.w, deletes)


def test_deleting_removes_every_row_and_lets_nobody_in(open_house):
    owner, stranger = open_house.owner(), open_house.person("eve")
    other = stranger.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    key = owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)["key"]
    owner.post(f"{owner.w}/invitations", {"email": "bob@example.com"}, 201)
    program = open_house.with_key(key, owner.workspace)
    program.post(f"{program.w}/events", {"type": "signup"}, 201)
    owner.delete(owner.w)
    owner.get(owner.w, 404)
    program.get(program.w, 401)
    assert owner.get("/workspaces") == []
    assert remains(open_house) == {only_workspace(open_house)}
    assert stranger.get(f"/workspaces/{other}")["slug"] == "other"
    assert open_house.rows("SELECT action FROM audit_log WHERE workspace_id = 0 ORDER BY id DESC LIMIT 1") == [
        ("workspace.delete",)
    ]
    owner.post("/workspaces", {"name": "Shop", "slug": "shop"}, 201)


def test_a_removal_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "REMOVED_AT_ONCE", 1)
    with House(tmp_path) as house:
        owner = house.owner()
        owner.post(f"{owner.w}/keys", {"name": "k", "scopes": ["admin"]}, 201)
        house.write(lambda tables: removal.close_workspace(tables, only_workspace(house), START))
        house.write(lambda tables: removal._remove_some(tables, only_workspace(house)))
        assert house.rows("SELECT COUNT(*) FROM workspaces") == [(1,)]
        house.call(removal.finish_all, house.services.write)
        assert house.rows("SELECT COUNT(*) FROM workspaces") == [(0,)]
        assert remains(house) <= {0}
        assert house.rows("SELECT COUNT(*) FROM workspace_removals") == [(0,)]


def test_a_workspace_that_is_being_removed_does_not_act_any_more(house, owner):
    workspace, due = only_workspace(house), START + DAY
    house.write(
        lambda tables: tables.sql.run(
            "INSERT INTO standings (workspace_id, contact_id, slot, score, as_of, due_at) VALUES (?, 1, -1, 0, 0, ?)",
            (workspace, due),
        )
    )
    assert house.store.read(lambda tables: (tables.next_due(), tables.workspaces_due(due))) == (due, [workspace])
    house.write(lambda tables: removal.close_workspace(tables, workspace, START))
    assert house.store.read(lambda tables: (tables.next_due(), tables.workspaces_due(due))) == (None, [])


def remains(house) -> set[int]:
    """The workspaces of which any row is left anywhere; the instance's own log is not one."""
    holdings = house.store.read(lambda tables: tables.accounts.workspaces.holdings())
    assert {"events", "contacts", "members", "api_keys", "audit_log"} <= {holding.table for holding in holdings}
    left = {row[0] for holding in holdings for row in house.rows(f"SELECT DISTINCT workspace_id FROM {holding.table}")}
    return left - {0}


def only_workspace(house) -> int:
    """The id of the one workspace there is."""
    [(number,)] = house.rows("SELECT id FROM workspaces")
    return int(number)
