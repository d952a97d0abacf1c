"""A state stays small, and folding one more event reads no more of the log, however long the history."""

import random

import pytest

from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.base.json import encode
from ensue.model.event import Event
from ensue.rules.grammar import parse_rule
from tests.property.world import START, World

COUNT = {"type": "event", "eventType": "a", "operator": "gte", "value": 3}
SEQUENCE = {"type": "sequence", "steps": [{"eventType": "a"}, {"eventType": "b"}], "within": "2h"}
RULES = [
    (COUNT, 100),
    ({**COUNT, "timeWindow": "7d"}, 100),
    ({**COUNT, "timeWindow": "7d", "value": 1000}, 16_000),
    ({**COUNT, "timeWindow": "7d", "aggregate": "sum", "property": "n"}, 200),
    ({**COUNT, "timeWindow": "7d", "aggregate": "avg", "property": "n"}, 200),
    ({**COUNT, "timeWindow": "7d", "aggregate": "max", "property": "n"}, 200),
    ({**COUNT, "timeWindow": "7d", "aggregate": "min", "property": "falling"}, 200),
    ({**COUNT, "timeWindow": "7d", "aggregate": "max", "property": "falling"}, 200),
    ({**COUNT, "timeWindow": "7d", "aggregate": "distinct", "property": "text"}, 300),
    ({**COUNT, "aggregate": "distinct", "property": "text"}, 300),
    (SEQUENCE, 200),
    ({**SEQUENCE, "timeWindow": "7d"}, 200),
    ({**SEQUENCE, "lastStep": "absent"}, 2_300),
    ({**SEQUENCE, "lastStep": "absent", "timeWindow": "7d", "steps": [{"eventType": "a"}, {"eventType": "c"}]}, 2_300),
]


def history(length):
    random.seed(1)
    for number in range(length):
        kind = "b" if number % 500 == 499 else "a"
        metadata = {"n": random.choice([0.1, 19.99, 5, 1e-3]), "falling": -number, "text": "é" * 2000 + str(number)}
        yield Event(number + 1, kind, START + number * MINUTE, START, 1, metadata)


@pytest.mark.parametrize(("rule", "most"), RULES)
def test_states_are_small_and_folding_is_cheap(rule, most):
    place = World(parse_rule(rule))
    reads = []
    for event in history(4_000):
        place.arrive(event, event.timestamp)
        assert all(len(encode(state)) <= most for state in place.states.values())
        reads.append(place.log.read)
    # Amortised: what leaves a window is read once, and some looking ahead besides.
    assert reads[-1] <= 4 * len(reads)


def test_a_silent_contact_costs_a_timer_for_each_doubling():
    place = World(parse_rule({**COUNT, "timeWindow": "30d", "aggregate": "sum", "property": "n", "value": 1}))
    events = [Event(number, "a", START + number * HOUR, START, 1, {"n": 1}) for number in range(1, 301)]
    for event in events:
        place.arrive(event, event.timestamp)
    place.log.read = 0
    now, timers = events[-1].timestamp, 0
    verdict = place.rule.evaluate(place, now)
    place.rule.evaluate(place, events[0].timestamp + 30 * DAY)
    assert place.log.read <= 5
    while verdict.flips_at is not None:
        now, timers = verdict.flips_at, timers + 1
        verdict = place.rule.evaluate(place, now)
    assert (verdict.holds, now) == (False, events[-1].timestamp + 30 * DAY)
    assert timers <= 10
    assert place.log.read <= 6 * len(events)
