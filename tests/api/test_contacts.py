"""Contacts over HTTP."""

import json

import pytest

from tests.api.house import House, Visitor


def put(visitor: Visitor, path, body=None):
    response = visitor.send("PUT", path, body)
    return response.status_code, response.json()


def post_event(owner, event_type, contact_id=None, **more):
    body = {"type": event_type, **({"contactId": contact_id} if contact_id else {}), **more}
    return owner.post(f"{owner.w}/events", body, 201)


def test_a_contact_is_created_read_changed_and_deleted(owner):
    made = owner.post(
        f"{owner.w}/contacts",
        {"email": "jane@example.com", "firstName": "Jane", "timezone": "Europe/Vienna", "attributes": {"plan": "pro"},
         "tags": ["vip"]},
        201,
    )  # fmt: skip
    assert made["id"].startswith("ct_")
    assert made["tags"] == ["vip"]
    assert made["createdAt"] == "2026-03-01T12:00:00.000Z"
    assert made["effects"] == {
        "score": {"before": 0, "after": 0, "entries": []},
        "segments": {"entered": [], "exited": []},
        "campaigns": {"enrolled": [], "skipped": []},
    }

    path = f"{owner.w}/contacts/{made['id']}"
    changed = owner.patch(path, {"lastName": "Smith", "attributes": {"seats": 3, "plan": None}})
    assert changed["attributes"] == {"seats": 3}
    got = owner.get(path)
    assert {key: got[key] for key in changed if key != "effects"} == {
        k: v for k, v in changed.items() if k != "effects"
    }
    assert got["identities"] == {"email": "jane@example.com", "externalId": None, "sessionIds": [], "mergedIds": []}

    owner.delete(path)
    owner.get(path, 404)
    owner.delete(path, 404)
    owner.post(f"{owner.w}/contacts", {"email": "jane@example.com"}, 201)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"email": "jane"}, "email"),
        ({"email": 7}, "email"),
        ({"nickname": "J"}, "nickname"),
        ({"score": 5}, "score"),
        ({"timezone": "Mars"}, "timezone"),
        ({"attributes": {"a": [[[[[[[[1]]]]]]]]}}, "attributes"),
        ({"attributes": []}, "attributes"),
        ({"tags": ["x" * 101]}, "tags[0]"),
    ],
)
def test_bad_input_is_named_by_its_path(owner, body, path):
    error = owner.post(f"{owner.w}/contacts", body, 400)["error"]
    assert [detail["path"] for detail in error["details"]] == [path]
    assert owner.get(f"{owner.w}/contacts")["pagination"]["total"] == 0


def test_a_taken_address_is_a_conflict_that_names_its_owner(owner):
    jane = owner.post(f"{owner.w}/contacts", {"email": "jane@example.com"}, 201)
    error = owner.post(f"{owner.w}/contacts", {"email": "JANE@example.com"}, 409)["error"]
    assert error["details"] == [{"path": "email", "message": f"belongs to contact {jane['id']}"}]


def test_an_upsert_creates_once(owner):
    status, made = put(owner, f"{owner.w}/contacts", {"externalId": "7", "email": "jane@example.com"})
    assert status == 201
    status, again = put(owner, f"{owner.w}/contacts", {"email": "Jane@example.com", "firstName": "Jane", "tags": ["a"]})
    assert (status, again["id"], again["tags"]) == (200, made["id"], ["a"])


@pytest.fixture
def people(owner):
    made = {}
    for name, last, tags, attributes in [
        ("ann", "Zeller", ["vip"], {"plan": "gold", "seats": 3}),
        ("bob", None, ["vip", "new"], {"plan": "gold", "seats": "3"}),
        ("eve", "Adams", [], {"plan": "50%_off", "deep": {"er": True}}),
    ]:
        body = {"email": f"{name}@example.com", "firstName": name.title(), "lastName": last, "attributes": attributes}
        made[name] = owner.post(f"{owner.w}/contacts", body | {"tags": tags}, 201)["id"]
    return made


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["eve", "bob", "ann"]),
        ("sort=createdAt&order=asc", ["ann", "bob", "eve"]),
        ("sort=lastName&order=asc", ["eve", "ann", "bob"]),
        ("sort=lastName&order=desc", ["ann", "eve", "bob"]),
        ("sort=email&order=desc", ["eve", "bob", "ann"]),
        ("search=ANN", ["ann"]),
        ("search=ann%20zel", ["ann"]),
        ("search=example.com&order=asc", ["ann", "bob", "eve"]),
        ("search=%25", []),
        ("email=BOB@example.com", ["bob"]),
        ("tag=vip&order=asc", ["ann", "bob"]),
        ("tag=vip&tag=new", ["bob"]),
        ("tag=none", []),
        ("attributes.plan=gold&order=asc", ["ann", "bob"]),
        ("attributes.seats=3", ["ann"]),
        ('attributes.seats="3"', ["bob"]),
        ("attributes.seats=null", ["eve"]),
        ("attributes.deep.er=true", ["eve"]),
        ("attributes.deep.er=1", []),
        ("attributes.plan=50%25_off", ["eve"]),
        ("limit=2&page=2", ["ann"]),
        ("limit=1000000&order=asc", ["ann", "bob", "eve"]),
        ("segment=seg_0000000000000", []),
    ],
)
def test_a_list_is_searched_filtered_and_sorted(owner, people, query, names):
    found = owner.get(f"{owner.w}/contacts?{query}")
    assert [contact["firstName"].lower() for contact in found["data"]] == names
    by_id = {i: name for name, i in people.items()}
    assert [by_id[contact["id"]] for contact in found["data"]] == names


def test_pages_are_counted(owner, people):
    assert owner.get(f"{owner.w}/contacts?limit=2&page=2")["pagination"] == {
        "page": 2, "limit": 2, "total": 3, "totalPages": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "page=0",
        "sort=phone",
        "order=up",
        "colour=red",
        "attributes.a'b=1",
        "limit=x",
        "tags=vip",
        "caller=x",
        "external_id=7",
    ],
)
def test_a_list_refuses_what_it_does_not_know(owner, query):
    owner.get(f"{owner.w}/contacts?{query}", 400)


def test_tags_of_a_contact_and_of_all(owner, people):
    ann = f"{owner.w}/contacts/{people['ann']}"
    assert put(owner, f"{ann}/tags/late%20payer")[1]["tags"] == ["late payer", "vip"]
    assert owner.post(f"{ann}/tags", {"name": "a/b"})["tags"] == ["a/b", "late payer", "vip"]
    assert owner.get(f"{ann}/tags") == ["a/b", "late payer", "vip"]
    assert owner.delete(f"{ann}/tags/vip", 200)["tags"] == ["a/b", "late payer"]
    counts = {tag["name"]: tag["contacts"] for tag in owner.get(f"{owner.w}/tags")}
    assert counts == {"a/b": 1, "late payer": 1, "new": 1, "vip": 1}


def test_consents_are_set_by_channel(owner, people):
    ann = f"{owner.w}/contacts/{people['ann']}"
    status, _ = put(owner, f"{ann}/consents/EMAIL", {"status": "OPTED_IN", "source": "checkout"})
    assert status == 200
    assert owner.get(f"{ann}/consents") == [
        {"channel": "EMAIL", "status": "OPTED_IN", "source": "checkout", "updatedAt": "2026-03-01T12:00:00.000Z"}
    ]
    assert put(owner, f"{ann}/consents/PIGEON", {"status": "OPTED_IN"})[0] == 400
    assert put(owner, f"{ann}/consents/EMAIL", {"status": "YES"})[0] == 400


def test_a_session_is_identified_and_a_contact_merged(owner, people):
    ann, bob = people["ann"], people["bob"]
    post_event(owner, "page_view", sessionId="s1")
    owner.post(f"{owner.w}/contacts/{bob}/identify", {"sessionId": "s1"})
    owner.post(f"{owner.w}/contacts/{ann}/identify", {"sessionId": "s1"}, 409)
    post_event(owner, "purchase", bob)

    merged = owner.post(f"{owner.w}/contacts/{ann}/merge", {"contactId": bob})
    assert merged["id"] == ann
    assert merged["tags"] == ["new", "vip"]
    assert owner.get(f"{owner.w}/contacts/{bob}")["id"] == ann
    assert owner.get(f"{owner.w}/contacts/{bob}")["identities"]["mergedIds"] == [bob]
    assert len(owner.get(f"{owner.w}/events?contactId={bob}")) == 2
    owner.post(f"{owner.w}/contacts/{ann}/merge", {"contactId": bob})
    owner.post(f"{owner.w}/contacts/{ann}/merge", {"contactId": ann}, 422)
    owner.post(f"{owner.w}/contacts/{ann}/merge", {"contactId": "ct_nobody"}, 404)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_timeline_pages_through_everything_once(owner, people, limit):
    ann = people["ann"]
    for number in range(5):
        post_event(owner, "purchase", ann, metadata={"n": number})
    owner.patch(f"{owner.w}/contacts/{ann}", {"phone": "1"})
    whole = owner.get(f"{owner.w}/contacts/{ann}/timeline")
    assert {entry["type"] for entry in whole} == {"EVENT", "CHANGED"}
    assert [entry["event"]["metadata"]["n"] for entry in whole if entry["type"] == "EVENT"] == [4, 3, 2, 1, 0]
    assert whole[0]["changes"] == {"phone": {"from": None, "to": "1"}}

    paged: list[dict[str, object]] = []
    path: str | None = f"{owner.w}/contacts/{ann}/timeline?limit={limit}"
    while path:
        response = owner.send("GET", path)
        paged += response.json()
        path = response.links["next"]["url"].removeprefix("/api") if "next" in response.links else None
    assert paged == whole
    owner.get(f"{owner.w}/contacts/{ann}/timeline?cursor=nonsense", 400)


def test_an_export_holds_everything(owner, people):
    ann = people["ann"]
    post_event(owner, "purchase", ann, metadata={"secret": "shoes"})
    response = owner.send("GET", f"{owner.w}/contacts/{ann}/export")
    assert response.headers["content-disposition"] == f'attachment; filename="{ann}.json"'
    document = response.json()
    assert document["contact"]["email"] == "ann@example.com"
    assert "shoes" in json.dumps(document["timeline"])
    owner.get(f"{owner.w}/contacts/ct_0000000000000/export", 404)


def test_the_erased_are_gone_and_refused(owner, people, house: House):
    ann = people["ann"]
    post_event(owner, "purchase", ann, metadata={"secret": "shoes"}, sessionId="s1")
    owner.post(f"{owner.w}/contacts/{ann}/erase", status=204)
    owner.get(f"{owner.w}/contacts/{ann}", 404)
    for body in ({"type": "purchase", "contactId": ann}, {"type": "page_view", "sessionId": "s1"}):
        assert owner.post(f"{owner.w}/events", body, 409)["error"]["code"] == "erased"
    assert owner.post(f"{owner.w}/contacts", {"email": "ann@example.com"}, 409)["error"]["code"] == "erased"
    (event,) = owner.get(f"{owner.w}/events")
    assert (event["contact"], event["metadata"], event["sessionId"]) == (None, {}, None)
    assert ("contact.erase",) in house.rows("SELECT action FROM audit_log")


def test_another_workspace_sees_nothing(open_house):
    ada, bob = open_house.person("ada"), open_house.person("bob")
    for visitor, slug in ((ada, "one"), (bob, "two")):
        visitor.workspace = visitor.post("/workspaces", {"name": "W", "slug": slug}, 201)["id"]
    ann = ada.post(f"{ada.w}/contacts", {"email": "ann@example.com", "tags": ["t"]}, 201)["id"]
    bob.get(f"{ada.w}/contacts", 404)
    assert bob.get(f"{bob.w}/contacts")["data"] == []
    assert bob.get(f"{bob.w}/tags") == []
    mine = bob.post(f"{bob.w}/contacts", {"email": "ann@example.com"}, 201)["id"]
    for method, path, body in [
        ("GET", "", None), ("GET", "/timeline", None), ("GET", "/export", None), ("GET", "/tags", None),
        ("GET", "/consents", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/erase", None),
        ("PUT", "/tags/x", None), ("PUT", "/consents/EMAIL", {"status": "OPTED_IN"}),
        ("POST", "/merge", {"contactId": mine}), ("POST", "/identify", {"sessionId": "s"}),
    ]:  # fmt: skip
        assert bob.send(method, f"{bob.w}/contacts/{ann}{path}", body).status_code == 404, (method, path)
    assert bob.send("POST", f"{bob.w}/contacts/{mine}/merge", {"contactId": ann}).status_code == 404


def test_a_viewer_looks_and_changes_nothing(house, owner, people):
    viewer = house.member(owner, "vera", "VIEWER")
    viewer.get(f"{owner.w}/contacts")
    viewer.post(f"{owner.w}/contacts", {"email": "x@example.com"}, 403)
    viewer.post(f"{owner.w}/contacts/{people['ann']}/erase", None, 403)
