"""Segments over HTTP: made, filled in the background, tried, changed, explained, kept by hand, deleted."""

from typing import Any

import pytest

from ensue.engine.segments import backfill
from ensue.worker import backfill_loop

BUYERS = {"type": "event", "eventType": "purchase", "operator": "gte", "value": 2}


def attribute(name: str, value: object) -> dict[str, Any]:
    return {"type": "attribute", "field": f"attributes.{name}", "operator": "eq", "value": value}


@pytest.fixture
def shop(owner):
    return owner


def contact(shop, **fields) -> Any:
    return shop.post(f"{shop.w}/contacts", fields, 201)["id"]


def purchase(shop, who: str, times: int = 1) -> None:
    for _ in range(times):
        shop.post(f"{shop.w}/events", {"type": "purchase", "contactId": who}, 201)


def make(shop, **fields) -> Any:
    return shop.post(f"{shop.w}/segments", {"name": "Buyers", "rules": BUYERS, **fields}, 201)


@pytest.fixture
def ready(house, shop):
    """The segment, once nothing is being backfilled any more. Every step of a backfill wakes whoever waits."""

    async def rest() -> None:
        while await house.services.glance(lambda tables: tables.workspaces_backfilling()):
            await house.services.wakes.wait(60)

    def ready(segment_id: str) -> Any:
        house.call(rest)
        return shop.get(f"{shop.w}/segments/{segment_id}")

    return ready


def test_a_segment_is_made_and_filled(shop, ready):
    buyer, other = contact(shop, firstName="Jane"), contact(shop)
    purchase(shop, buyer, 2)
    purchase(shop, other)
    made = make(shop, description="Twice or more")
    assert made["id"].startswith("seg_")
    assert (made["type"], made["version"], made["status"]) == ("DYNAMIC", 1, "BACKFILLING")
    assert made["backfill"]["status"] == "RUNNING"
    shown = ready(made["id"])
    assert shown["totalMembers"] == 1
    assert shown["sampleContacts"] == [{"id": buyer, "email": None, "firstName": "Jane", "lastName": None}]
    assert shown["segment"]["backfill"]["entered"] == 1
    (listed,) = shop.get(f"{shop.w}/segments?counts=true")
    assert (listed["id"], listed["totalMembers"], listed["rules"]) == (made["id"], 1, BUYERS)


def test_a_preview_counts_without_storing(shop):
    buyer = contact(shop)
    purchase(shop, buyer, 2)
    contact(shop)
    shown = shop.post(f"{shop.w}/segments/preview", {"rules": BUYERS}, 200)
    assert (shown["count"], [card["id"] for card in shown["sample"]]) == (1, [buyer])
    assert shop.get(f"{shop.w}/segments") == []


@pytest.mark.parametrize("path", ["segments", "segments/preview"])
def test_unsound_rules_are_refused_by_path(shop, path):
    body = {"rules": {**BUYERS, "operator": "like"}} | ({"name": "x"} if path == "segments" else {})
    refused = shop.post(f"{shop.w}/{path}", body, 400)
    assert [detail["path"] for detail in refused["error"]["details"]] == ["rules.operator"]


def test_a_change_is_shown_before_it_is_made(shop, ready):
    once, twice = contact(shop), contact(shop)
    purchase(shop, once)
    purchase(shop, twice, 2)
    segment = make(shop)["id"]
    ready(segment)
    rules = {**BUYERS, "operator": "eq", "value": 1}
    diff = shop.post(f"{shop.w}/segments/{segment}/diff", {"rules": rules}, 200)
    assert (diff["entering"]["count"], diff["exiting"]["count"]) == (1, 1)
    assert (diff["entering"]["sample"][0]["id"], diff["exiting"]["sample"][0]["id"]) == (once, twice)
    assert shop.patch(f"{shop.w}/segments/{segment}?dryRun=true", {"rules": rules}, 200) == diff
    changed = shop.patch(f"{shop.w}/segments/{segment}", {"rules": rules, "name": "Once"}, 200)
    assert (changed["version"], changed["name"], changed["status"]) == (2, "Once", "BACKFILLING")
    assert [card["id"] for card in ready(segment)["sampleContacts"]] == [once]
    versions = shop.get(f"{shop.w}/segments/{segment}/versions")
    assert [version["version"] for version in versions] == [2, 1]
    assert [run["version"] for run in shop.get(f"{shop.w}/segments/{segment}/backfills")] == [2, 1]


def test_why_somebody_is_in_it(house, shop, ready):
    buyer = contact(shop)
    segment = make(shop, rules={**BUYERS, "timeWindow": "1d"})["id"]
    ready(segment)
    purchase(shop, buyer)
    event = shop.post(f"{shop.w}/events", {"type": "purchase", "contactId": buyer}, 201)
    assert [entered["id"] for entered in event["effects"]["segments"]["entered"]] == [segment]
    shown = shop.get(f"{shop.w}/segments/{segment}/explain?contactId={buyer}")
    assert (shown["member"], shown["holds"], shown["flipsAt"]) == (True, True, "2026-03-02T12:00:00.000Z")
    assert shown["cause"] == {"kind": "EVENT", "id": event["id"]}
    assert shown["since"] == event["timestamp"]
    assert shown["tree"]["observed"] == 2
    assert event["id"] in shown["tree"]["evidence"]
    (stay,) = shop.get(f"{shop.w}/contacts/{buyer}/memberships")["data"]
    assert (stay["segmentId"], stay["exitedAt"], stay["enteredBy"]["id"]) == (segment, None, event["id"])
    stranger = contact(shop)
    assert shop.get(f"{shop.w}/segments/{segment}/explain?contactId={stranger}")["holds"] is False


def test_who_was_in_it_at_an_instant(house, shop, ready):
    who = contact(shop, attributes={"plan": "pro"})
    segment = make(shop, rules=attribute("plan", "pro"))["id"]
    ready(segment)
    house.clock.advance(60_000)
    shop.patch(f"{shop.w}/contacts/{who}", {"attributes": {"plan": "free"}}, 200)
    page = shop.get(f"{shop.w}/segments/{segment}/members")
    assert (page["data"], page["pagination"]["total"]) == ([], 0)
    for at, total in [("2026-03-01T12:00:30Z", 1), ("2026-03-01T12:01:00Z", 0), ("2026-03-01T11:59:59Z", 0)]:
        assert shop.get(f"{shop.w}/segments/{segment}/history?at={at}")["totalMembers"] == total, at
    shop.get(f"{shop.w}/segments/{segment}/history?at=yesterday", 400)


def test_a_list_is_kept_by_hand(shop):
    one, two = contact(shop), contact(shop)
    made = make(shop, type="STATIC", rules=None)
    assert (made["status"], made["backfill"]) == ("READY", None)
    path = f"{shop.w}/segments/{made['id']}/members"
    assert shop.post(path, {"contactIds": [one, two]}, 200) == {"changed": 2, "totalMembers": 2}
    assert shop.post(path, {"contactIds": [one]}, 200) == {"changed": 0, "totalMembers": 2}
    refused = shop.post(path, {"contactIds": [one, "ct_0000000000000"]}, 400)
    assert refused["error"]["details"][0]["path"] == "contactIds[1]"
    assert shop._expect(200, "DELETE", path, {"contactIds": [two]}) == {"changed": 1, "totalMembers": 1}
    dynamic = make(shop)["id"]
    shop.post(f"{shop.w}/segments/{dynamic}/members", {"contactIds": [one]}, 409)


def test_what_is_in_use_stays(shop):
    inner = make(shop, name="Inner")["id"]
    asking = {"type": "segment", "segmentId": inner, "operator": "in"}
    outer = make(shop, name="Outer", rules=asking)["id"]
    impact = shop.get(f"{shop.w}/segments/{inner}/impact")
    assert impact == {"segments": [{"id": outer, "name": "Outer"}], "campaigns": [], "scoringRules": [], "forms": []}
    refused = shop.delete(f"{shop.w}/segments/{inner}", 409)
    assert refused["error"]["code"] == "segment_in_use"
    assert "Outer" in refused["error"]["message"]
    circle = shop.patch(f"{shop.w}/segments/{inner}", {"rules": {**asking, "segmentId": outer}}, 400)
    assert "Inner → Outer → Inner" in circle["error"]["message"]
    shop.delete(f"{shop.w}/segments/{outer}", 204)
    shop.delete(f"{shop.w}/segments/{inner}", 204)
    shop.get(f"{shop.w}/segments/{inner}", 404)


@pytest.mark.parametrize(
    "path", ["", "/members", "/versions", "/backfills", "/impact", "/history?at=2026-03-01T12:00:00Z"]
)
def test_what_is_not_there_is_not_found(shop, path):
    shop.get(f"{shop.w}/segments/seg_0000000000000{path}", 404)
    shop.get(f"{shop.w}/segments/nonsense{path}", 404)


def test_a_viewer_reads_and_does_not_write(house, shop):
    viewer = house.member(shop, "vera", "VIEWER")
    viewer.get(f"{shop.w}/segments")
    viewer.post(f"{shop.w}/segments", {"name": "x", "rules": BUYERS}, 403)


def test_a_backfill_that_fails_again_and_again_says_why(shop, ready, monkeypatch):
    def look(*_: Any) -> None:
        raise ValueError("no")

    monkeypatch.setattr(backfill_loop, "_AFTER_FAILURE_SECONDS", 0.001)
    monkeypatch.setattr(backfill, "look", look)
    purchase(shop, contact(shop), 2)
    failed = ready(make(shop)["id"])["segment"]
    assert failed["status"] == "BACKFILLING"
    assert (failed["backfill"]["status"], failed["backfill"]["error"]) == ("FAILED", "ValueError: no")
