"""Scoring rules made, edited, deleted, tried on history and applied to it."""

import pytest

from ensue.base.clock import DAY, HOUR
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.engine.scoring import dry_run, rebuild, rules
from ensue.engine.view import view
from tests.engine.world import START


def fields(**more):
    return {"name": "Visits", "event_type": "visit", "delta": 5} | more


def create(world, **more):
    return world.change(lambda room: rules.create(room, fields(**more)))


def edit(world, rule, **changes):
    return world.change(lambda room: rules.edit(room, rule.id, changes))


def looked_at(world, question):
    return world.store.read(lambda tables: question(view(tables, world.workspace, world.engine.ids)))


def tried(world, **more):
    return looked_at(world, lambda room: dry_run.dry_run(room, rules.draft(room.tables, fields(**more))))


def rebuilt(world):
    backfill = world.change(rebuild.begin)
    while world.change(lambda room: rebuild.advance(room, backfill.id)):
        pass
    return world.ask(lambda tables: tables.backfills.get(backfill.id))


class TestEditing:
    def test_a_rule_counts_what_arrives_from_now_on(self, world):
        contact = world.contact()
        world.post("visit", contact)
        create(world)
        assert world.score(contact) == 0
        world.post("visit", contact)
        assert world.score(contact) == 5

    def test_only_terms_make_a_version(self, world):
        rule = create(world)
        assert edit(world, rule, name="Views").version == 1
        assert edit(world, rule, delta=6).version == 2
        assert edit(world, rule, delta=6).version == 2
        assert edit(world, rule, active=False).version == 3
        stored = world.ask(lambda tables: tables.definitions.scoring_rule(rule.id))
        assert (stored.name, stored.delta, stored.active, stored.version) == ("Views", 6, False, 3)

    def test_a_deleted_rule_is_gone(self, world):
        rule = create(world)
        world.change(lambda room: rules.delete(room, rule.id))
        with pytest.raises(NotFound):
            edit(world, rule, delta=6)

    @pytest.mark.parametrize(
        ("wrong", "paths"),
        [
            ({"delta": 1_000_001}, ["delta"]),
            ({"min_score": 5, "max_score": 4}, ["minScore"]),
            ({"decay_points": 0, "decay_period": DAY}, ["decayPoints"]),
            ({"decay_points": 1}, ["decayDays"]),
            ({"decay_period": DAY}, ["decayPoints"]),
            ({"decay_points": 1, "decay_period": 0}, ["decayDays"]),
            ({"condition": {"field": "metadata.amount", "operator": "over", "value": 1}}, ["condition.operator"]),
            (
                {"condition": {"type": "segment", "segmentId": "seg_00000000000zz", "operator": "in"}},
                ["condition"],
            ),
            ({"delta": -2_000_000, "max_score": 2_000_000, "decay_points": 1}, ["delta", "maxScore", "decayDays"]),
        ],
    )
    def test_every_field_that_is_wrong_is_named(self, world, wrong, paths):
        with pytest.raises(Invalid) as refusal:
            create(world, **wrong)
        assert [detail.path for detail in refusal.value.details] == paths
        assert world.ask(lambda tables: tables.definitions.scoring_rules()) == []


class TestDryRun:
    def test_it_says_who_how_many_and_when_and_does_nothing(self, world):
        ann, bob = world.contact(email="ann@example.com"), world.contact()
        world.post("visit", ann, {"page": "/pricing"})
        world.post("visit", ann, {"page": "/"})
        world.forward(DAY)
        world.post("visit", ann, {"page": "/pricing"})
        world.post("visit", bob, {"page": "/pricing"})
        found = tried(world, max_score=8, condition={"field": "metadata.page", "operator": "eq", "value": "/pricing"})
        assert (found.events, found.complete, found.since) == (4, True, START)
        assert (found.matches, found.contacts, found.points) == (3, 2, 13)
        assert [tuple(day) for day in found.days] == [("2026-01-15", 1, 1, 5), ("2026-01-16", 2, 2, 8)]
        assert [tuple(gain) for gain in found.sample] == [(ann, "ann@example.com", 2, 0, 8), (bob, None, 1, 0, 5)]
        assert world.score(ann) == 0
        assert world.rows("SELECT * FROM score_ledger") == []

    def test_an_edit_is_compared_with_what_was_given(self, world):
        rule = create(world)
        ann, bob = world.contact(attributes={"plan": "pro"}), world.contact()
        world.post("visit", ann)
        world.post("visit", bob)
        stricter = {"condition": {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}}
        found = looked_at(
            world,
            lambda room: dry_run.dry_run(room, rules.edited(room.tables, rules.get(room.tables, rule.id), stricter)),
        )
        assert (found.matches, found.contacts, found.changed, found.difference) == (1, 1, 1, -5)
        assert (bob, None, 0, 5, 0) in [tuple(gain) for gain in found.sample]

    def test_what_has_decayed_since_is_not_promised(self, world):
        contact = world.contact()
        world.post("visit", contact)
        world.forward(3 * DAY)
        world.post("other", contact)
        found = tried(world, decay_points=1, decay_period=DAY)
        assert [gain.after for gain in found.sample] == [2]
        assert [day.points for day in found.days] == [5]

    def test_a_type_that_was_never_seen(self, world):
        assert tried(world) == dry_run.DryRun(0, None, True, 0, 0, 0, 0, 0, [], [])

    def test_more_events_than_it_reads_are_said_to_be_more(self, world, monkeypatch):
        contact = world.contact()
        for _ in range(4):
            world.post("visit", contact)
            world.forward(HOUR)
        monkeypatch.setattr("ensue.engine.scoring.dry_run.bounds.DRY_RUN_EVENTS", 3)
        found = tried(world)
        assert (found.events, found.complete, found.since) == (3, False, START + HOUR)


class TestRebuild:
    def test_the_diff_says_what_the_rebuild_then_does(self, world):
        old = create(world, delta=3)
        ann, bob, eve = world.contact(email="ann@example.com"), world.contact(), world.contact()
        world.post("visit", ann)
        world.post("visit", ann)
        world.post("purchase", bob)
        world.change(lambda room: rules.delete(room, old.id))
        create(world, event_type="purchase", delta=20)
        found = looked_at(world, rebuild.diff)
        assert (found.contacts, found.raised, found.lowered, found.difference) == (3, 1, 1, 14)
        assert found.complete
        assert [tuple(change) for change in found.sample] == [(bob, None, 0, 20), (ann, "ann@example.com", 6, 0)]
        assert [world.score(contact) for contact in (ann, bob, eve)] == [6, 0, 0]
        done = rebuilt(world)
        assert (done.status, done.total, done.done, done.entered, done.exited) == ("DONE", 3, 3, 1, 1)
        assert [world.score(contact) for contact in (ann, bob, eve)] == [0, 20, 0]
        assert [world.ledger_sum(contact) for contact in (ann, bob, eve)] == [0, 20, 0]
        assert looked_at(world, rebuild.diff).sample == []

    def test_points_decay_as_if_the_rule_had_always_been_there(self, world):
        contact = world.contact()
        world.post("visit", contact)
        world.forward(2 * DAY)
        create(world, delta=10, decay_points=2, decay_period=DAY)
        rebuilt(world)
        assert world.score(contact) == 6
        world.forward(DAY)
        assert world.score(contact) == 4
        assert world.post("visit", contact, timestamp=START + DAY).effects.after == 14

    def test_segments_follow_and_campaigns_do_not(self, world):
        hot = world.segment({"type": "attribute", "field": "score", "operator": "gte", "value": 5})
        campaign = world.campaign({"type": "SCORE_CROSSED", "threshold": 5})
        contact = world.contact()
        world.post("visit", contact)
        create(world)
        rebuilt(world)
        assert world.members(hot) == {contact}
        assert world.rows("SELECT id FROM enrolments WHERE campaign_id = ?", campaign) == []

    def test_it_goes_on_where_it_was(self, world, monkeypatch):
        monkeypatch.setattr("ensue.engine.scoring.rebuild.bounds.REBUILD_CONTACTS", 2)
        contacts = [world.contact() for _ in range(5)]
        for contact in contacts:
            world.post("visit", contact)
        create(world)
        backfill = world.change(rebuild.begin)
        with pytest.raises(Conflict):
            world.change(rebuild.begin)
        assert world.change(lambda room: rebuild.advance(room, backfill.id))
        assert [world.score(contact) for contact in contacts] == [5, 5, 0, 0, 0]
        # Meanwhile something happens to one who is done and to one who is not.
        world.post("visit", contacts[0])
        world.post("visit", contacts[4])
        while world.change(lambda room: rebuild.advance(room, backfill.id)):
            pass
        assert [world.score(contact) for contact in contacts] == [10, 5, 5, 5, 10]
        assert world.ask(lambda tables: tables.backfills.get(backfill.id)).done == 5

    def test_twice_writes_nothing_the_second_time(self, world):
        contact = world.contact()
        world.post("visit", contact)
        create(world)
        rebuilt(world)
        before = world.rows("SELECT * FROM score_ledger")
        rebuilt(world)
        assert world.rows("SELECT * FROM score_ledger") == before
