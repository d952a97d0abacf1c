"""Segments, scoring rules, campaigns and their versions."""

from msgspec.structs import replace

from ensue.model.campaign import Campaign
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment

RULES = {"operator": "AND", "conditions": [{"type": "tag", "operator": "has", "value": "ü"}]}
SEGMENT = Segment(1, "Gold", "best", "DYNAMIC", 1, RULES, "READY", 5, 5)
STATIC = Segment(2, "Hand-made", None, "STATIC", 1, None, "READY", 5, 5)
RULE = ScoringRule(
    id=3, name="Buys", version=1, active=True, event_type="buy", delta=-5, condition=RULES, max_score=50, min_score=-1,
    decay_points=2, decay_period=1_000, cooldown=60, once=True, created_at=5, updated_at=5,
)  # fmt: skip
CAMPAIGN = Campaign(
    id=4, name="Welcome", type="AUTOMATED", status="ACTIVE", version=1,
    triggers=[{"type": "EVENT", "eventType": "buy"}],
    workflow={"nodes": [{"id": "a", "type": "exit", "data": {}}], "edges": []}, settings={"x": None}, start_at=1,
    end_at=None, paused_at=None, created_at=5, updated_at=5,
)  # fmt: skip


def test_a_segment_comes_back_as_it_was(write, read):
    write(lambda one: [one.definitions.put_segment(segment) for segment in (STATIC, SEGMENT)])
    assert read(lambda one: one.definitions.segments()) == [SEGMENT, STATIC]
    assert read(lambda one: one.definitions.segment(1)) == SEGMENT
    assert read(lambda one: one.definitions.segment(9)) is None


def test_a_changed_segment_replaces_itself(write, read):
    changed = replace(SEGMENT, name="Platinum", version=2, status="BACKFILLING", updated_at=9)
    write(lambda one: [one.definitions.put_segment(segment) for segment in (SEGMENT, changed)])
    assert read(lambda one: one.definitions.segments()) == [changed]


def test_a_removed_segment_is_gone(write, read):
    write(lambda one: [one.definitions.put_segment(segment) for segment in (STATIC, SEGMENT)])
    write(lambda one: one.definitions.remove_segment(1))
    assert read(lambda one: one.definitions.segments()) == [STATIC]


def test_a_scoring_rule_comes_back_as_it_was(write, read):
    plain = ScoringRule(5, "Views", 1, False, "view", 1, created_at=6, updated_at=6)
    write(lambda one: [one.definitions.put_scoring_rule(rule) for rule in (plain, RULE)])
    assert read(lambda one: one.definitions.scoring_rules()) == [RULE, plain]
    write(lambda one: one.definitions.put_scoring_rule(replace(RULE, version=2, delta=7, active=False)))
    assert read(lambda one: one.definitions.scoring_rules()) == [replace(RULE, version=2, delta=7, active=False), plain]
    write(lambda one: one.definitions.remove_scoring_rule(3, 9))
    assert read(lambda one: one.definitions.scoring_rules()) == [plain]
    # What it gave goes on decaying by its versions.
    known = [(rule.id, rule.version, rule.delta) for rule in read(lambda one: one.definitions.scoring_versions())]
    assert known == [(3, 1, RULE.delta), (3, 2, 7), (5, 1, 1)]
    assert read(lambda one: one.definitions.scoring_rule_ends()) == {3: 9}


def test_a_campaign_comes_back_as_it_was_and_keeps_its_versions(write, read):
    second = replace(
        CAMPAIGN, version=2, workflow={"nodes": [], "edges": []}, status="PAUSED", paused_at=8, updated_at=8
    )
    write(lambda one: one.definitions.put_campaign(CAMPAIGN))
    write(lambda one: one.definitions.put_campaign(second))
    assert read(lambda one: one.definitions.campaigns()) == [second]
    versions = read(lambda one: one.definitions.campaign_versions([(4, 1), (4, 2), (4, 3), (9, 1)]))
    assert {key: body["workflow"] for key, body in versions.items()} == {
        (4, 1): CAMPAIGN.workflow, (4, 2): second.workflow,
    }  # fmt: skip
    write(lambda one: one.definitions.remove_campaign(4))
    assert read(lambda one: one.definitions.campaigns()) == []
    assert len(read(lambda one: one.definitions.campaign_versions([(4, 1), (4, 2)]))) == 2


def test_the_version_grows_with_every_change(write, read):
    before = read(lambda one: one.definitions.version())
    write(lambda one: one.definitions.bump(77))
    write(lambda one: one.definitions.bump(78))
    assert read(lambda one: one.definitions.version()) == before + 2
    workspace = read(lambda one: one.definitions.workspace())
    assert (workspace.definitions_version, workspace.updated_at) == (before + 2, 78)


def test_a_workspace_that_is_not_there_has_no_version(read):
    assert read(lambda one: (one.definitions.version(), one.definitions.workspace()), 9_999) == (None, None)
