"""Verify says nothing of a sound store, and names every kind of damage."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.base.clock import DAY, HOUR
from ensue.base.ids import show
from ensue.engine.contacts.merge import merge
from ensue.engine.reactions import react, scoring
from ensue.engine.scoring import rebuild, rules
from ensue.engine.verification.verify import Progress, verify
from ensue.engine.view import view
from ensue.model.cause import Cause
from tests.engine.world import START, World


def differences(world, progress=lambda _: None):
    def question(tables):
        return list(verify(view(tables, world.workspace, world.engine.ids), progress))

    return world.store.read(question)


def edit(world, rule_id, **changes):
    world.change(lambda room: rules.edit(room, rule_id, changes))


def attribute(field, operator, value):
    return {"type": "attribute", "field": field, "operator": operator, "value": value}


def visits(operator, value, window=None):
    found = {"type": "event", "eventType": "visit", "aggregate": "count", "operator": operator, "value": value}
    return found | ({"timeWindow": window} if window else {})


class Inhabited(World):
    """A workspace with something of everything that verify looks at."""

    frequent: int
    quiet: int
    hot: int
    either: int
    rule: int
    other: int
    ann: int
    bob: int


def inhabited(world):
    world.frequent = world.segment(visits("gte", 2, "3d"))
    world.quiet = world.segment({"operator": "NOT", "conditions": [visits("gte", 1, "2d")]})
    world.hot = world.segment(attribute("score", "gte", 8))
    world.either = world.segment(
        {
            "operator": "OR",
            "conditions": [
                {"type": "segment", "segmentId": show("seg", world.hot), "operator": "in"},
                attribute("attributes.plan", "eq", "pro"),
            ],
        }
    )
    world.rule = world.scoring_rule("visit", 5, max_score=12, decay_points=2, decay_period=DAY)
    world.other = world.scoring_rule(
        "purchase", 3, cooldown=HOUR, condition={"field": "metadata.amount", "operator": "gt", "value": 10}
    )
    world.ann, world.bob = world.contact(attributes={"plan": "pro"}), world.contact()
    for hours in (0, 5, 30):
        world.post("visit", world.ann, timestamp=START - hours * HOUR)
    world.post("purchase", world.ann, {"amount": 20})
    world.post("purchase", world.bob, {"amount": 5})
    world.forward(7 * HOUR)
    return world


@pytest.fixture
def sound(tmp_path):
    world = inhabited(Inhabited(tmp_path))
    yield world
    world.close()


def run(world, statement, *values):
    assert world.store.write(lambda tables: tables.sql.run(statement, values)) > 0


def test_a_sound_store_has_no_difference(sound):
    seen: list[Progress] = []
    assert differences(sound, seen.append) == []
    assert seen == [Progress(sound.workspace, 2, 2)]


def test_timers_that_are_due_but_have_not_run_are_no_difference(sound):
    sound.clock.advance(30 * DAY)
    assert differences(sound) == []
    sound.run_due()
    assert differences(sound) == []


def test_edits_rebuilds_and_merges_are_no_difference(sound):
    edit(sound, sound.rule, delta=1, max_score=None)
    sound.post("visit", sound.bob)
    sound.forward(1)
    edit(sound, sound.other, condition=None, active=False)
    sound.forward(1)
    sound.post("purchase", sound.bob, {"amount": 50})
    assert differences(sound) == []
    backfill = sound.change(rebuild.begin)
    while sound.change(lambda room: rebuild.advance(room, backfill.id)):
        pass
    assert differences(sound) == []
    sound.post("visit", sound.ann, timestamp=START - DAY)
    sound.change(lambda room: rules.delete(room, sound.rule))
    sound.post("visit", sound.ann)
    assert differences(sound) == []
    sound.change(lambda room: merge(room, sound.ann, sound.bob)[0].id)
    assert differences(sound) == []
    sound.forward(20 * DAY)
    assert differences(sound) == []


def test_an_anonymous_visitor_who_is_known_later_is_no_difference(sound):
    sound.post("visit", session_id="s")
    sound.forward(DAY)
    edit(sound, sound.rule, delta=4)
    sound.forward(1)
    sound.post("visit", sound.bob, session_id="s")
    assert differences(sound) == []


# (what it is found as, statement, values by name)
DAMAGE = {
    "a member too many": (
        "MEMBERSHIP",
        """INSERT INTO memberships (workspace_id, id, segment_id, contact_id, version, entered_at, entered_by)
        VALUES (?, 1, ?, ?, 1, 0, 'EVENT')""",
        ("workspace", "frequent", "bob"),
    ),
    "a member too few": (
        "MEMBERSHIP",
        "UPDATE memberships SET exited_at = entered_at + 1, exited_by = 'X' WHERE segment_id = ? AND contact_id = ?",
        ("either", "ann"),
    ),
    "a missing timer": ("TIMER", "DELETE FROM timers WHERE kind = 2 AND subject_id = ?", ("frequent",)),
    "a late timer": (
        "TIMER",
        "UPDATE timers SET due_at = due_at + 864000000 WHERE kind = 2 AND subject_id = ?",
        ("frequent",),
    ),
    "a missing decay": ("TIMER", "DELETE FROM timers WHERE kind = 1 AND subject_id = ?", ("rule",)),
    "a late decay": ("TIMER", "UPDATE timers SET due_at = due_at + 1 WHERE kind = 1 AND subject_id = ?", ("rule",)),
    "a contact that is never looked at": (
        "DUE_AT",
        "UPDATE standings SET due_at = NULL WHERE contact_id = ?",
        ("ann",),
    ),
    "a contact that is looked at late": (
        "DUE_AT",
        "UPDATE standings SET due_at = due_at + 1 WHERE contact_id = ?",
        ("ann",),
    ),
    "another score": ("SCORE", "UPDATE standings SET score = score + 1 WHERE contact_id = ?", ("ann",)),
    "a line that does not add up": ("LEDGER", "UPDATE score_ledger SET after = 99 WHERE contact_id = ?", ("ann",)),
    "a line that gave more": ("CONTRIBUTION", "UPDATE score_ledger SET given = 99 WHERE rule_id = ?", ("other",)),
    "a lost line": ("MATCH", "DELETE FROM score_ledger WHERE rule_id = ?", ("other",)),
    "a match of another version": (
        "MATCH",
        "UPDATE score_ledger SET event_id = event_id + 1 WHERE rule_id = ? AND event_id IS NOT NULL",
        ("other",),
    ),
    "a remembered contribution": ("CONTRIBUTION", "DELETE FROM standings WHERE contact_id = ? AND slot >= 0", ("ann",)),
    "a wrong count of a type": ("TYPE_COUNT", "UPDATE event_types SET events = events + 1 WHERE name = 'visit'", ()),
    "a lost event": ("TYPE_COUNT", "DELETE FROM events WHERE contact_id = ? AND metadata IS NOT NULL", ("ann",)),
    "two stays at once": (
        "STAYS",
        """INSERT INTO memberships
          (workspace_id, id, segment_id, contact_id, version, entered_at, entered_by, exited_at, exited_by)
        SELECT workspace_id, 1, segment_id, contact_id, 1, entered_at, 'X', entered_at + 5, 'X'
        FROM memberships WHERE segment_id = ? AND contact_id = ? AND exited_at IS NULL""",
        ("either", "ann"),
    ),
    "a stay that ends before it begins": (
        "STAYS",
        "UPDATE memberships SET exited_at = entered_at - 1 WHERE segment_id = ? AND contact_id = ?",
        ("either", "ann"),
    ),
    "what is left of a contact": ("ORPHAN", "DELETE FROM contacts WHERE id = ?", ("bob",)),
    "members of no segment": ("ORPHAN", "DELETE FROM segments WHERE id = ?", ("either",)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(sound, name):
    what, statement, values = DAMAGE[name]
    sound.post("visit", sound.bob)
    sound.post("visit", sound.ann)
    assert differences(sound) == []
    run(sound, statement, *(getattr(sound, value) for value in values))
    if "segments" in statement:
        sound.define(lambda tables: None)
    assert what in {difference.what for difference in differences(sound)}


def test_a_wait_of_a_campaign_without_a_timer_is_named(sound):
    sound.campaign(
        {"type": "EVENT", "eventType": "visit"},
        workflow={
            "nodes": [
                {"id": "wait", "type": "delay", "data": {"duration": "2d"}},
                {"id": "end", "type": "exit", "data": {}},
            ],
            "edges": [{"from": "wait", "to": "end"}],
        },
    )
    sound.post("visit", sound.bob)
    assert differences(sound) == []
    run(sound, "DELETE FROM timers WHERE kind = 3")
    assert [difference.what for difference in differences(sound)] == ["TIMER"]


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(5, 25))
def test_whatever_happens_a_store_stays_sound(tmp_path_factory, seed, length):
    chance = random.Random(seed)
    world = Inhabited(tmp_path_factory.mktemp("world"))
    try:
        inhabited(world)
        steps = [
            lambda who: world.post("visit", who, timestamp=world.now - chance.randrange(0, 5) * 6 * HOUR),
            lambda who: world.post("visit", who, timestamp=world.now - chance.randrange(0, 5) * 6 * HOUR),
            lambda who: world.post("purchase", who, {"amount": chance.randrange(0, 30)}),
            lambda who: world.post("visit", session_id=chance.choice("abc")),
            lambda who: world.post("visit", who, session_id=chance.choice("abc")),
            lambda who: world.update(who, attributes={"plan": chance.choice(["pro", "free"])}),
            lambda who: world.forward(chance.randrange(1, 9) * 6 * HOUR),
            lambda who: world.clock.advance(chance.randrange(1, 9) * 6 * HOUR),
            lambda who: edit(world, world.rule, delta=chance.randrange(-5, 9), once=chance.random() < 0.2),
        ]
        for _ in range(length):
            chance.choice(steps)(chance.choice([world.ann, world.bob]))
            world.clock.advance(1)
            assert differences(world) == []
    finally:
        world.close()


@pytest.mark.parametrize("survivor", ["ann", "bob"])
def test_a_merge_with_somebody_whose_matches_were_taken_back(sound, survivor):
    """One has matches; of the other a rebuild left none, which the ledger says in a line that came later."""
    other = {"ann": "bob", "bob": "ann"}[survivor]
    rule = sound.scoring_rule("call", 5, max_score=8)
    sound.post("call", sound.ann)
    sound.post("call", sound.bob)

    def take_back(subject):
        scoring.restate(subject, subject.room.definitions.scoring[rule], [], "REBUILD")
        react.to_rebuild(subject, subject.score + 5, Cause("REBUILD", triggers=False))

    sound.on(sound.bob, take_back)
    sound.forward(1)
    before = sound.score(sound.ann) + sound.score(sound.bob)
    merged = sound.change(lambda room: merge(room, getattr(sound, survivor), getattr(sound, other))[0].id)
    matches = sound.on(merged, lambda subject: scoring.matches(subject, subject.room.definitions.scoring[rule]))
    assert len(matches) == 1
    assert sound.score(merged) == before
    assert [d for d in differences(sound) if d.what != "MATCH"] == []
