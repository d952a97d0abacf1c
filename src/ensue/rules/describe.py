"""A rule in English."""

from ensue.rules.condition import Condition
from ensue.rules.rule import Rule, Tree
from ensue.rules.wording import tree_text


def describe(rule: Rule | Tree) -> str:
    """One sentence for a rule, a group or a condition, without a full stop."""
    return tree_text(rule.tree if isinstance(rule, Rule) else rule, _leaf_text)


def _leaf_text(condition: Condition) -> str:
    return condition.describe()
