"""`split`: share contacts out by weight, for A/B tests. The same contact always goes the same way.

`{"branches": [{"name": "a", "weight": 50}, {"name": "b", "weight": 50}]}`
"""

from dataclasses import dataclass

from ensue.base import bounds
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules.faults import Reader

TYPE = "split"


@dataclass(frozen=True)
class Split(Node):
    """Names and weights."""

    ways: tuple[tuple[str, int], ...]

    @property
    def branches(self) -> tuple[str | None, ...]:
        """Every way."""
        return tuple(name for name, _ in self.ways)

    def run(self, run: Run) -> Outcome:
        """Take the way that the draw falls on."""
        drawn = run.draw(sum(weight for _, weight in self.ways))
        for name, weight in self.ways:
            drawn -= weight
            if drawn < 0:
                return Passed("SPLIT", name, {"branch": name})
        raise AssertionError("a draw is below the sum of the weights")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    branches = reader.required("branches")
    if not isinstance(branches, list) or not 2 <= len(branches) <= bounds.WORKFLOW_BRANCHES:
        reader.fault("branches", f"must be a list of 2 to {bounds.WORKFLOW_BRANCHES} branches")
        return None
    ways = [way for at, value in enumerate(branches) if (way := _way(reader, at, value)) is not None]
    if len({name for name, _ in ways}) != len(ways):
        reader.fault("branches", "must have names that differ from each other")
    if reader.sound and not any(weight for _, weight in ways):
        reader.fault("branches", "must not all have the weight 0")
    return Split(tuple(ways)) if reader.sound else None


def _way(reader: Reader, at: int, value: object) -> tuple[str, int] | None:
    path = f"{reader.at('branches')}[{at}]"
    if not isinstance(value, dict):
        reader.faults.add(path, "must be an object with name and weight")
        return None
    inner = Reader(value, path, reader.faults)
    name, weight = inner.text("name", bounds.NODE_ID), inner.required("weight")
    if type(weight) is not int or not 0 <= weight <= bounds.SPLIT_WEIGHT:
        inner.fault("weight", f"must be a whole number from 0 to {bounds.SPLIT_WEIGHT}")
    inner.close()
    return (name, weight) if name is not None and type(weight) is int else None
