"""The incremental evaluator gives the naive answer at every instant, and its horizon misses no flip."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY
from ensue.rules import bounds, naive
from ensue.rules.grammar import parse_rule
from tests.property import world
from tests.property.world import START, World

EXAMPLES = int(os.environ.get("ENSUE_EXAMPLES", "700"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def live(data, leaves, *, tight: bool) -> None:
    """Let a history arrive in any order while the clock goes on, then let time pass; check at every step."""
    scale = data.draw(world.scales)
    rule = parse_rule(data.draw(leaves(scale)))
    place = World(rule, data.draw(world.contacts))
    now = START
    place.check(now, tight=tight)
    for pause, event in data.draw(world.histories(scale, rule)):
        now = max(now + pause, event.timestamp)
        place.arrive(event, now)
        place.check(now, tight=tight)
    rebuilt = place.rebuilt(now)
    for instant in [now, *naive.edges(rule, place.log.stored, place.contact, now)[:20]]:
        place.check(instant, tight=tight)
        rebuilt.check(instant, tight=tight)


@thorough
@given(st.data())
def test_counts(data):
    live(data, world.count_leaves, tight=True)


@thorough
@given(st.data())
def test_distinct_counts(data):
    live(data, world.distinct_leaves, tight=True)


@thorough
@given(st.data())
def test_sums_and_averages(data):
    live(data, world.total_leaves, tight=False)


@thorough
@given(st.data())
def test_extremes(data):
    live(data, world.extreme_leaves, tight=True)


@thorough
@given(st.data())
def test_sequences_that_happened(data):
    live(data, world.happened_leaves, tight=True)


@thorough
@given(st.data())
def test_absences(data):
    live(data, world.absent_leaves, tight=True)


@thorough
@given(st.data())
def test_absences_with_most_starts_left_to_the_log(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "OPEN_STARTS", 2)
        live(data, world.absent_leaves, tight=False)


@thorough
@given(world.date_leaves(), world.contacts, st.integers(-800, 800), st.integers(-2, 2))
def test_dates(leaf, contact, days, beside):
    place = World(parse_rule(leaf), contact)
    now = START + days * DAY + beside
    place.check(now, tight=True)
    for instant in naive.edges(place.rule, [], contact, now):
        if instant < now + 2 * 366 * DAY:
            place.check(instant - 1, tight=True) if instant - 1 >= now else None
            place.check(instant, tight=True)


@settings(thorough, max_examples=EXAMPLES // 2)
@given(st.data())
def test_groups(data):
    live(data, world.groups, tight=False)
