"""Any events in any order, under any rules, edits and jumps of time: the score is what a naive reading says."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY, HOUR
from ensue.engine.arrival import Arrival
from ensue.engine.scoring.contribution import Match
from ensue.engine.verification import naive_score
from ensue.model.score import ScoringRule
from tests.engine.world import World

TYPES = st.sampled_from(["visit", "purchase"])
# Few instants, so that matches, cooldowns and steps often meet in one.
HOURS = st.integers(0, 24).map(lambda n: n * 6 * HOUR)
SPANS = st.integers(1, 8).map(lambda n: n * 6 * HOUR)
BOUND = st.none() | st.integers(-15, 25)


@st.composite
def terms(draw):
    low, high = sorted(draw(st.tuples(st.integers(-15, 25), st.integers(-15, 25))))
    decays = draw(st.booleans())
    return {
        "event_type": draw(TYPES),
        "delta": draw(st.integers(-12, 12)),
        "min_score": draw(st.sampled_from([None, low])),
        "max_score": draw(st.sampled_from([None, high])),
        "decay_points": draw(st.integers(1, 7)) if decays else None,
        "decay_period": draw(SPANS) if decays else None,
        "cooldown": draw(st.none() | SPANS),
        "once": draw(st.sampled_from([False, False, False, True])),
        "active": draw(st.sampled_from([True, True, True, False])),
    }


ops = st.one_of(
    st.tuples(st.just("post"), TYPES, HOURS),
    st.tuples(st.just("post"), TYPES, HOURS),
    st.tuples(st.just("post"), TYPES, HOURS),
    st.tuples(st.just("together"), st.lists(st.tuples(TYPES, HOURS), min_size=1, max_size=4)),
    st.tuples(st.just("sleep"), HOURS),
    st.tuples(st.just("pass"), HOURS),
    st.tuples(st.just("edit"), st.integers(0, 2), terms()),
    st.tuples(st.just("delete"), st.integers(0, 2)),
)


class Model:
    """Every match of every rule as it arrived, and nothing else."""

    def __init__(self):
        self.versions: dict[int, dict[int, ScoringRule]] = {}
        self.current: dict[int, ScoringRule] = {}
        self.matches: dict[int, list[Match]] = {}

    def put(self, rule):
        self.versions.setdefault(rule.id, {})[rule.version] = rule
        self.current[rule.id] = rule
        self.matches.setdefault(rule.id, [])

    def happened(self, event):
        for rule in self.current.values():
            if rule.active and rule.event_type == event.type:
                self.matches[rule.id].append(Match(event.timestamp, event.id, rule.version))

    def score(self, at):
        return sum(
            naive_score.contribution(self.versions[rule_id], [m for m in found if m.at <= at], at)
            for rule_id, found in self.matches.items()
        )


class Driver:
    def __init__(self, world, rules):
        self.world = world
        self.model = Model()
        self.rules = [world.scoring_rule(**{name: rule[name] for name in rule if name != "active"}) for rule in rules]
        for rule_id in self.rules:
            self.model.put(world.ask(lambda tables, rule_id=rule_id: tables.definitions.scoring_rule(rule_id)))
        self.contact = world.contact()

    def post(self, event_type, age):
        self.model.happened(self.world.post(event_type, self.contact, timestamp=self.world.now - age).event)

    def together(self, events):
        """Several events of one transaction."""
        world = self.world
        arrivals = [
            Arrival(world.workspace, event_type, world.now, self.contact, timestamp=world.now - age)
            for event_type, age in events
        ]
        for outcome in world.store.write(lambda tables: world.engine.ingest(tables, arrivals)):
            self.model.happened(outcome.event)

    def sleep(self, span):
        """Downtime: time passes, and nobody looks."""
        self.world.clock.advance(span)

    def pass_(self, span):
        self.world.forward(span)

    def edit(self, index, changes):
        rule = self.model.current.get(self.rules[index % len(self.rules)])
        if rule is None:
            return
        fresh = msgspec.structs.replace(rule, **changes, version=rule.version + 1, updated_at=self.world.now)
        self.world.define(lambda tables: tables.definitions.put_scoring_rule(fresh))
        self.model.put(fresh)

    def delete(self, index):
        rule_id = self.rules[index % len(self.rules)]
        if self.model.current.pop(rule_id, None) is not None:
            self.world.define(lambda tables: tables.definitions.remove_scoring_rule(rule_id, self.world.now))

    def check(self):
        world, contact = self.world, self.world.stored(self.contact)
        assert contact.score == self.model.score(contact.as_of)
        lines = world.ask(lambda tables: tables.ledger.all_of_contact(self.contact))
        assert sum(line.given for line in lines) == contact.score
        assert all(line.after == line.before + line.given for line in lines)
        assert [line.before for line in lines] == [0, *(line.after for line in lines)][: len(lines)]

    def check_past(self, since):
        """After time alone has passed: what the ledger says of each instant in between is what was true then."""
        for at in range(since, self.world.stored(self.contact).as_of + 1, 6 * HOUR):
            said = self.world.ask(lambda tables, at=at: tables.ledger.score_at(self.contact, at))
            assert said == self.model.score(at)


@settings(max_examples=60)
@given(rules=st.lists(terms(), min_size=1, max_size=3), script=st.lists(ops, max_size=25))
def test_the_score_is_the_naive_one(rules, script):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            driver = Driver(world, rules)
            for name, *arguments in script:
                getattr(driver, "pass_" if name == "pass" else name)(*arguments)
                driver.check()
            world.run_due()
            since = world.stored(driver.contact).as_of
            world.forward(12 * DAY)
            driver.check()
            driver.check_past(since)
        finally:
            world.close()
