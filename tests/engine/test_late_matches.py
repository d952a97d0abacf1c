"""Many late events of one contact in one transaction: what they are worth, and that the ledger is read once for all."""

import random

import pytest

from ensue.base.clock import HOUR, MINUTE
from ensue.engine.arrival import Arrival
from ensue.engine.scoring.contribution import Match, Sum, replay
from ensue.model.score import ScoringRule
from ensue.store.sql.standing import Ledger
from tests.engine.world import World

TERMS = [
    {"max_score": 25},
    {"decay_points": 1, "decay_period": HOUR},
    {"decay_points": 3, "decay_period": HOUR, "max_score": 40, "min_score": 5},
    {"cooldown": 10 * MINUTE},
    {"once": True},
]


def late(world: World, contact: int, count: int, seed: int) -> list[Arrival]:
    ages = random.Random(seed).choices(range(24 * HOUR), k=count)
    return [Arrival(world.workspace, "buy", world.now, contact, timestamp=world.now - age) for age in ages]


@pytest.mark.parametrize("terms", TERMS)
def test_a_sum_is_a_replay_whatever_the_order(terms):
    rule = ScoringRule(1, "r", 1, True, "buy", 10, **{"created_at": 0, "updated_at": 0} | terms)
    drawn = random.Random(7)
    matches = [Match(drawn.randrange(24 * HOUR), number, 1) for number in range(200)]
    total = Sum({1: rule}, matches[:20])
    for upto in range(21, 201):
        assert total.add(matches[upto - 1]) == replay({1: rule}, matches[:upto])


@pytest.mark.parametrize("terms", TERMS)
def test_late_events_in_one_transaction_count_as_in_many(world, terms):
    world.scoring_rule("buy", 10, **terms)
    together, apart = world.contact(), world.contact()
    for seed in (1, 2):
        world.store.write(lambda tables, s=seed: world.engine.ingest(tables, late(world, together, 60, s)))
        for arrival in late(world, apart, 60, seed):
            world.store.write(lambda tables, a=arrival: world.engine.ingest(tables, [a]))
    assert world.score(together) == world.score(apart) == world.ledger_sum(together)


def test_the_ledger_is_read_once_for_all_late_events_of_a_transaction(world, monkeypatch):
    world.scoring_rule("buy", 10, max_score=1_000)
    contact = world.contact()
    world.post("buy", contact)
    reads = []
    of_rule = Ledger.of_rule

    def counted(ledger, contact_id, rule_id):
        reads.append(rule_id)
        return of_rule(ledger, contact_id, rule_id)

    monkeypatch.setattr(Ledger, "of_rule", counted)
    world.store.write(lambda tables: world.engine.ingest(tables, late(world, contact, 200, 3)))
    assert len(reads) == 1
    assert world.score(contact) == 1_000
