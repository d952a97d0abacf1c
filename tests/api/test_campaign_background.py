"""Launches, A/B tests, dry-runs and limits over HTTP, with the loops running."""

import pytest

from ensue.base.clock import DAY, HOUR, MINUTE, to_iso
from tests.engine.flow import chain, edge, node, workflow

SIGNUP = {"type": "EVENT", "eventType": "signup"}
MARK = chain(node("t", "tag", tag="in"))
WAYS = [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]
SPLIT = workflow(
    [node("half", "split", branches=WAYS, test={"metric": "GOAL"}), node("g", "goal"), node("t", "tag", tag="b")],
    [edge("half", "g", "a"), edge("half", "t", "b")],
)


@pytest.fixture
def rested(house):
    """Returns once campaigns have nothing to do at this instant."""

    async def rest() -> None:
        def busy(tables):
            return tables.workspaces_with_campaign_work(house.services.engine.ids.instant())

        while await house.services.glance(busy):
            await house.services.wakes.wait(5)

    return lambda: house.call(rest)


def make(owner, status=201, **fields):
    body = {"name": "Welcome", "status": "ACTIVE", "workflow": MARK} | fields
    return owner.post(f"{owner.w}/campaigns", body, status)


def contact(owner, **fields):
    return owner.post(f"{owner.w}/contacts", fields, 201)["id"]


def signup(owner, contact_id, **more):
    return owner.post(f"{owner.w}/events", {"type": "signup", "contactId": contact_id, **more}, 201)


def path_of(owner, campaign):
    return f"{owner.w}/campaigns/{campaign['id']}"


def test_a_broadcast_goes_out_and_tells_how_far_it_is(house, owner, rested):
    everybody = [contact(owner) for _ in range(3)]
    house.clock.advance(1)
    settings = {"audience": {}, "throttle": {"perMinute": 1}}
    campaign = make(owner, type="BROADCAST", settings=settings)
    path = path_of(owner, campaign)
    (at,) = owner.get(f"{path}/launches")["next"]
    assert at == to_iso(house.clock.now())
    seen = []
    for _ in range(4):
        rested()
        (launch,) = owner.get(f"{path}/launches")["data"]
        seen.append((launch["status"], launch["done"], launch["enrolled"], launch["total"]))
        house.clock.advance(MINUTE)
        owner.post(f"{owner.w}/contacts", {}, 201)
    assert seen == [("RUNNING", 1, 1, 3), ("RUNNING", 2, 2, 3), ("RUNNING", 3, 3, 3), ("DONE", 3, 3, 3)]
    assert owner.get(path)["status"] == "COMPLETED"
    runs = owner.get(f"{path}/enrollments")["data"]
    assert {run["contactId"] for run in runs} == set(everybody)
    assert {(run["trigger"], run["occasion"]) for run in runs} == {("BROADCAST", launch["id"])}


def test_a_launch_is_paused_with_its_campaign_and_can_be_cancelled(house, owner, rested):
    for _ in range(3):
        contact(owner)
    house.clock.advance(1)
    campaign = make(owner, type="BROADCAST", settings={"audience": {}, "throttle": {"perMinute": 1}})
    path = path_of(owner, campaign)
    rested()
    owner.post(f"{path}/pause")
    (launch,) = owner.get(f"{path}/launches")["data"]
    assert launch["status"] == "PAUSED"
    owner.post(f"{path}/resume")
    assert owner.post(f"{path}/launches/{launch['id']}/cancel")["status"] == "CANCELLED"
    error = owner.post(f"{path}/launches/{launch['id']}/cancel", status=409)["error"]
    assert error["code"] == "launch_over"
    owner.post(f"{path}/launches/lch_0000000000000/cancel", status=404)
    owner.post(f"{path_of(owner, make(owner))}/launches/{launch['id']}/cancel", status=404)


def test_a_birthday_campaign_arms_those_who_were_there(house, owner, rested):
    born = contact(owner, attributes={"birthday": "1990-03-05"})
    contact(owner)
    trigger = {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"}
    campaign = make(owner, triggers=[trigger], settings={"reentry": "ALWAYS"})
    rested()
    (arming,) = owner.get(f"{path_of(owner, campaign)}/dates")
    assert (arming["status"], arming["total"], arming["done"], arming["armed"]) == ("DONE", 2, 2, 1)
    house.clock.advance(4 * DAY)
    while house.write(house.services.engine.run_due):
        pass
    (run,) = owner.get(f"{path_of(owner, campaign)}/enrollments")["data"]
    assert (run["contactId"], run["trigger"], run["occasion"]) == (born, "DATE", "2026-03-05")
    assert run["enteredAt"] == "2026-03-05T09:00:00.000Z"


def test_another_time_zone_of_the_workspace_moves_the_dates(house, owner, rested):
    contact(owner, attributes={"birthday": "1990-03-05"})
    trigger = {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"}
    campaign = make(owner, triggers=[trigger, {"type": "SCHEDULE", "cron": "0 6 * * *"}])
    rested()
    owner.patch(owner.w, {"timeZone": "Asia/Tokyo"})
    rested()
    assert len(owner.get(f"{path_of(owner, campaign)}/dates")) == 2
    assert owner.get(f"{path_of(owner, campaign)}/launches")["next"] == ["2026-03-01T21:00:00.000Z"]
    timers = [row[0] for row in house.rows("SELECT due_at FROM timers WHERE kind = 4")]
    assert [to_iso(at) for at in timers] == ["2026-03-05T00:00:00.000Z"]


def test_the_branches_of_a_split_and_a_winner_by_hand(owner):
    campaign = make(owner, triggers=[SIGNUP], workflow=SPLIT)
    for _ in range(12):
        signup(owner, contact(owner))
    path = f"{path_of(owner, campaign)}/splits/half"
    shown = owner.get(path)
    a, b = shown["branches"]
    assert (shown["metric"], shown["winner"], a["entered"] + b["entered"]) == ("GOAL", None, 12)
    assert (a["goals"], a["rate"], b["goals"], b["rate"]) == (a["entered"], 1.0, 0, 0.0)
    decided = owner.post(f"{path}/winner", {"branch": "b"})
    assert (decided["winner"], decided["decidedBy"]) == ("b", "MANUAL")
    for _ in range(5):
        signup(owner, contact(owner))
    assert [one["routed"] for one in owner.get(path)["branches"]] == [0, 5]
    assert owner.post(f"{path}/winner", {"branch": None})["winner"] is None
    owner.post(f"{path}/winner", {"branch": "c"}, 400)
    owner.post(f"{path}/winner", {}, 400)
    owner.get(f"{path_of(owner, campaign)}/splits/t", 404)


def test_a_dry_run_of_a_draft_and_of_a_campaign(house, owner, rested):
    for at in range(3):
        signup(owner, contact(owner, email=f"{at}@example.com"))
        house.clock.advance(HOUR)
    body = {"campaign": {"triggers": [SIGNUP], "workflow": MARK}}
    begun = owner.post(f"{owner.w}/campaigns/dry-run", body, 202)
    assert begun["status"] in ("RUNNING", "DONE")
    rested()
    shown = owner.get(f"{owner.w}/campaigns/dry-runs/{begun['id']}")
    assert (shown["status"], shown["done"], shown["total"], shown["enrolled"]) == ("DONE", 3, 3, 3)
    assert shown["days"] == [{"date": "2026-03-01", "enrolled": 3, "skipped": 0, "sent": 0}]
    assert shown["nodes"] == [{"id": "t", "outcomes": {"DONE": 3}, "branches": {}, "messages": {}}]
    assert [entry["email"] for entry in shown["sample"]] == [f"{at}@example.com" for at in range(3)]
    assert owner.get(f"{owner.w}/campaigns") == []

    campaign = make(owner, status=201, triggers=[SIGNUP])
    span = {"since": "2026-03-01T12:30:00Z"}
    begun = owner.post(f"{path_of(owner, campaign)}/dry-run", span, 202)
    rested()
    shown = owner.get(f"{owner.w}/campaigns/dry-runs/{begun['id']}")
    assert (shown["campaignId"], shown["enrolled"]) == (campaign["id"], 2)
    error = owner.post(f"{owner.w}/campaigns/dry-run", {"campaign": {"triggers": [SIGNUP]}}, 400)["error"]
    assert [detail["path"] for detail in error["details"]] == ["workflow.nodes"]
    owner.get(f"{owner.w}/campaigns/dry-runs/dry_0000000000000", 404)


def test_the_limits_of_a_workspace(owner):
    path = f"{owner.w}/message-limits"
    assert owner.get(path) == {"quietHours": None, "frequencyCaps": []}
    limits = {"quietHours": {"from": "22:00", "to": "08:00"}, "frequencyCaps": [{"count": 2, "per": "DAY"}]}
    assert owner._expect(200, "PUT", path, limits) == limits
    assert owner.get(path) == limits
    error = owner._expect(400, "PUT", path, {"quietHours": {"from": "22:00"}})["error"]
    assert [detail["path"] for detail in error["details"]] == ["quietHours.to"]
    assert owner.get(path) == limits
    assert owner._expect(200, "PUT", path, {}) == {"quietHours": None, "frequencyCaps": []}
