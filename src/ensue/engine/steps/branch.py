"""`branch`: go one way or another by what is true of the contact now.

`{"rules": group}` takes `yes` or `no`; `{"branches": [{"name", "rules"}, …]}` takes the first that holds, or `else`.
"""

from dataclasses import dataclass

from ensue.base import bounds
from ensue.engine.campaigns.criterion import read_rule
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader
from ensue.rules.rule import Rule

TYPE = "branch"


@dataclass(frozen=True)
class Branch(Node):
    """Rules with the branch that each leads to, and where else to go."""

    ways: tuple[tuple[str, Rule], ...]
    otherwise: str

    @property
    def branches(self) -> tuple[str | None, ...]:
        """Every way."""
        return (*(name for name, _ in self.ways), self.otherwise)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every way's."""
        return tuple(rule for _, rule in self.ways)

    def run(self, run: Run) -> Outcome:
        """Take the first way whose rule holds."""
        for name, rule in self.ways:
            if rule.evaluate(run.facts, run.at).holds:
                return Passed("BRANCHED", name, {"branch": name})
        return Passed("BRANCHED", self.otherwise, {"branch": self.otherwise})


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    branches = reader.optional("branches")
    if branches is MISSING:
        rule = read_rule(reader, "rules")
        return Branch((("yes", rule),), "no") if rule is not None else None
    if not isinstance(branches, list) or not 0 < len(branches) <= bounds.WORKFLOW_BRANCHES:
        reader.fault("branches", f"must be a list of 1 to {bounds.WORKFLOW_BRANCHES} branches")
        return None
    ways = [way for at, value in enumerate(branches) if (way := _way(reader, at, value)) is not None]
    names = [name for name, _ in ways]
    if len({*names, "else"}) != len(names) + 1:
        reader.fault("branches", "must have names that differ from each other and from else")
    return Branch(tuple(ways), "else") if reader.sound else None


def _way(reader: Reader, at: int, value: object) -> tuple[str, Rule] | None:
    path = f"{reader.at('branches')}[{at}]"
    if not isinstance(value, dict):
        reader.faults.add(path, "must be an object with name and rules")
        return None
    inner = Reader(value, path, reader.faults)
    name, rule = inner.text("name", bounds.NODE_ID), read_rule(inner, "rules")
    inner.close()
    return (name, rule) if name is not None and rule is not None else None
