"""The lead score: what each event gives, what time takes, and that the ledger says so."""

from typing import Any

import msgspec
import pytest

from ensue.base.clock import DAY, HOUR, SECOND
from ensue.engine.reactions import scoring
from tests.engine.world import START


def lines(world, contact):
    return world.ask(lambda tables: tables.ledger.all_of_contact(contact))


def edit(world, rule_id, **changes: Any):
    """A new version of a rule, at the present instant."""

    def work(tables):
        rule = tables.definitions.scoring_rule(rule_id)
        fresh = msgspec.structs.replace(rule, **changes, version=rule.version + 1, updated_at=world.now)
        tables.definitions.put_scoring_rule(fresh)

    world.define(work)


def delete(world, rule_id):
    world.define(lambda tables: tables.definitions.remove_scoring_rule(rule_id, world.now))


def test_the_answer_says_what_each_rule_gave(world):
    first = world.scoring_rule("purchase", 10)
    second = world.scoring_rule("purchase", -3)
    contact = world.contact()
    effects = world.post("purchase", contact).effects
    assert (effects.before, effects.after) == (0, 7)
    assert [(entry.rule_id, entry.delta) for entry in effects.entries] == [(first, 10), (second, -3)]
    assert world.score(contact) == 7


def test_a_line_has_what_was_asked_and_given(world):
    rule = world.scoring_rule("visit", 7, max_score=10)
    contact = world.contact()
    first = world.post("visit", contact)
    second = world.post("visit", contact)
    third = world.post("visit", contact)
    assert [
        (n.rule_id, n.version, n.cause, n.event_id, n.asked, n.given, n.before, n.after) for n in lines(world, contact)
    ] == [
        (rule, 1, "EVENT", first.event.id, 7, 7, 0, 7),
        (rule, 1, "EVENT", second.event.id, 7, 3, 7, 10),
        (rule, 1, "EVENT", third.event.id, 7, 0, 10, 10),
    ]
    # What a cap left nothing of is no entry of the answer.
    assert third.effects.entries == []


def test_all_rules_are_asked_before_one_moves_the_score(world):
    cold = {"field": "score", "operator": "lt", "value": 5}
    world.scoring_rule("visit", 10, condition=cold)
    world.scoring_rule("visit", 10, condition=cold)
    contact = world.contact()
    assert world.post("visit", contact).effects.after == 20
    assert world.post("visit", contact).effects.after == 20


def test_a_floor_is_of_the_rule_and_not_of_the_score(world):
    world.scoring_rule("complaint", -30, min_score=-40)
    world.scoring_rule("purchase", 5)
    contact = world.contact()
    world.post("purchase", contact)
    world.post("complaint", contact)
    assert world.post("complaint", contact).effects.after == -35


def test_a_cooldown_ends_at_its_instant(world):
    world.scoring_rule("visit", 1, cooldown=DAY)
    contact = world.contact()
    world.post("visit", contact)
    world.forward(DAY - 1)
    assert world.post("visit", contact).effects.after == 1
    world.forward(1)
    assert world.post("visit", contact).effects.after == 2


def test_a_late_match_moves_a_cooldown(world):
    """Day 0 counts, so day 1 does not, so day 2 does: the order of arrival is 1, 2, 0."""
    world.scoring_rule("visit", 1, cooldown=2 * DAY)
    contact = world.contact()
    world.forward(3 * DAY)
    assert world.post("visit", contact, timestamp=START + DAY).effects.after == 1
    assert world.post("visit", contact, timestamp=START + 2 * DAY).effects.after == 1
    assert world.post("visit", contact, timestamp=START).effects.after == 2


def test_once_is_once_for_each_contact_and_every_match_has_a_line(world):
    world.scoring_rule("signup", 20, once=True)
    contact, other = world.contact(), world.contact()
    assert world.post("signup", contact).effects.after == 20
    assert world.post("signup", contact).effects.after == 20
    assert world.post("signup", contact, timestamp=START - DAY).effects.after == 20
    assert world.post("signup", other).effects.after == 20
    assert [line.given for line in lines(world, contact)] == [20, 0, 0]


def test_a_late_match_under_a_cap_is_counted_where_it_belongs(world):
    """+8 on day 0, -5 on day 1, cap 10: 5 or, with a late +8 between them, 5 all the same; after them, 10."""
    up = world.scoring_rule("up", 8, max_score=10)
    contact = world.contact()
    world.forward(2 * DAY)
    world.post("up", contact, timestamp=START + DAY)
    world.post("up", contact, timestamp=START)
    assert world.score(contact) == 10
    assert [line.given for line in lines(world, contact)] == [8, 2]
    assert all(line.rule_id == up for line in lines(world, contact))


class TestDecay:
    def test_steps_fall_on_their_instants_and_stop_at_zero(self, world):
        world.scoring_rule("visit", 10, decay_points=4, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        for day, score in [(1, 6), (2, 2), (3, 0), (4, 0)]:
            world.forward(DAY - 1)
            assert world.score(contact) != score or day == 4
            world.forward(1)
            assert world.score(contact) == score
        taken = lines(world, contact)[1:]
        assert [(line.at - START, line.given) for line in taken] == [(DAY, -4), (2 * DAY, -4), (3 * DAY, -2)]
        assert {line.cause for line in taken} == {"DECAY"}

    def test_missed_steps_are_written_as_of_when_they_were_due(self, world):
        """Nobody looked for ten days."""
        world.scoring_rule("visit", 10, decay_points=3, decay_period=2 * DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(10 * DAY)
        assert [(line.at - START, line.given, line.after) for line in lines(world, contact)[1:]] == [
            (2 * DAY, -3, 7), (4 * DAY, -3, 4), (6 * DAY, -3, 1), (8 * DAY, -1, 0),
        ]  # fmt: skip

    def test_missed_steps_are_written_before_the_next_event(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=2 * DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.clock.advance(5 * DAY)
        assert world.post("visit", contact).effects.before == 4
        assert [line.cause for line in lines(world, contact)] == ["EVENT", "DECAY", "DECAY", "EVENT"]

    def test_a_match_begins_the_period_anew_also_when_it_is_held_back(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=2 * DAY, cooldown=30 * DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(DAY)
        world.post("visit", contact)
        world.forward(DAY + HOUR)
        assert world.score(contact) == 10
        world.forward(DAY)
        assert world.score(contact) == 7

    def test_it_stops_at_a_positive_floor(self, world):
        world.scoring_rule("visit", 10, decay_points=4, decay_period=DAY, min_score=5)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(30 * DAY)
        assert world.score(contact) == 5

    def test_negative_points_rise_to_zero(self, world):
        world.scoring_rule("bounce", -10, decay_points=4, decay_period=DAY)
        contact = world.contact()
        world.post("bounce", contact)
        world.forward(2 * DAY)
        assert world.score(contact) == -2
        world.forward(DAY)
        assert world.score(contact) == 0

    def test_negative_points_do_not_rise_past_a_negative_cap(self, world):
        world.scoring_rule("bounce", -10, decay_points=4, decay_period=DAY, max_score=-3)
        contact = world.contact()
        world.post("bounce", contact)
        world.forward(30 * DAY)
        assert world.score(contact) == -3

    def test_an_old_event_arrives_already_decayed(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=DAY)
        contact = world.contact()
        outcome = world.post("visit", contact, timestamp=START - 2 * DAY)
        assert outcome.effects.after == 4
        world.forward(DAY)
        assert world.score(contact) == 1

    def test_a_late_match_resets_the_steps_that_came_after_it(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=2 * DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(3 * DAY)
        assert world.score(contact) == 7
        # Day 1: 10 + 10, and the first step falls on day 3, which is now.
        assert world.post("visit", contact, timestamp=START + DAY).effects.after == 17

    def test_the_steps_of_a_jump_and_of_small_moves_are_the_same(self, world):
        world.scoring_rule("visit", 9, decay_points=2, decay_period=DAY)
        one, other = world.contact(), world.contact()
        world.post("visit", one)
        world.forward(3 * HOUR)
        world.post("visit", other, timestamp=START)
        for _ in range(24):
            world.forward(5 * HOUR)
        assert [(line.at, line.after) for line in lines(world, one)[1:]] == [
            (line.at, line.after) for line in lines(world, other)[1:]
        ]

    def test_a_clock_that_steps_back_takes_nothing_twice(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(DAY)
        world.forward(-DAY)
        world.post("other", contact)
        world.forward(DAY)
        assert world.score(contact) == 7
        assert world.ledger_sum(contact) == 7

    def test_a_segment_on_the_score_is_left_at_the_instant_of_the_step(self, world):
        world.scoring_rule("visit", 10, decay_points=3, decay_period=DAY)
        hot = world.segment({"type": "attribute", "field": "score", "operator": "gte", "value": 7})
        contact = world.contact()
        world.post("visit", contact)
        assert world.members(hot) == {contact}
        world.forward(9 * DAY)
        ((left,),) = world.rows("SELECT exited_at FROM memberships")
        assert left == START + 2 * DAY


class TestEditing:
    def test_an_edit_changes_nothing_that_was_given(self, world):
        rule = world.scoring_rule("visit", 10)
        contact = world.contact()
        world.post("visit", contact)
        edit(world, rule, delta=1, max_score=5)
        assert world.score(contact) == 10
        edit(world, rule, max_score=None)
        assert world.post("visit", contact).effects.after == 11

    def test_points_decay_by_the_version_they_were_given_under(self, world):
        rule = world.scoring_rule("visit", 10, decay_points=1, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.forward(2 * DAY)
        edit(world, rule, decay_points=4)
        world.forward(DAY)
        assert world.score(contact) == 7
        world.post("visit", contact)
        world.forward(DAY)
        assert world.score(contact) == 13

    def test_points_without_decay_stay_when_decay_is_added(self, world):
        rule = world.scoring_rule("visit", 10)
        contact = world.contact()
        world.post("visit", contact)
        edit(world, rule, decay_points=4, decay_period=DAY)
        world.forward(10 * DAY)
        assert world.score(contact) == 10

    def test_a_late_match_counts_under_the_version_that_it_arrived_under(self, world):
        rule = world.scoring_rule("visit", 10, max_score=15)
        contact = world.contact()
        world.post("visit", contact)
        edit(world, rule, delta=1, max_score=None)
        assert world.post("visit", contact, timestamp=START - DAY).effects.after == 11
        assert lines(world, contact)[-1].version == 2

    def test_another_event_type_keeps_what_was_given(self, world):
        rule = world.scoring_rule("visit", 10, max_score=25, decay_points=1, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        edit(world, rule, event_type="purchase")
        assert world.post("visit", contact).effects.entries == []
        assert world.post("purchase", contact).effects.after == 20
        world.forward(DAY)
        assert world.score(contact) == 19

    def test_a_deleted_rule_gives_nothing_more_and_its_points_go_on_decaying(self, world):
        rule = world.scoring_rule("visit", 10, decay_points=4, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        delete(world, rule)
        assert world.post("visit", contact).effects.entries == []
        world.forward(30 * DAY)
        assert world.score(contact) == 0
        assert [line.cause for line in lines(world, contact)] == ["EVENT", "DECAY", "DECAY", "DECAY"]

    def test_an_inactive_rule_gives_nothing(self, world):
        rule = world.scoring_rule("visit", 10)
        contact = world.contact()
        edit(world, rule, active=False)
        assert world.post("visit", contact).effects.after == 0
        edit(world, rule, active=True)
        assert world.post("visit", contact).effects.after == 10


class TestRestating:
    def restate(self, world, contact, rule, found):
        def work(subject):
            compiled = subject.room.definitions.scoring[rule]
            return scoring.restate(subject, compiled, found, "REBUILD")

        return world.on(contact, work)

    def matches(self, world, contact, rule):
        return world.on(contact, lambda s: scoring.matches(s, s.room.definitions.scoring[rule]))

    def test_the_same_matches_write_nothing(self, world):
        rule = world.scoring_rule("visit", 10, max_score=15)
        contact = world.contact()
        world.post("visit", contact)
        world.post("visit", contact)
        assert not self.restate(world, contact, rule, self.matches(world, contact, rule))
        assert len(lines(world, contact)) == 2

    def test_other_matches_are_lines_and_the_sum_is_the_score(self, world):
        rule = world.scoring_rule("visit", 10, max_score=15, decay_points=1, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        world.post("visit", contact)
        world.forward(3 * DAY)
        first, _ = self.matches(world, contact, rule)
        assert self.restate(world, contact, rule, [first])
        assert world.score(contact) == 7 == world.ledger_sum(contact)
        assert self.matches(world, contact, rule) == [first]
        assert [(line.cause, line.given) for line in lines(world, contact)[-3:]] == [
            ("REBUILD", -12), ("REBUILD", 10), ("DECAY", -3),
        ]  # fmt: skip
        world.forward(DAY)
        assert world.score(contact) == 6
        # A late event is counted with the matches that stand, and with no others.
        assert world.post("visit", contact, timestamp=START - DAY).effects.after == 11

    def test_no_matches_leave_nothing(self, world):
        rule = world.scoring_rule("visit", 10, decay_points=1, decay_period=DAY)
        contact = world.contact()
        world.post("visit", contact)
        assert self.restate(world, contact, rule, [])
        assert world.score(contact) == 0 == world.ledger_sum(contact)
        world.forward(5 * DAY)
        assert world.score(contact) == 0
        assert world.post("visit", contact).effects.after == 10


def test_a_threshold_starts_a_campaign_once_for_each_upward_crossing(world):
    world.scoring_rule("visit", 6, decay_points=6, decay_period=DAY)
    campaign = world.campaign({"type": "SCORE_CROSSED", "threshold": 10})
    contact = world.contact()
    assert world.post("visit", contact).effects.enrolled == []
    crossing = world.post("visit", contact).effects
    assert [e.campaign_id for e in [*crossing.enrolled, *crossing.skipped]] == [campaign]
    above = world.post("visit", contact).effects
    assert above.enrolled == [] == above.skipped


def test_a_session_that_is_identified_scores_its_events_once(world):
    world.scoring_rule("visit", 5, cooldown=HOUR)
    contact = world.contact()
    world.post("visit", session_id="s")
    world.forward(2 * HOUR)
    assert world.post("visit", contact, session_id="s").effects.after in (5, 10)
    assert world.score(contact) == 10
    assert len(lines(world, contact)) == 2


@pytest.mark.parametrize("seconds", [0, 1, 86_399, 86_400, 172_800])
def test_what_the_score_was_at_an_instant(world, seconds):
    world.scoring_rule("visit", 10, decay_points=4, decay_period=DAY)
    contact = world.contact()
    world.forward(SECOND)
    world.post("visit", contact)
    world.forward(7 * DAY)
    at = START + SECOND + seconds * SECOND
    expected = 10 - 4 * (seconds // 86_400)
    assert world.ask(lambda tables: tables.ledger.score_at(contact, at)) == expected
    assert world.ask(lambda tables: tables.ledger.score_at(contact, START)) == 0
