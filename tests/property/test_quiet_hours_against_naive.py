"""Quiet hours against a model that looks at the clock minute by minute, where clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ensue.base.clock import MINUTE, from_iso
from ensue.engine.messages.quiet_hours import QuietHours, held_until

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
    "America/St_Johns", "Pacific/Apia", "Europe/Dublin", "America/Sao_Paulo",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def naive(quiet, at, zone):
    """Look at the clock now, and again at every full minute until it shows a time outside."""

    def shows_quiet(instant):
        wall = (EPOCH + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone)).time().replace(fold=0)
        minute = wall.hour * 60 + wall.minute
        start, end = (t.hour * 60 + t.minute for t in (quiet.start, quiet.end))
        return start <= minute < end if start < end else minute >= start or minute < end

    if not shows_quiet(at):
        return None
    at = (at // MINUTE + 1) * MINUTE
    while shows_quiet(at):
        at += MINUTE
    return at


clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 45, 59]))
windows = st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))


@st.composite
def moments(draw):
    """A zone, and an instant in it within two days of a change of its clocks, when it has one in these years."""
    zone = draw(st.sampled_from(ZONES))
    changes = CHANGES[zone]
    near = draw(st.sampled_from(changes)) if changes else from_iso("2026-01-15T00:00:00Z")
    minutes = draw(st.integers(-2 * 24 * 60, 24 * 60))
    return zone, near + minutes * MINUTE + draw(st.sampled_from([0, 1, 29_999, 59_999]))


def _changes(zone):
    def offset(instant):
        return (EPOCH + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone)).utcoffset()

    found = []
    for first, last in (("2011-12-01", "2012-01-15"), ("2017-09-01", "2018-03-01"), ("2026-01-01", "2027-01-01")):
        at, end = from_iso(f"{first}T00:00:00Z"), from_iso(f"{last}T00:00:00Z")
        before = offset(at)
        while at < end:
            at += 15 * MINUTE
            now = offset(at)
            if now != before:
                found.append(at)
            before = now
    return found


CHANGES = {zone: _changes(zone) for zone in ZONES}


@settings(max_examples=300, deadline=None)
@given(windows, moments())
@example(QuietHours(time(22), time(2, 30)), ("Europe/Berlin", from_iso("2026-03-29T00:30:00Z")))
@example(QuietHours(time(22), time(2, 30)), ("Europe/Berlin", from_iso("2026-10-25T00:10:00Z")))
@example(QuietHours(time(22), time(2, 30)), ("Europe/Berlin", from_iso("2026-10-25T01:10:00Z")))
@example(QuietHours(time(2), time(1)), ("Pacific/Apia", from_iso("2011-12-30T09:30:00Z")))
def test_the_end_is_where_the_clock_shows_it(quiet, moment):
    zone, at = moment
    assert held_until(quiet, at, zone) == naive(quiet, at, zone)


def test_the_zones_do_change_their_clocks():
    assert sum(map(bool, CHANGES.values())) >= 6


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-01-15T20:59:59.999Z", None),
        ("2026-01-15T21:00:00Z", "2026-01-16T07:00:00Z"),
        ("2026-01-16T06:59:59.999Z", "2026-01-16T07:00:00Z"),
        ("2026-01-16T07:00:00Z", None),
        # The night in which the clocks are set forward is an hour shorter.
        ("2026-03-28T21:00:00Z", "2026-03-29T06:00:00Z"),
    ],
)
def test_a_night_in_berlin(at, until):
    found = held_until(QuietHours(time(22), time(8)), from_iso(at), "Europe/Berlin")
    assert found == (from_iso(until) if until else None)
