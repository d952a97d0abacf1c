"""DATE triggers: the contact's own timers, at a time of day where it lives, and what moves them."""

import pytest

from ensue.base.clock import DAY, HOUR, MINUTE, from_iso, to_iso
from ensue.engine.campaigns import editing
from ensue.engine.contacts import erase, identity
from tests.engine.flow import chain, node

BIRTHDAY = {"type": "DATE", "field": "attributes.birthday", "anniversary": True, "time": "09:00"}
YEARLY = {"reentry": "ALWAYS"}
GREET = chain(node("t", "tag", tag="greeted"))


def entries(world, contact=None):
    rows = world.rows("SELECT contact_id, entered_at, occasion FROM enrolments ORDER BY id")
    return [(to_iso(at)[:16], occasion) for who, at, occasion in rows if contact in (None, who)]


def birthday(world, *triggers, **settings):
    return world.campaign(*(triggers or (BIRTHDAY,)), workflow=GREET, settings={**YEARLY, **settings})


def until(world, iso):
    world.clock.set(from_iso(iso))
    world.run_due()


def test_a_birthday_comes_every_year_at_nine_where_the_contact_lives(world):
    birthday(world)
    world.contact(attributes={"birthday": "1990-05-01"}, timezone="Europe/Berlin")
    until(world, "2028-06-01T00:00:00Z")
    # All are found late, and each is entered as of its own instant; but the old ones are too old to greet.
    assert entries(world) == []
    assert [row[0] for row in world.rows("SELECT reason FROM enrolment_skips")] == ["TOO_OLD"] * 3


def test_each_year_at_its_instant(world):
    birthday(world)
    world.contact(attributes={"birthday": "1990-05-01"}, timezone="Europe/Berlin")
    for year in (2026, 2027):
        until(world, f"{year}-05-01T06:59:59.999Z")
        assert len(entries(world)) == year - 2026
        until(world, f"{year}-05-01T07:00:00Z")
    assert entries(world) == [("2026-05-01T07:00", "2026-05-01"), ("2027-05-01T07:00", "2027-05-01")]


def test_never_means_one_birthday(world):
    birthday(world, reentry="NEVER")
    world.contact(attributes={"birthday": "1990-05-01"})
    until(world, "2026-05-01T09:00:00Z")
    until(world, "2027-05-01T09:00:00Z")
    assert len(entries(world)) == 1


@pytest.mark.parametrize(
    ("trigger", "date", "expected"),
    [
        ({"offset": "-3d"}, "2026-03-31T22:00:00Z", "2026-03-28T23:00"),
        # By the calendar: three days before midnight is midnight, though the clocks were set forward in between.
        ({"offset": "-3d"}, "2026-03-31", "2026-03-27T23:00"),
        ({"offset": "-72h"}, "2026-03-31", "2026-03-27T22:00"),
        ({"offset": "2w"}, "2026-03-01T10:00", "2026-03-15T09:00"),
        ({"offset": "+90m"}, "2026-03-01T10:00:00Z", "2026-03-01T11:30"),
        ({"offset": "-1d", "time": "18:30"}, "2026-03-01T10:00:00Z", "2026-02-28T17:30"),
        # A time that the clocks skip is that much later.
        ({"time": "02:30"}, "2026-03-29", "2026-03-29T01:30"),
        # One that they show twice is the first.
        ({"time": "02:30"}, "2026-10-25", "2026-10-25T00:30"),
        ({}, "no date", None),
        ({}, 5, None),
        ({}, "2026-01-15T09:00:00Z", None),
    ],
)
def test_before_and_after_a_date(world, trigger, date, expected):
    birthday(world, {"type": "DATE", "field": "attributes.due", **trigger})
    world.contact(attributes={"due": date}, timezone="Europe/Berlin")
    for day in range(300):
        until(world, to_iso(from_iso("2026-01-16T00:00:00Z") + day * DAY))
    assert [at for at, _ in entries(world)] == ([expected] if expected else [])


def test_leap_day(world):
    birthday(world)
    world.contact(attributes={"birthday": "2000-02-29"})
    for year, day in ((2026, "28"), (2027, "28"), (2028, "29")):
        until(world, f"{year}-02-{day}T09:00:00Z")
    assert [occasion for _, occasion in entries(world)] == ["2026-02-28", "2027-02-28", "2028-02-29"]


def test_the_date_itself_is_no_anniversary(world):
    birthday(world, {"type": "DATE", "field": "createdAt", "anniversary": True})
    world.contact()
    world.forward(HOUR)
    assert entries(world) == []
    until(world, "2027-01-15T10:00:00Z")
    assert entries(world) == [("2027-01-15T10:00", "2027-01-15")]


def test_a_changed_date_moves_the_timer_and_leaves_nothing_behind(world):
    birthday(world)
    contact = world.contact(attributes={"birthday": "1990-05-01"})
    world.update(contact, attributes={"birthday": "1990-06-01"})
    until(world, "2026-05-02T00:00:00Z")
    assert entries(world) == []
    until(world, "2026-06-01T09:00:00Z")
    assert entries(world) == [("2026-06-01T09:00", "2026-06-01")]
    world.update(contact, attributes={"birthday": None})
    until(world, "2027-06-02T00:00:00Z")
    assert len(entries(world)) == 1


def test_who_moves_east_in_the_morning_is_greeted_and_who_moves_west_is_not_greeted_twice(world):
    birthday(world)
    east = world.contact(attributes={"birthday": "1990-05-01"}, timezone="America/New_York")
    west = world.contact(attributes={"birthday": "1990-05-01"}, timezone="Asia/Tokyo")
    # In Tokyo it is 09:00 now; in New York the evening before.
    until(world, "2026-05-01T00:00:00Z")
    assert entries(world, west) == [("2026-05-01T00:00", "2026-05-01")]
    world.clock.advance(HOUR)
    world.update(west, timezone="America/New_York")
    world.update(east, timezone="Asia/Tokyo")
    assert entries(world, east) == [("2026-05-01T01:00", "2026-05-01")]
    until(world, "2026-05-03T00:00:00Z")
    assert len(entries(world)) == 2
    until(world, "2027-05-01T13:00:00Z")
    assert [occasion for _, occasion in entries(world, west)] == ["2026-05-01", "2027-05-01"]


def test_a_move_does_not_bring_back_what_was_over_before(world):
    birthday(world)
    contact = world.contact(timezone="America/New_York")
    until(world, "2026-05-01T14:00:00Z")
    # Said only after nine, and then moved: the morning was over when it was said.
    world.update(contact, attributes={"birthday": "1990-05-01"})
    world.update(contact, timezone="Asia/Tokyo")
    until(world, "2026-05-03T00:00:00Z")
    assert entries(world) == []


def test_a_pause_is_a_skip_and_the_next_year_comes(world):
    campaign = birthday(world)
    world.contact(attributes={"birthday": "1990-05-01"})

    def to(status):
        world.change(lambda room: editing.change_status(room, editing.named(room, campaign), status))

    to("PAUSED")
    until(world, "2026-05-01T09:00:00Z")
    to("ACTIVE")
    until(world, "2027-05-01T09:00:00Z")
    assert world.rows("SELECT reason FROM enrolment_skips") == [("PAUSED",)]
    assert [occasion for _, occasion in entries(world)] == ["2027-05-01"]


def test_a_clock_that_goes_back_greets_nobody_twice(world):
    birthday(world)
    world.contact(attributes={"birthday": "1990-05-01"})
    until(world, "2026-05-01T09:00:00Z")
    world.clock.advance(-DAY)
    world.run_due()
    world.forward(2 * DAY)
    assert len(entries(world)) == 1


def test_two_dates_of_one_campaign_each_fire(world):
    birthday(world, {**BIRTHDAY, "offset": "-1d"}, BIRTHDAY)
    world.contact(attributes={"birthday": "1990-05-01"})
    until(world, "2026-04-30T09:00:00Z")
    until(world, "2026-05-01T09:00:00Z")
    assert [occasion for _, occasion in entries(world)] == ["2026-04-30", "2026-05-01"]


def test_who_is_touched_by_something_else_is_not_looked_at_for_dates(world):
    """The date rests on its field and the time zone alone."""
    birthday(world)
    contact = world.contact(attributes={"birthday": "1990-05-01"})
    before = world.rows("SELECT * FROM timers")
    world.post("visit", contact)
    world.update(contact, firstName="Ada")
    assert world.rows("SELECT * FROM timers") == before
    world.forward(MINUTE)


def test_erasing_takes_the_day_out_of_the_history(world):
    birthday(world)
    contact = world.contact(attributes={"birthday": "1990-05-01"})
    until(world, "2026-05-01T09:00:00Z")
    world.change(lambda room: erase.erase(identity.held(room, contact)))
    assert world.rows("SELECT occasion FROM enrolments") == [(None,)]
