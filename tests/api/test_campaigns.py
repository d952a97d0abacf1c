"""Campaigns over HTTP: made, edited, started, stopped, executed, and read."""

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR, to_iso
from ensue.base.ids import read, show
from ensue.engine.contacts import changes
from ensue.model.cause import Cause
from ensue.model.segment import Segment
from tests.engine.flow import chain, edge, node, workflow

SIGNUP = {"type": "EVENT", "eventType": "signup"}
WAIT = chain(node("t", "tag", tag="in"), node("d", "delay", duration="1d"))
EXECUTED_IN_TWO = bounds.EXECUTE_CONTACTS + 5


@pytest.fixture
def campaign(owner):
    return make(owner)


def make(owner, **fields):
    body = {"name": "Welcome", "status": "ACTIVE", "triggers": [SIGNUP], "workflow": WAIT} | fields
    return owner.post(f"{owner.w}/campaigns", body, 201)


def contact(owner, **fields):
    return owner.post(f"{owner.w}/contacts", fields, 201)["id"]


def signup(owner, contact_id):
    return owner.post(f"{owner.w}/events", {"type": "signup", "contactId": contact_id}, 201)["effects"]["campaigns"]


def run_due(house):
    while house.write(house.services.engine.run_due):
        pass


def test_a_campaign_is_made_listed_read_and_deleted(owner):
    made = make(owner, status="DRAFT", startAt="2026-04-01T00:00:00Z", settings={"reentry": "ALWAYS"})
    path = f"{owner.w}/campaigns/{made['id']}"
    assert made == {
        "id": made["id"], "name": "Welcome", "type": "AUTOMATED", "status": "DRAFT", "version": 1, "triggers": [SIGNUP],
        "workflow": WAIT, "settings": {"reentry": "ALWAYS"}, "startAt": "2026-04-01T00:00:00.000Z", "endAt": None,
        "pausedAt": None, "createdAt": made["createdAt"], "updatedAt": made["updatedAt"],
    }  # fmt: skip
    assert owner.get(f"{owner.w}/campaigns") == [made]
    assert owner.get(path) == made
    owner.delete(path)
    owner.get(path, 404)
    assert owner.get(f"{owner.w}/campaigns") == []


def test_another_workspace_sees_nothing_of_it(open_house):
    owner = open_house.owner()
    path = f"/campaigns/{make(owner)['id']}"
    stranger = open_house.person("eve")
    stranger.workspace = stranger.post("/workspaces", {"name": "Other", "slug": "other"}, 201)["id"]
    for method, more in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/activate"), ("GET", "/stats")):
        assert stranger.send(method, f"{stranger.w}{path}{more}", {} if method != "GET" else None).status_code == 404
    assert owner.get(f"{owner.w}{path}")["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"colour": "red"}, "colour"),
        ({"type": "SOMETIMES"}, "type"),
        ({"status": "PAUSED"}, "status"),
        ({"triggers": {}}, "triggers"),
        ({"workflow": chain(node("n", "delay", duration="soon"))}, "workflow.nodes[0].data.duration"),
        ({"workflow": chain(node("m", "sing"))}, "workflow.nodes[0].type"),
        ({"workflow": workflow([], [])}, "workflow.nodes"),
        ({"startAt": "tomorrow"}, "startAt"),
        ({"settings": {"exitOn": [{"rules": 5}]}}, "settings.exitOn[0].rules"),
    ],
)
def test_a_refusal_names_its_path(owner, fields, path):
    body = {"name": "x", "status": "ACTIVE", "workflow": WAIT} | fields
    error = owner.post(f"{owner.w}/campaigns", body, 400)["error"]
    assert [detail["path"] for detail in error["details"]] == [path]


def test_a_post_enrols_and_the_run_can_be_followed(house, owner, campaign):
    someone = contact(owner)
    (enrolled,) = signup(owner, someone)["enrolled"]
    assert (enrolled["id"], enrolled["name"]) == (campaign["id"], "Welcome")
    run = owner.get(f"{owner.w}/enrollments/{enrolled['enrollmentId']}")
    assert (run["status"], run["nodeId"], run["contactId"], run["trigger"]) == ("ACTIVE", "d", someone, "EVENT")
    assert run["wakeAt"] == to_iso(house.clock.now() + DAY)
    assert [(step["nodeId"], step["type"], step["outcome"]) for step in run["steps"]] == [("t", "tag", "DONE")]
    house.clock.advance(DAY)
    run_due(house)
    run = owner.get(f"{owner.w}/enrollments/{enrolled['enrollmentId']}")
    assert (run["status"], run["endReason"], run["wakeAt"]) == ("COMPLETED", "END", None)


def test_lists_and_counts(house, owner, campaign):
    path = f"{owner.w}/campaigns/{campaign['id']}"
    people = [contact(owner) for _ in range(3)]
    for someone in people:
        signup(owner, someone)
    (skipped,) = signup(owner, people[0])["skipped"]
    assert skipped["reason"] == "ALREADY_ACTIVE"
    house.clock.advance(DAY)
    run_due(house)
    signup(owner, contact(owner))

    page = owner.get(f"{path}/enrollments?limit=3")
    assert page["pagination"] == {"page": 1, "limit": 3, "total": 4, "totalPages": 2}
    assert [run["status"] for run in page["data"]] == ["ACTIVE", "COMPLETED", "COMPLETED"]
    assert [run["contactId"] for run in owner.get(f"{path}/enrollments?limit=3&page=2")["data"]] == people[:1]
    assert owner.get(f"{path}/enrollments?status=ACTIVE")["pagination"]["total"] == 1
    owner.get(f"{path}/enrollments?status=SLEEPING", 400)
    (skip,) = owner.get(f"{path}/skips")["data"]
    assert (skip["contactId"], skip["reason"]) == (people[0], "ALREADY_ACTIVE")
    assert owner.get(f"{path}/stats") == {
        "entered": 4, "active": 1, "completed": 3, "exited": 0, "failed": 0, "skipped": {"ALREADY_ACTIVE": 1},
        "nodes": [
            {"id": "t", "entered": 4, "here": 0, "passed": 4, "outcomes": {"DONE": 4}, "messages": None},
            {"id": "d", "entered": 4, "here": 1, "passed": 3, "outcomes": {"WAITED": 3}, "messages": None},
        ],
    }  # fmt: skip


def test_a_patch_changes_what_it_names_and_makes_a_version(owner, campaign):
    path = f"{owner.w}/campaigns/{campaign['id']}"
    renamed = owner.patch(path, {"name": "Hello"})
    assert (renamed["name"], renamed["version"], renamed["workflow"]) == ("Hello", 1, WAIT)
    later = owner.patch(path, {"endAt": "2026-05-01T00:00:00Z"})
    assert (later["endAt"], later["version"]) == ("2026-05-01T00:00:00.000Z", 2)
    assert owner.patch(path, {"endAt": None})["endAt"] is None
    owner.patch(path, {"workflow": workflow([], [])}, 400)
    owner.patch(path, {"name": None}, 400)


def test_the_status_changes_by_patch_and_by_its_own_paths(owner):
    path = f"{owner.w}/campaigns/{make(owner, status='DRAFT')['id']}"
    owner.post(f"{path}/pause", status=409)
    assert owner.post(f"{path}/activate")["status"] == "ACTIVE"
    paused = owner.patch(path, {"status": "PAUSED"})
    assert paused["pausedAt"] is not None
    assert owner.post(f"{path}/resume", {"overdue": "CONTINUE"})["status"] == "ACTIVE"
    owner.post(f"{path}/resume", {"overdue": "WHENEVER"}, 400)
    owner.delete(path, 409)
    owner.patch(path, {"status": "ARCHIVED"}, 409)
    owner.patch(path, {"status": "COMPLETED"})
    assert owner.post(f"{path}/archive")["status"] == "ARCHIVED"
    owner.patch(path, {"status": "ACTIVE"}, 409)
    owner.patch(path, {"name": "again"}, 409)


def test_a_pause_holds_and_a_resume_moves(house, owner, campaign):
    path = f"{owner.w}/campaigns/{campaign['id']}"
    (enrolled,) = signup(owner, contact(owner))["enrolled"]
    owner.post(f"{path}/pause")
    assert signup(owner, contact(owner))["skipped"][0]["reason"] == "PAUSED"
    house.clock.advance(5 * DAY)
    run_due(house)
    owner.post(f"{path}/resume")
    run = owner.get(f"{owner.w}/enrollments/{enrolled['enrollmentId']}")
    assert run["status"] == "ACTIVE"
    assert run["wakeAt"] == to_iso(house.clock.now() + DAY)


def test_one_contact_is_put_in_by_hand(owner, campaign):
    path = f"{owner.w}/campaigns/{campaign['id']}/execute"
    someone = contact(owner)
    assert owner.post(path, {"contactId": someone}, 202) == {"enrolled": 1, "skipped": 0, "reasons": {}}
    again = owner.post(path, {"contactId": someone}, 202)
    assert again == {"enrolled": 0, "skipped": 1, "reasons": {"ALREADY_ACTIVE": 1}}
    owner.post(path, {}, 400)
    owner.post(path, {"contactId": someone, "segmentId": show("seg", 1)}, 400)
    owner.post(path, {"contactId": show("ct", 1)}, 404)
    owner.post(path, {"segmentId": show("seg", 1)}, 404)
    owner.post(f"{owner.w}/campaigns/{make(owner, status='DRAFT')['id']}/execute", {"contactId": someone}, 409)


def test_a_segment_is_put_in_in_bounded_transactions(house, owner, campaign):
    number, engine = read("ws", owner.workspace), house.services.engine

    def prepare(room):
        definitions = room.tables.definitions
        segment = Segment(room.ids.next(), "all", None, "STATIC", 1, None, "READY", room.now, room.now)
        definitions.put_segment(segment)
        definitions.bump(room.now)
        return segment.id, [changes.create(room, {}, Cause("CHANGE"))[0].id for _ in range(EXECUTED_IN_TWO)]

    segment_id, people = house.write(lambda tables: engine.within(tables, number, prepare))

    def enter(room):
        for contact_id in people:
            changes.set_static(room.subject(contact_id), segment_id, True, Cause("CHANGE"))

    house.write(lambda tables: engine.within(tables, number, enter))
    signup(owner, show("ct", people[0]))
    path = f"{owner.w}/campaigns/{campaign['id']}/execute"
    counts = owner.post(path, {"segmentId": show("seg", segment_id)}, 202)
    assert counts == {"enrolled": EXECUTED_IN_TWO - 1, "skipped": 1, "reasons": {"ALREADY_ACTIVE": 1}}


def test_what_is_changed_is_in_the_audit_log(owner, campaign):
    owner.post(f"{owner.w}/campaigns/{campaign['id']}/pause")
    lines = owner.get(f"{owner.w}/audit")
    lines = lines["data"] if isinstance(lines, dict) else lines
    actions = [line["action"] for line in lines if line["target"] == campaign["id"]]
    assert actions == ["campaign.paused", "campaign.create"]


def test_a_timeout_branch_over_http(house, owner):
    flow = workflow(
        [node("w", "wait_until", eventType="paid", timeout="1h"), node("y", "exit", reason="paid"), node("n", "exit")],
        [edge("w", "y"), edge("w", "n", "timeout")],
    )
    make(owner, workflow=flow)
    (late,) = signup(owner, contact(owner))["enrolled"]
    payer = contact(owner)
    (paid,) = signup(owner, payer)["enrolled"]
    owner.post(f"{owner.w}/events", {"type": "paid", "contactId": payer}, 201)
    house.clock.advance(HOUR)
    run_due(house)
    reasons = [owner.get(f"{owner.w}/enrollments/{one['enrollmentId']}")["endReason"] for one in (late, paid)]
    assert reasons == ["EXIT_NODE", "paid"]
