"""Absences: what late events undo, and what was left to the log."""

import pytest

from ensue.base.clock import DAY
from ensue.model.event import Event
from ensue.rules import bounds
from ensue.rules.grammar import parse_rule
from tests.property.world import START, World

ABSENT = {"type": "sequence", "steps": [{"eventType": "a"}, {"eventType": "b"}], "lastStep": "absent"}


def live(rule, *arrivals):
    """A world in which events (`a0` is of type a, on day 0) arrive in this order."""
    place, now = World(parse_rule({**ABSENT, **rule})), START
    for number, arrival in enumerate(arrivals, 1):
        at = START + int(float(arrival[1:]) * DAY)
        now = max(now, at)
        place.arrive(Event(number, arrival[0], at, now, 1), now)
    return place, now


@pytest.mark.parametrize("window", [{}, {"timeWindow": "10d"}])
def test_an_older_start_counts_again_when_a_late_event_ends_the_newest(window):
    place, now = live({"within": "1d", **window}, "a0", "a2", "a5", "b2.5")
    place.check(now, tight=True)
    assert place.rule.evaluate(place, now).holds


@pytest.mark.parametrize("window", [{}, {"timeWindow": "10d"}])
def test_nothing_counts_when_late_events_end_all(window):
    place, now = live({"within": "1d", **window}, "a0", "a2", "b5", "b2.5", "b0.5")
    place.check(now, tight=True)
    assert not place.rule.evaluate(place, now).holds


def test_a_late_step_makes_the_chain_end_earlier():
    steps = [{"eventType": "a"}, {"eventType": "c"}, {"eventType": "b"}]
    rule = {"within": "4d", "steps": steps}
    place, now = live(rule, "a0", "b2", "c3", "a5")
    assert place.rule.evaluate(place, now).holds
    place, now = live(rule, "a0", "b2", "c3", "a5", "c1")
    place.check(now, tight=True)
    assert not place.rule.evaluate(place, now).holds


@pytest.mark.parametrize(
    ("arrivals", "holds"),
    [
        (("a0", "a1.5"), True),
        (("a0", "b0", "a1.5"), True),
        (("b0", "a0", "a1.5"), True),
        (("a0", "b1", "a1.5"), True),
        (("a0", "b0.999", "a1.5"), False),
        (("a0", "a1.5", "b0.001"), False),
    ],
)
def test_only_what_comes_in_between_ends_a_start(arrivals, holds):
    place, now = live({"within": "1d"}, *arrivals)
    place.check(now, tight=True)
    assert place.rule.evaluate(place, now).holds is holds


def test_starts_left_to_the_log_count_when_their_time_is_over(monkeypatch):
    monkeypatch.setattr(bounds, "OPEN_STARTS", 2)
    place, now = live({"within": "3d", "timeWindow": "19d"}, "a0", "a1", "a2", "a20")
    place.check(now, tight=False)
    assert place.rule.evaluate(place, now).holds
