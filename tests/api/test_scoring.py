"""Scoring rules and the history of a score, over HTTP."""

import pytest

from ensue.base.clock import DAY, HOUR, to_iso
from ensue.engine.scoring.rebuild import KIND
from ensue.worker import rebuild_loop
from tests.api.house import START, House

RULE = {"name": "Pricing", "eventType": "page_view", "delta": 5}
EMPTY = {
    "condition": None, "maxScore": None, "minScore": None, "decayPoints": None, "decayDays": None, "cooldown": None,
}  # fmt: skip


@pytest.fixture
def house(tmp_path):
    with House(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house):
    return house.owner()


def rules(owner):
    return f"{owner.w}/scoring-rules"


def contact(owner, **fields):
    return owner.post(f"{owner.w}/contacts", fields, 201)["id"]


def view(owner, who, **more):
    return owner.post(f"{owner.w}/events", {"type": "page_view", "contactId": who, **more}, 201)


def test_a_rule_has_exactly_these_fields(owner):
    made = owner.post(rules(owner), RULE, 201)
    rule_id = made["id"]
    assert rule_id.startswith("sr_")
    at = to_iso(START)
    shown = {
        **RULE, **EMPTY, "id": rule_id, "active": True, "once": False, "version": 1, "createdAt": at, "updatedAt": at,
    }  # fmt: skip
    assert made == shown
    assert owner.get(rules(owner), 200) == [shown]
    assert owner.get(f"{rules(owner)}/{rule_id}", 200) == shown


def test_every_field_comes_back_as_it_was_sent(owner):
    sent = {
        "name": "Pricing", "eventType": "page_view", "delta": -5, "active": False, "once": True, "cooldown": "24h",
        "maxScore": 10, "minScore": -10, "decayPoints": 2, "decayDays": 30,
        "condition": {"field": "metadata.page", "operator": "eq", "value": "/pricing"},
    }  # fmt: skip
    made = owner.post(rules(owner), sent, 201)
    assert {name: made[name] for name in sent} == sent


def test_an_edit_is_a_version_and_null_clears(house, owner):
    made = owner.post(rules(owner), RULE | {"maxScore": 10, "cooldown": "1d"}, 201)
    house.clock.advance(HOUR)
    path = f"{rules(owner)}/{made['id']}"
    edited = owner.patch(path, {"maxScore": None, "delta": 7}, 200)
    assert edited == made | {"maxScore": None, "delta": 7, "version": 2, "updatedAt": to_iso(START + HOUR)}
    assert owner.patch(path, {"name": "Views"}, 200)["version"] == 2
    owner.delete(path, 204)
    assert owner.get(path, 404)["error"]["code"] == "not_found"
    assert owner.get(rules(owner), 200) == []


@pytest.mark.parametrize(
    ("wrong", "paths"),
    [
        ({"delta": 1.5, "name": " ", "extra": 1}, {"delta", "name", "extra"}),
        ({"delta": True}, {"delta"}),
        ({"delta": "5"}, {"delta"}),
        ({"eventType": ""}, {"eventType"}),
        ({"cooldown": "soon"}, {"cooldown"}),
        ({"decayDays": 3}, {"decayPoints"}),
        ({"minScore": 3, "maxScore": 2, "decayPoints": 1}, {"minScore", "decayDays"}),
        ({"condition": {"operator": "AND", "conditions": []}}, {"condition.conditions"}),
        ({"condition": {"field": "metadata.x", "operator": "eq"}}, {"condition.value"}),
    ],
)
def test_what_is_wrong_is_named(owner, wrong, paths):
    error = owner.post(rules(owner), RULE | wrong, 400)["error"]
    assert {detail["path"] for detail in error["details"]} == paths
    made = owner.post(rules(owner), RULE, 201)
    error = owner.patch(f"{rules(owner)}/{made['id']}", wrong, 400)["error"]
    assert {detail["path"] for detail in error["details"]} == paths


def test_null_is_no_name(owner):
    made = owner.post(rules(owner), RULE, 201)
    error = owner.patch(f"{rules(owner)}/{made['id']}", {"name": None, "delta": None}, 400)["error"]
    assert {detail["path"] for detail in error["details"]} == {"name", "delta"}


def test_the_history_is_paged_and_answers_for_an_instant(house, owner):
    rule = owner.post(rules(owner), RULE | {"decayPoints": 1, "decayDays": 1}, 201)
    who = contact(owner)
    events = [view(owner, who)["id"]]
    house.clock.advance(2 * DAY)
    events.append(view(owner, who)["id"])
    path = f"{owner.w}/contacts/{who}/score-history"
    lines = owner.get(path, 200)
    assert [(n["cause"], n["eventId"], n["asked"], n["given"], n["before"], n["after"]) for n in lines] == [
        ("EVENT", events[1], 5, 5, 3, 8),
        ("DECAY", None, -1, -1, 4, 3),
        ("DECAY", None, -1, -1, 5, 4),
        ("EVENT", events[0], 5, 5, 0, 5),
    ]
    assert {n["ruleId"] for n in lines} == {rule["id"]}
    assert [n["at"] for n in lines] == [to_iso(START + days * DAY) for days in (2, 2, 1, 0)]
    first = owner.client.get(f"/api{path}?limit=3")
    assert first.json() == lines[:3]
    following = first.headers["link"].removeprefix("<").split(">")[0]
    last = owner.client.get(following)
    assert last.json() == lines[3:]
    assert "link" not in last.headers
    at = to_iso(START + DAY + HOUR)
    assert owner.get(f"{path}?at={at}", 200) == {"at": at, "score": 4}
    assert owner.get(f"{path}?cursor=x", 400)["error"]["details"][0]["path"] == "cursor"
    owner.get(f"{owner.w}/contacts/ct_00000000000zz/score-history", 404)


def test_a_draft_is_tried_on_history(owner):
    who = contact(owner, email="ann@example.com")
    view(owner, who)
    view(owner, who)
    found = owner.post(f"{rules(owner)}/dry-run", {"rule": RULE | {"maxScore": 8}}, 200)
    assert found == {
        "events": 2, "since": to_iso(START), "complete": True, "matches": 2, "contacts": 1, "points": 8, "changed": 1,
        "difference": 8, "days": [{"date": "2026-03-01", "matches": 2, "contacts": 1, "points": 8}],
        "sample": [{"contactId": who, "email": "ann@example.com", "matches": 2, "before": 0, "after": 8}],
    }  # fmt: skip
    assert owner.get(rules(owner), 200) == []
    made = owner.post(rules(owner), RULE, 201)
    path = f"{rules(owner)}/{made['id']}/dry-run"
    assert owner.post(path, {}, 200)["points"] == 10
    assert owner.post(path, {"rule": {"delta": 1}}, 200)["points"] == 2
    assert owner.post(f"{rules(owner)}/dry-run", {"rule": RULE | {"decayDays": 1}}, 400)["error"]["details"]


def test_scores_are_rebuilt_in_the_background(house, owner):
    who = contact(owner)
    view(owner, who)
    owner.post(rules(owner), RULE, 201)
    path = f"{rules(owner)}/rebuild"
    assert owner.get(path, 200) is None
    diff = owner.post(path, {"dryRun": True}, 200)
    assert (diff["dryRun"], diff["raised"], diff["difference"], diff["complete"]) == (True, 1, 5, True)
    begun = owner.post(path, {"dryRun": False}, 202)
    assert (begun["dryRun"], begun["status"], begun["total"], begun["done"]) == (False, "RUNNING", 1, 0)
    assert owner.post(path, {"dryRun": False}, 409)["error"]["code"] == "rebuild_running"
    ((workspace_id, rebuild_id),) = house.store.read(rebuild_loop.running)

    async def run():
        commits, engine = house.services.commits, house.services.engine
        while await commits.run(lambda tables: rebuild_loop.advance(engine, tables, workspace_id, rebuild_id)):
            pass

    house.call(run)
    done = owner.get(path, 200)
    assert (done["id"], done["status"], done["done"], done["raised"]) == (begun["id"], "DONE", 1, 1)
    assert [line["cause"] for line in owner.get(f"{owner.w}/contacts/{who}/score-history", 200)] == ["REBUILD"]
    assert house.store.read(lambda tables: tables.workspace(workspace_id).backfills.newest(KIND)).status == "DONE"


def test_a_rebuild_that_fails_says_so(house, owner, monkeypatch):
    owner.post(f"{rules(owner)}/rebuild", {"dryRun": False}, 202)
    ((workspace_id, rebuild_id),) = house.store.read(rebuild_loop.running)

    def fail(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(rebuild_loop, "advance", fail)
    loop = rebuild_loop.RebuildLoop(house.store, house.services.engine, house.services.commits)
    house.call(loop._go_on, workspace_id, rebuild_id)
    found = owner.get(f"{rules(owner)}/rebuild", 200)
    assert (found["status"], found["error"]) == ("FAILED", "RuntimeError: no")
