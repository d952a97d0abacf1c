"""What a segment may ask, what it may be changed into, and when it may go."""

import pytest

from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import show
from ensue.engine.segments import editing
from tests.engine.backfills import at_least, create, delete, edit, finish, group


def asks(segment_id: int):
    return {"type": "segment", "segmentId": show("seg", segment_id), "operator": "in"}


def test_a_dynamic_segment_needs_rules(world):
    with pytest.raises(Invalid, match="rules: are required"):
        create(world, None)


def test_unsound_rules_are_refused_and_nothing_is_stored(world):
    with pytest.raises(Invalid, match="operator"):
        create(world, {"type": "event", "eventType": "purchase", "operator": "like", "value": 1})
    assert world.rows("SELECT 1 FROM segments") == []


def test_asking_about_a_segment_that_is_not_there_is_refused(world):
    with pytest.raises(Invalid, match="does not exist: seg_"):
        create(world, asks(12345))


def test_a_circle_is_refused_with_the_names_on_it(world):
    a = create(world, at_least(1), "A")
    b = create(world, asks(a), "B")
    c = create(world, group("OR", asks(b), at_least(2)), "C")
    with pytest.raises(Invalid, match="A → C → B → A") as refused:
        edit(world, a, asks(c))
    assert refused.value.code == "segment_cycle"
    with pytest.raises(Invalid, match="A → A"):
        edit(world, a, asks(a))
    assert world.ask(lambda tables: tables.definitions.segment(a)).version == 1


def test_every_version_is_kept(world):
    segment = create(world, at_least(1))
    edit(world, segment, at_least(2))
    versions = world.ask(lambda tables: tables.definitions.segment_versions(segment))
    assert [(version, rules["value"]) for version, rules, _ in versions] == [(2, 2), (1, 1)]


def test_a_static_segment_takes_no_rules_later(world):
    segment = create(world, None, kind="STATIC")
    with pytest.raises(Conflict):
        edit(world, segment, at_least(1))


def test_what_is_not_there_cannot_be_changed_or_deleted(world):
    with pytest.raises(NotFound):
        edit(world, 1, at_least(1))
    with pytest.raises(NotFound):
        delete(world, 1)


def test_a_segment_that_another_asks_about_stays_and_the_other_is_named(world):
    inner = create(world, at_least(1), "Inner")
    outer = create(world, asks(inner), "Outer")
    with pytest.raises(Conflict, match=r"Inner cannot be deleted.*Outer") as refused:
        delete(world, inner)
    assert [detail.path for detail in refused.value.details] == ["segments"]
    assert show("seg", outer) in refused.value.details[0].message
    delete(world, outer)
    delete(world, inner)


def test_a_segment_that_a_campaign_starts_from_stays(world):
    segment = create(world, at_least(1))
    campaign = world.campaign({"type": "SEGMENT_ENTERED", "segmentId": show("seg", segment)})
    with pytest.raises(Conflict) as refused:
        delete(world, segment)
    assert [detail.path for detail in refused.value.details] == ["campaigns"]
    using = world.change(lambda room: editing.dependents(room, segment))
    assert [campaign_id for campaign_id, _ in using.campaigns] == [campaign]


def test_a_segment_that_a_scoring_rule_asks_about_stays(world):
    segment = create(world, at_least(1))
    world.scoring_rule("purchase", 5, condition=asks(segment))
    with pytest.raises(Conflict) as refused:
        delete(world, segment)
    assert [detail.path for detail in refused.value.details] == ["scoringRules"]


def test_conditions_are_registered_while_anyone_uses_them(world):
    def registered():
        return world.ask(lambda tables: tables.definitions.conditions())

    first = create(world, at_least(1))
    since = registered()
    assert len(since) == 1
    second = create(world, group("AND", at_least(1), at_least(1, timeWindow="1d")))
    assert registered().items() > since.items()
    delete(world, first)
    finish(world)
    assert registered().items() > since.items()
    delete(world, second)
    assert registered() == {}
    create(world, at_least(1))
    assert registered() != since
