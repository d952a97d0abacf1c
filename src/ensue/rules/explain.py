"""Why a rule holds for a contact, or does not: the rule's tree with what each condition saw."""

from typing import Any

from ensue.base import ids
from ensue.base.clock import to_iso
from ensue.rules.condition import Condition
from ensue.rules.facts import Facts
from ensue.rules.rule import Rule, Tree, evaluate
from ensue.rules.tree import Group
from ensue.rules.verdict import Verdict


def explain(rule: Rule, facts: Facts, now: int) -> dict[str, Any]:
    """The rule's tree as JSON, with the answer and the horizon of every node at `now` (ms).

    Reads the log at length, so it is for people who ask, not for the path of an event.
    """
    return _explain(rule.tree, facts, now)


def _explain(tree: Tree, facts: Facts, now: int) -> dict[str, Any]:
    verdict = evaluate(tree, facts, now)
    if not isinstance(tree, Group):
        return _leaf(tree, verdict, facts, now)
    return {
        "operator": tree.operator,
        **_answer(verdict),
        "conditions": [_explain(condition, facts, now) for condition in tree.conditions],
    }


def _leaf(condition: Condition, verdict: Verdict, facts: Facts, now: int) -> dict[str, Any]:
    observation = condition.observe(facts, now)
    return {
        "condition": condition.json,
        **_answer(verdict),
        "sentence": condition.describe(),
        "observed": observation.observed,
        "needed": observation.needed,
        "evidence": [ids.show("evt", event_id) for event_id in observation.evidence],
    }


def _answer(verdict: Verdict) -> dict[str, Any]:
    return {"holds": verdict.holds, "flipsAt": None if verdict.flips_at is None else to_iso(verdict.flips_at)}
