"""What may be saved, what may go live, what may be deleted; each refusal names its path."""

import pytest

from ensue.base.clock import DAY
from ensue.base.errors import Conflict, Invalid
from ensue.base.ids import show
from ensue.engine.campaigns import editing
from tests.engine.flow import chain, edge, node, run_of, sign_up, workflow

SIGNUP = {"type": "EVENT", "eventType": "signup"}
PRO = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}
A_DAY = chain(node("d", "delay", duration="1d"), node("t", "tag", tag="done"))
B = {"name": "b", "weight": 0}


def refused(world, live, **fields):
    with pytest.raises(Invalid) as caught:
        world.change(lambda room: editing.create(
            room, {"name": "x", "status": "ACTIVE" if live else "DRAFT", "workflow": A_DAY} | fields
        ))  # fmt: skip
    return {detail.path for detail in caught.value.details}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (node("n", "sing"), "type"),
        (node("n", "delay", duration="3 days"), "data.duration"),
        (node("n", "delay"), "data.duration"),
        (node("n", "delay", duration="3d", until="09:00"), "data.duration"),
        (node("n", "delay", until="25:00"), "data.until"),
        (node("n", "delay", duration="1d", colour="red"), "data.colour"),
        (node("n", "wait_until", eventType="x", timeout="soon"), "data.timeout"),
        (node("n", "wait_until", rules={"type": "nonsense"}), "data.rules.type"),
        (node("n", "branch", rules={"operator": "AND", "conditions": []}), "data.rules.conditions"),
        (node("n", "branch", branches=[{"name": "else", "rules": PRO}]), "data.branches"),
        (node("n", "split", branches=[B, B | {"name": "a"}]), "data.branches"),
        (node("n", "split", branches=[{"name": "a", "weight": -1}, B]), "data.branches[0].weight"),
        (node("n", "update_contact", fields={"score": 5}), "data.fields.score"),
        (node("n", "tag", tag="  "), "data.tag"),
        (node("n", "add_to_segment", segmentId="seg_1"), "data.segmentId"),
        (node("n", "add_to_segment", segmentId=show("seg", 7)), "data.segmentId"),
        (node("n", "emit_event", eventType=""), "data.eventType"),
        (node("n", "goal", eventType="x", rules=PRO), "data.eventType"),
        (node("", "exit"), "id"),
        ({"id": "n", "type": "exit", "data": []}, "data"),
    ],
)
def test_a_node_that_can_never_be_right_is_refused_even_in_a_draft(world, broken, path):
    assert refused(world, False, workflow=workflow([broken], [])) == {f"workflow.nodes[0].{path}"}


@pytest.mark.parametrize(
    ("flow", "path"),
    [
        (workflow([], []), "workflow.nodes"),
        (workflow([node("a", "exit"), node("b", "exit")], []), "workflow.nodes"),
        (workflow([node("a", "branch", rules=PRO), node("b", "exit")], [edge("a", "b", "yes")]), "workflow.nodes[0]"),
        (
            workflow(
                [node("e", "exit"), node("a", "tag", tag="a"), node("b", "tag", tag="b")],
                [edge("a", "b"), edge("b", "a")],
            ),
            "workflow.nodes[1]",
        ),
        (
            workflow(
                [node("i", "tag", tag="i"), node("a", "wait_until", rules=PRO), node("b", "tag", tag="b")],
                [edge("i", "a"), edge("a", "b"), edge("b", "a")],
            ),
            "workflow.nodes[1]",
        ),
    ],
)
def test_a_workflow_that_is_not_finished_can_be_saved_but_not_go_live(world, flow, path):
    draft = world.change(lambda room: editing.create(room, {"name": "x", "workflow": flow}))
    assert path in refused(world, True, workflow=flow)
    with pytest.raises(Invalid):
        world.change(lambda room: editing.edit(room, draft.id, {"status": "ACTIVE"}))


@pytest.mark.parametrize(
    "edges",
    [[edge("a", "zz")], [edge("zz", "a")], [edge("a", "b", "yes")], [edge("a", "b"), edge("a", "b")], [edge("b", "a")]],
)
def test_an_edge_that_leads_nowhere_is_refused(world, edges):
    (path,) = refused(world, False, workflow=workflow([node("a", "tag", tag="a"), node("b", "exit")], edges))
    assert path.startswith("workflow.edges[")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"triggers": [{"type": "SOMETIMES"}]}, "triggers[0].type"),
        ({"triggers": [{"type": "EVENT"}]}, "triggers[0].eventType"),
        ({"triggers": [{"type": "SEGMENT_ENTERED", "segmentId": show("seg", 9)}]}, "triggers[0].segmentId"),
        ({"triggers": [{"type": "SCORE_CROSSED", "threshold": "5"}]}, "triggers[0].threshold"),
        ({"settings": {"reentry": "SOMETIMES"}}, "settings.reentry"),
        ({"settings": {"minInterval": "1y"}}, "settings.minInterval"),
        ({"settings": {"entryKey": "attributes.plan"}}, "settings.entryKey"),
        ({"settings": {"exitOn": [{}]}}, "settings.exitOn[0].eventType"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"start_at": 5, "end_at": 5}, "endAt"),
    ],
)
def test_triggers_and_settings_are_refused_by_path(world, fields, path):
    assert refused(world, False, **fields) == {path}


def test_a_list_that_follows_rules_cannot_be_added_to(world):
    dynamic = world.segment(PRO)
    flow = chain(node("n", "add_to_segment", segmentId=show("seg", dynamic)))
    assert refused(world, False, workflow=flow) == {"workflow.nodes[0].data.segmentId"}


def test_only_a_campaign_that_nobody_is_in_can_be_deleted(world):
    campaign = world.campaign(SIGNUP, workflow=A_DAY)
    _, run = sign_up(world)

    def remove(room):
        editing.remove(room, campaign)

    with pytest.raises(Conflict, match="ACTIVE"):
        world.change(remove)
    world.change(lambda room: editing.edit(room, campaign, {"status": "COMPLETED"}))
    with pytest.raises(Conflict, match="still in"):
        world.change(remove)
    world.forward(DAY)
    world.change(remove)
    assert run_of(world, run).status == "COMPLETED"


def test_a_fault_names_its_node(world):
    flow = workflow([node("first", "exit"), node("later", "delay", duration="soon")], [])
    with pytest.raises(Invalid) as caught:
        world.change(lambda room: editing.create(room, {"name": "x", "workflow": flow}))
    (detail,) = caught.value.details
    assert detail.path == "workflow.nodes[1].data.duration"
    assert detail.message.endswith("(node later)")
