"""A/B tests: what each branch led to, who wins by hand or by itself, and who goes where after that."""

import pytest

from ensue.base import bounds
from ensue.base.clock import DAY, HOUR
from ensue.base.errors import Invalid, NotFound
from ensue.engine.campaigns import editing, split_tests
from ensue.model.split_test import BranchResult
from tests.engine.flow import chain, edge, node, steps_of, workflow

SIGNUP = {"type": "EVENT", "eventType": "signup"}
WAYS = [{"name": "a", "weight": 50}, {"name": "b", "weight": 50}]


def shop(test=None, ways=WAYS):
    split = node("half", "split", branches=ways, **({"test": test} if test is not None else {}))
    nodes = [split, node("ta", "tag", tag="a"), node("tb", "tag", tag="b"), node("buy", "wait_until", eventType="buy")]
    nodes += [node("sold", "goal", eventType="buy")]
    edges = [
        edge("half", "ta", "a"),
        edge("half", "tb", "b"),
        edge("ta", "buy"),
        edge("tb", "buy"),
        edge("buy", "sold"),
    ]
    return workflow(nodes, edges)


def make(world, flow=None, **settings):
    fields = {
        "name": "c", "status": "ACTIVE", "triggers": [SIGNUP], "workflow": flow or shop(),
        "settings": {"reentry": "ALWAYS", **settings},
    }  # fmt: skip
    return world.change(lambda room: editing.create(room, fields)).id


def sign_up(world, number):
    """So many new contacts, by the branch that they took."""
    found: dict[str, list[int]] = {"a": [], "b": []}
    for _ in range(number):
        contact = world.contact()
        found[branch(world, contact)].append(contact)
    return found


def branch(world, contact):
    (enrolled,) = world.post("signup", contact).effects.enrolled
    return (steps_of(world, enrolled.enrolment_id)[0].detail or {})["branch"]


def campaign_of(world, campaign):
    return world.ask(lambda tables: tables.definitions.campaign(campaign))


def results(world, campaign):
    stored = campaign_of(world, campaign)
    found = world.ask(lambda tables: split_tests.results(tables, stored, "half"))
    return {result.name: result for result in found}


def choose(world, campaign, name):
    world.change(lambda room: split_tests.choose(room, editing.named(room, campaign), "half", name))


def stored_test(world, campaign):
    return world.ask(lambda tables: tables.split_tests.get(campaign, "half"))


def test_goals_are_counted_by_branch(world):
    campaign = make(world)
    taken = sign_up(world, 20)
    for contact in taken["a"][:3] + taken["b"][:1]:
        world.post("buy", contact)
    found = results(world, campaign)
    assert {name: (one.entered, one.goals) for name, one in found.items()} == {
        "a": (len(taken["a"]), 3),
        "b": (len(taken["b"]), 1),
    }


def test_messages_are_counted_by_branch_and_only_those_behind_the_split(world):
    mail = {"channel": "EMAIL", "subject": "Hello", "text": "Hello"}
    nodes = [node("first", "send", **mail), node("half", "split", branches=WAYS), node("ma", "send", **mail)]
    nodes.append(node("mb", "send", **mail))
    flow = workflow(nodes, [edge("first", "half"), edge("half", "ma", "a"), edge("half", "mb", "b")])
    campaign = make(world, flow)
    for at in range(12):
        world.post("signup", world.contact(email=f"{at}@example.com"))
    rows = world.rows("SELECT id, node_id FROM messages ORDER BY id")
    assert len(rows) == 24

    def reported(room):
        for at, (message, node_id) in enumerate(rows):
            room.tables.messages.advance(message, "SENT", room.now)
            if node_id in ("ma", "first"):
                room.tables.messages.advance(message, "OPENED" if at % 3 else "CLICKED", room.now)

    world.change(reported)
    found = results(world, campaign)
    assert (found["a"].sent, found["a"].opened) == (found["a"].entered, found["a"].opened)
    assert found["b"].sent == found["b"].entered
    assert (found["b"].opened, found["b"].clicked) == (0, 0)
    assert found["a"].entered + found["b"].entered == 12


def test_after_a_winner_is_chosen_newcomers_take_it_and_the_others_stay(world):
    campaign = make(world)
    before = sign_up(world, 16)
    assert before["a"]
    assert before["b"]
    choose(world, campaign, "b")
    assert sign_up(world, 8)["a"] == []
    world.post("buy", before["a"][0])
    assert branch(world, before["a"][0]) == "a"
    found = results(world, campaign)
    assert (found["a"].entered, found["b"].entered, found["b"].routed) == (len(before["a"]), len(before["b"]), 8)
    assert (stored_test(world, campaign).winner, stored_test(world, campaign).decided_by) == ("b", "MANUAL")


def test_a_choice_can_be_taken_back(world):
    campaign = make(world)
    choose(world, campaign, "b")
    routed = sign_up(world, 1)["b"][0]
    choose(world, campaign, None)
    assert sign_up(world, 20)["a"]
    assert stored_test(world, campaign).winner is None
    world.post("buy", routed)


def test_who_has_a_branch_keeps_it_when_the_weights_change(world):
    campaign = make(world)
    before = sign_up(world, 12)
    only_a = [{"name": "a", "weight": 1}, {"name": "b", "weight": 0}]
    world.change(lambda room: editing.edit(room, campaign, {"workflow": shop(ways=only_a)}))
    for contact in (before["a"][0], before["b"][0]):
        world.post("buy", contact)
    assert branch(world, before["b"][0]) == "b"
    assert branch(world, before["a"][0]) == "a"
    assert sign_up(world, 6)["b"] == []


def test_it_decides_after_a_while(world):
    campaign = make(world, shop({"metric": "GOAL", "decide": {"after": "3d"}}))
    taken = sign_up(world, 10)
    world.post("buy", taken["b"][0])
    world.forward(3 * DAY - 1)
    assert world.run_campaigns() == 0
    world.forward(1)
    world.run_campaigns()
    test = stored_test(world, campaign)
    assert (test.winner, test.decided_by, test.decided_at, test.look_at) == ("b", "AUTO", world.now, None)
    assert sign_up(world, 6)["a"] == []


def test_it_decides_from_a_number_on(world):
    campaign = make(world, shop({"metric": "GOAL", "decide": {"entered": 10}}))
    taken = sign_up(world, 9)
    world.post("buy", taken["a"][0])
    assert world.run_campaigns() == 0
    sign_up(world, 1)
    world.run_campaigns()
    assert stored_test(world, campaign).winner == "a"


def test_both_must_be_so_when_both_are_said(world):
    campaign = make(world, shop({"metric": "GOAL", "decide": {"entered": 4, "after": "1d"}}))
    taken = sign_up(world, 4)
    world.post("buy", next(filter(None, (*taken["a"], *taken["b"]))))
    assert world.run_campaigns() == 0
    world.forward(DAY)
    assert world.run_campaigns() == 1
    assert stored_test(world, campaign).winner is not None


def test_nobody_wins_with_nothing(world):
    campaign = make(world, shop({"metric": "GOAL", "decide": {"after": "1h"}}))
    taken = sign_up(world, 6)
    world.forward(HOUR)
    assert world.run_campaigns() == 1
    assert stored_test(world, campaign).look_at == world.now + bounds.SPLIT_LOOK_AGAIN
    world.post("buy", (taken["a"] + taken["b"])[0])
    world.forward(bounds.SPLIT_LOOK_AGAIN)
    world.run_campaigns()
    assert stored_test(world, campaign).winner is not None


def test_the_rate_counts_and_not_the_number(world):
    found = [("a", 100, 10), ("b", 10, 2)]
    rated = [BranchResult(name, 1, entered, 0, 0, 0, goals, 0) for name, entered, goals in found]
    assert split_tests.best("GOAL", rated) == "b"
    assert split_tests.best("OPENED", rated) is None


def test_an_edit_keeps_what_is_decided_and_drops_a_test_whose_split_is_gone(world):
    campaign = make(world, shop({"metric": "GOAL", "decide": {"after": "1h"}}))
    world.change(lambda room: editing.edit(room, campaign, {"workflow": chain(node("t", "tag", tag="x"))}))
    world.forward(HOUR)
    world.run_campaigns()
    assert (stored_test(world, campaign).winner, stored_test(world, campaign).look_at) == (None, None)


def test_what_is_not_there_cannot_be_chosen(world):
    campaign = make(world)
    with pytest.raises(Invalid):
        choose(world, campaign, "c")
    with pytest.raises(NotFound):
        world.change(lambda room: split_tests.choose(room, editing.named(room, campaign), "ta", "a"))


@pytest.mark.parametrize(
    ("test", "path"),
    [
        ("a", "test"),
        ({}, "test.metric"),
        ({"metric": "LOVE"}, "test.metric"),
        ({"metric": "GOAL", "decide": {}}, "test.decide"),
        ({"metric": "GOAL", "decide": {"after": 3}}, "test.decide.after"),
        ({"metric": "GOAL", "decide": {"entered": 0}}, "test.decide.entered"),
        ({"metric": "GOAL", "winner": "a"}, "test.winner"),
    ],
)
def test_a_test_that_cannot_be_right_is_refused(world, test, path):
    with pytest.raises(Invalid) as caught:
        make(world, shop(test))
    assert [detail.path for detail in caught.value.details] == [f"workflow.nodes[0].data.{path}"]
