"""SCHEDULE triggers and BROADCAST campaigns: whom they take, how fast, and that it is each of them once."""

from collections import Counter

import pytest

from ensue.base.clock import DAY, HOUR, MINUTE, SECOND, from_iso, to_iso
from ensue.base.errors import Conflict, Invalid
from ensue.base.ids import show
from ensue.engine.campaigns import background, editing, launches
from ensue.engine.campaigns.schedule import Schedule
from ensue.engine.contacts import merge
from tests.engine.flow import chain, node

PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}
SIGNUP = {"type": "EVENT", "eventType": "signup"}
MARK = chain(node("t", "tag", tag="reached"))


def make(world, status="ACTIVE", **fields):
    fields = {"name": "c", "workflow": MARK, "status": status, **fields}
    return world.change(lambda room: editing.create(room, fields)).id


def broadcast(world, segment=None, status="ACTIVE", throttle=None, **fields):
    settings = {"audience": {} if segment is None else {"segmentId": show("seg", segment)}}
    if throttle is not None:
        settings["throttle"] = {"perMinute": throttle}
    settings.update(fields.pop("settings", {}))
    return make(world, status, type="BROADCAST", settings=settings, **fields)


def to(world, campaign, status):
    return world.change(lambda room: editing.change_status(room, editing.named(room, campaign), status))


def status_of(world, campaign):
    return world.ask(lambda tables: tables.definitions.campaign(campaign)).status


def launched(world, campaign):
    return world.ask(lambda tables: tables.launches.page(campaign, 100, 0))[1]


def taken(world, campaign):
    rows = world.rows("SELECT contact_id FROM enrolments WHERE campaign_id = ? ORDER BY id", campaign)
    return [row[0] for row in rows]


def skips(world):
    return [row[0] for row in world.rows("SELECT reason FROM enrolment_skips ORDER BY id")]


def members(world, number):
    return [world.contact(attributes={"plan": "pro"}) for _ in range(number)]


def test_a_broadcast_takes_the_segment_once_and_is_complete(world):
    segment = world.segment(PRO)
    inside = members(world, 5)
    world.contact()
    campaign = broadcast(world, segment)
    assert taken(world, campaign) == []
    world.run_campaigns()
    assert taken(world, campaign) == inside
    (launch,) = launched(world, campaign)
    assert (launch.status, launch.total, launch.done, launch.enrolled, launch.skipped) == ("DONE", 5, 5, 5, 0)
    assert status_of(world, campaign) == "COMPLETED"
    assert world.rows("SELECT COUNT(*) FROM contact_tags") == [(5,)]
    assert world.run_campaigns() == 0


def test_everybody_means_everybody_who_is_there_when_it_starts(world):
    early = [world.contact() for _ in range(3)]
    campaign = broadcast(world)
    world.clock.advance(1)
    world.contact()
    world.run_campaigns()
    assert taken(world, campaign) == early


def test_it_goes_to_those_who_were_in_the_segment_at_the_start(world):
    segment = world.segment(PRO)
    leaves, stays = members(world, 2)
    gone = members(world, 1)[0]
    world.update(gone, attributes={"plan": "free"})
    world.clock.advance(1)
    campaign = broadcast(world, segment, throttle=1)
    world.run_campaigns(turns=1)
    world.clock.advance(1)
    world.update(leaves, attributes={"plan": "free"})
    members(world, 1)
    for _ in range(5):
        world.forward(MINUTE)
        world.run_campaigns()
    assert taken(world, campaign) == [leaves, stays]


def test_no_minute_takes_in_more_than_it_may(world):
    members(world, 100)
    broadcast(world, throttle=90)
    for _ in range(750):
        world.run_campaigns()
        world.clock.advance(SECOND // 10)
    entered = [row[0] for row in world.rows("SELECT entered_at FROM enrolments ORDER BY id")]
    assert len(entered) == 100
    assert 80 <= max(sum(start <= at < start + MINUTE for at in entered) for start in entered) <= 90
    # Spread over the minute, not all at its beginning.
    assert max(Counter(at // SECOND for at in entered).values()) <= 2


@pytest.mark.parametrize(
    "per_minute", [1, 7, 59, 60, 61, 90, 119, 151, 600, 11_999, 12_000, 12_001, 100_000, 1_000_000]
)
def test_a_slice_and_its_interval_keep_to_the_throttle(per_minute):
    size, interval = launches.slice_of(per_minute)
    slices = -(-MINUTE // interval)
    assert slices * size <= per_minute
    # And they come near it, or to one slice less.
    assert slices * size >= per_minute * 0.45


def test_another_throttle_holds_from_the_next_slice_on(world):
    members(world, 50)
    campaign = broadcast(world, throttle=1)
    world.run_campaigns()
    world.change(
        lambda room: editing.edit(room, campaign, {"settings": {"audience": {}, "throttle": {"perMinute": 30}}})
    )
    world.run_campaigns()
    assert len(taken(world, campaign)) == 1
    for _ in range(5):
        world.clock.advance(MINUTE)
        world.run_campaigns()
    assert len(taken(world, campaign)) == 6
    (launch,) = launched(world, campaign)
    assert launch.next_at == world.now + 2 * SECOND


def test_after_a_stop_there_is_no_rush(world):
    members(world, 30)
    campaign = broadcast(world, throttle=10)
    world.run_campaigns()
    world.clock.advance(HOUR)
    world.run_campaigns()
    assert len(taken(world, campaign)) == 2


def test_a_pause_holds_it_and_drops_nobody(world):
    everybody = members(world, 4)
    campaign = broadcast(world, throttle=1)
    world.run_campaigns()
    world.run_campaigns()
    to(world, campaign, "PAUSED")
    world.clock.advance(DAY)
    assert world.run_campaigns() == 0
    assert world.store.read(lambda tables: tables.next_campaign_work()) is None
    assert taken(world, campaign) == everybody[:1]
    to(world, campaign, "ACTIVE")
    for _ in range(6):
        world.run_campaigns()
        world.clock.advance(MINUTE)
    assert taken(world, campaign) == everybody
    assert status_of(world, campaign) == "COMPLETED"


def test_those_who_were_in_before_a_pause_go_on_before_others_are_taken_in(world, monkeypatch):
    monkeypatch.setattr("ensue.base.bounds.SWEEP_ENROLMENTS", 1)
    everybody = members(world, 3)
    flow = chain(node("d", "delay", duration="1h"), node("t", "tag", tag="x"))
    campaign = broadcast(world, throttle=60, workflow=flow)
    for _ in range(3):
        world.run_campaigns()
        world.clock.advance(SECOND)
    to(world, campaign, "PAUSED")
    to(world, campaign, "ACTIVE")
    world.run_campaigns()
    assert (status_of(world, campaign), launched(world, campaign)[0].status) == ("ACTIVE", "RUNNING")
    world.run_due()
    world.clock.advance(SECOND)
    world.run_campaigns()
    assert (status_of(world, campaign), launched(world, campaign)[0].status) == ("COMPLETED", "DONE")
    assert taken(world, campaign) == everybody


def test_a_cancelled_launch_stops_where_it_is(world):
    first, *_ = members(world, 3)
    campaign = broadcast(world, throttle=1)
    world.run_campaigns()
    world.run_campaigns()
    (launch,) = launched(world, campaign)
    world.change(lambda room: launches.cancel(room, campaign, launch.id))
    world.clock.advance(HOUR)
    assert world.run_campaigns() == 0
    assert taken(world, campaign) == [first]
    with pytest.raises(Conflict):
        world.change(lambda room: launches.cancel(room, campaign, launch.id))


def test_completing_the_campaign_cancels_what_is_under_way(world):
    members(world, 3)
    campaign = broadcast(world, throttle=1)
    world.run_campaigns()
    to(world, campaign, "COMPLETED")
    assert [launch.status for launch in launched(world, campaign)] == ["CANCELLED"]


def test_two_processes_take_nobody_twice(world):
    """Both read the same slice; the one that writes later finds that it is out of date."""
    everybody = members(world, 3)
    campaign = broadcast(world, throttle=1, settings={"reentry": "ALWAYS"})
    world.run_campaigns(turns=1)
    mine, theirs = (world.store.read(lambda tables: background.due(tables, world.now)) for _ in range(2))
    for (chore,) in (mine, theirs):
        world.store.read(lambda tables, chore=chore: chore.read(tables, world.engine.ids))
    for (chore,) in (mine, theirs):
        world.change(chore.write)
    assert taken(world, campaign) == everybody[:1]
    assert skips(world) == []


def test_two_who_became_one_are_taken_once(world):
    segment = world.segment(PRO)
    one, other = members(world, 2)
    settings = {"reentry": "ALWAYS", "audience": {"segmentId": show("seg", segment)}}
    campaign = broadcast(world, throttle=1, settings=settings)
    world.run_campaigns()
    world.run_campaigns()
    world.clock.advance(1)
    world.change(lambda room: merge.merge(room, one, other))
    world.forward(MINUTE)
    world.run_campaigns()
    assert taken(world, campaign) == [one]
    assert launched(world, campaign)[0].done == 2


def test_one_poisonous_contact_does_not_hold_up_the_others(world, monkeypatch):
    first, bad, last = members(world, 3)
    campaign = broadcast(world)
    world.run_campaigns(turns=1)
    real = launches._take_in

    def poisoned(room, campaign, launch, one):
        if one.contact_id == bad:
            raise RuntimeError("poison")
        return real(room, campaign, launch, one)

    monkeypatch.setattr(launches, "_take_in", poisoned)
    (chore,) = world.store.read(lambda tables: background.due(tables, world.now))
    world.store.read(lambda tables: chore.read(tables, world.engine.ids))
    with pytest.raises(RuntimeError):
        world.change(chore.write)
    for part in chore.parts():
        try:
            world.change(part.write)
        except RuntimeError:
            world.change(lambda room, part=part: part.failed(room, "RuntimeError: poison"))
    world.run_campaigns()
    assert taken(world, campaign) == [first, last]
    assert skips(world) == ["FAILED"]
    (launch,) = launched(world, campaign)
    assert (launch.status, launch.done, launch.enrolled, launch.skipped) == ("DONE", 3, 2, 1)


def test_it_waits_for_its_start(world):
    members(world, 1)
    campaign = broadcast(world, start_at=world.now + HOUR)
    assert world.run_campaigns() == 0
    world.clock.advance(HOUR)
    world.run_campaigns()
    assert len(taken(world, campaign)) == 1


def test_a_pause_before_the_start_does_not_lose_it(world):
    members(world, 1)
    campaign = broadcast(world, start_at=world.now + HOUR)
    to(world, campaign, "PAUSED")
    world.clock.advance(2 * HOUR)
    assert world.run_campaigns() == 0
    to(world, campaign, "ACTIVE")
    world.run_campaigns()
    assert len(taken(world, campaign)) == 1


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": "BROADCAST"}, "settings.audience"),
        ({"type": "BROADCAST", "settings": {"audience": {"segmentId": show("seg", 7)}}}, "settings.audience.segmentId"),
        ({"type": "BROADCAST", "settings": {"audience": {}}, "triggers": [SIGNUP]}, "triggers"),
        ({"settings": {"audience": {}}}, "settings.audience"),
        ({"settings": {"throttle": {"perMinute": 0}}}, "settings.throttle.perMinute"),
        ({"triggers": [{"type": "SCHEDULE"}]}, "triggers[0].at"),
        ({"triggers": [{"type": "SCHEDULE", "cron": "61 * * * *"}]}, "triggers[0].cron"),
        ({"triggers": [{"type": "SCHEDULE", "cron": "* * * * * *"}]}, "triggers[0].cron"),
        ({"triggers": [{"type": "SCHEDULE", "cron": "0 0 30 2 *"}]}, "triggers[0].cron"),
        ({"triggers": [{"type": "SCHEDULE", "cron": "0 0 * * *", "timeZone": "Mars"}]}, "triggers[0].timeZone"),
        ({"triggers": [{"type": "SCHEDULE", "at": "tomorrow"}]}, "triggers[0].at"),
        ({"triggers": [{"type": "SCHEDULE", "cron": "0 0 * * *", "segmentId": "x"}]}, "triggers[0].segmentId"),
        ({"triggers": [{"type": "DATE", "field": "email"}]}, "triggers[0].field"),
        ({"triggers": [{"type": "DATE", "field": "attributes.a", "offset": "soon"}]}, "triggers[0].offset"),
        ({"triggers": [{"type": "DATE", "field": "createdAt", "offset": "2h", "time": "09:00"}]}, "triggers[0].offset"),
        ({"triggers": [{"type": "DATE", "field": "attributes.a", "anniversary": 1}]}, "triggers[0].anniversary"),
        ({"settings": {"quietHours": {"from": "22:00", "to": "22:00"}}}, "settings.quietHours.to"),
        ({"settings": {"quietHours": {"from": "24:00", "to": "08:00"}}}, "settings.quietHours.from"),
        ({"settings": {"frequencyCaps": [{"count": 0, "per": "DAY"}]}}, "settings.frequencyCaps[0].count"),
        ({"settings": {"frequencyCaps": [{"count": 1, "per": "YEAR"}]}}, "settings.frequencyCaps[0].per"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_by_its_path(world, fields, path):
    with pytest.raises(Invalid) as caught:
        make(world, **fields)
    assert {detail.path for detail in caught.value.details} == {path}


# Schedules


def daily(world, **fields):
    return make(world, triggers=[{"type": "SCHEDULE", "cron": "0 9 * * *", **fields}], settings={"reentry": "ALWAYS"})


def starts(world, campaign):
    return [(to_iso(launch.as_of)[:16], launch.status) for launch in reversed(launched(world, campaign))]


def until(world, iso):
    world.clock.set(from_iso(iso))
    world.run_due()
    world.run_campaigns()


def test_cron_launches_each_time(world):
    campaign = daily(world, timeZone="Europe/Berlin")
    contact = world.contact()
    until(world, "2026-01-16T07:59:59.999Z")
    assert starts(world, campaign) == []
    until(world, "2026-01-16T08:00:00Z")
    until(world, "2026-01-17T08:00:00Z")
    assert starts(world, campaign) == [("2026-01-16T08:00", "DONE"), ("2026-01-17T08:00", "DONE")]
    assert taken(world, campaign) == [contact, contact]
    occasions = [row[0] for row in world.rows("SELECT occasion FROM enrolments ORDER BY id")]
    assert occasions == [show("lch", launch.id) for launch in reversed(launched(world, campaign))]


def test_once_at_an_instant(world):
    campaign = make(world, triggers=[{"type": "SCHEDULE", "at": "2026-02-01T00:00:00Z"}])
    world.contact()
    until(world, "2026-02-01T00:00:00Z")
    until(world, "2026-03-01T00:00:00Z")
    assert starts(world, campaign) == [("2026-02-01T00:00", "DONE")]


def test_after_a_stop_only_the_latest_is_made_up_for(world):
    campaign = daily(world)
    until(world, "2026-01-25T08:00:00Z")
    assert starts(world, campaign) == [("2026-01-24T09:00", "DONE")]


def test_what_is_too_old_is_left_out_and_says_so(world):
    campaign = make(world, triggers=[{"type": "SCHEDULE", "at": "2026-02-01T00:00:00Z"}])
    until(world, "2026-02-10T00:00:00Z")
    assert [(launch.status, launch.reason) for launch in launched(world, campaign)] == [("SKIPPED", "TOO_OLD")]


def test_a_time_that_falls_into_a_pause_is_left_out_and_says_so(world):
    campaign = daily(world)
    to(world, campaign, "PAUSED")
    until(world, "2026-01-16T09:00:00Z")
    to(world, campaign, "ACTIVE")
    until(world, "2026-01-17T09:00:00Z")
    assert starts(world, campaign) == [("2026-01-16T09:00", "SKIPPED"), ("2026-01-17T09:00", "DONE")]


def test_one_that_is_still_under_way_is_not_overtaken(world):
    members(world, 3)
    campaign = make(
        world, triggers=[{"type": "SCHEDULE", "cron": "* * * * *"}], settings={"throttle": {"perMinute": 1}}
    )
    for at in ("10:01", "10:02"):
        until(world, f"2026-01-15T{at}:00Z")
    assert [launch.reason for launch in launched(world, campaign)] == ["STILL_RUNNING", None]


def test_an_edit_moves_the_next_time_and_the_end_ends_it(world):
    campaign = daily(world)
    other = [{"type": "SCHEDULE", "cron": "0 18 * * *"}]
    world.change(lambda room: editing.edit(room, campaign, {"triggers": other, "end_at": world.now + 2 * DAY}))
    for day in range(16, 20):
        until(world, f"2026-01-{day}T20:00:00Z")
    assert starts(world, campaign) == [("2026-01-16T18:00", "DONE")]
    assert world.rows("SELECT COUNT(*) FROM schedules") == [(0,)]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # The clocks skip half past two; it comes as soon as they have.
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        # They show it twice; it comes the first time, and not again.
        ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("45 2 * * *", "2026-10-25T01:40:00Z", "2026-10-26T01:45:00Z"),
        ("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-28T23:00:00Z"),
        ("0 9 * * MON#1", "2026-01-15T10:00:00Z", "2026-02-02T08:00:00Z"),
    ],
)
def test_cron_by_a_clock_that_changes(cron, after, expected):
    found = Schedule(None, cron, "Europe/Berlin", None).next(from_iso(after), "UTC")
    assert found is not None
    assert to_iso(found) == to_iso(from_iso(expected))


# Timers of dates, for those who were there before


def test_going_live_arms_everybody_who_has_the_date(world):
    before = world.contact(attributes={"birthday": "1990-05-01"})
    world.contact()
    trigger = {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"}
    campaign = make(world, triggers=[trigger])
    meanwhile = world.contact(attributes={"birthday": "1990-05-01"})
    world.run_campaigns()
    (backfill,) = world.ask(lambda tables: tables.backfills.of_subject(campaign, 10))
    assert (backfill.kind, backfill.status, backfill.done, backfill.entered) == ("DATES", "DONE", 2, 1)
    until(world, "2026-05-01T09:00:00Z")
    assert sorted(taken(world, campaign)) == sorted([before, meanwhile])


def test_an_edit_of_the_date_arms_again_and_what_was_armed_before_does_nothing(world):
    world.contact(attributes={"birthday": "1990-05-01"})
    trigger = {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"}
    campaign = make(world, triggers=[trigger])
    world.run_campaigns()
    world.change(lambda room: editing.edit(room, campaign, {"triggers": [{**trigger, "offset": "1d"}]}))
    world.run_campaigns()
    until(world, "2026-05-01T09:00:00Z")
    assert taken(world, campaign) == []
    until(world, "2026-05-02T09:00:00Z")
    assert len(taken(world, campaign)) == 1
