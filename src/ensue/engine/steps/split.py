"""`split`: share contacts out by weight, for A/B tests. The same contact always goes the same way.

    {"branches": [{"name": "a", "weight": 50}, {"name": "b", "weight": 50}],
     "test": {"metric": "GOAL"|"OPENED"|"CLICKED", "decide": {"after": "3d", "entered": 1000}?}?}

A test compares the branches by the share of those who reach a goal, open or click. Once a branch has won, by hand or by
`decide` (after so long, from so many on; both, when both are said), whoever comes to the split for the first time takes
it; whoever was there before goes the way that it went.
"""

from dataclasses import dataclass

from ensue.base import bounds
from ensue.engine.campaigns.node import Node, Outcome, Passed, Run
from ensue.rules.facts import MISSING
from ensue.rules.faults import Reader

TYPE = "split"
METRICS = ["GOAL", "OPENED", "CLICKED"]


@dataclass(frozen=True, slots=True)
class Test:
    """What the branches are compared by, and when that decides: `after` so long (ms), from `entered` contacts on."""

    metric: str
    after: int | None = None
    entered: int | None = None


@dataclass(frozen=True)
class Split(Node):
    """Names and weights."""

    ways: tuple[tuple[str, int], ...]
    test: Test | None = None

    @property
    def branches(self) -> tuple[str | None, ...]:
        """Every way."""
        return tuple(name for name, _ in self.ways)

    def run(self, run: Run) -> Outcome:
        """Take the way that the draw falls on, unless another was taken before or has won."""
        won, before = run.winner(), run.branch_before()
        if before in self.branches:
            return Passed("SPLIT", before, {"branch": before} if won is None else {"branch": before, "again": True})
        if won in self.branches:
            return Passed("SPLIT", won, {"branch": won, "won": True})
        if self.test is not None and self.test.entered is not None:
            run.count_entry(self.test.entered, self.test.after or 0)
        drawn = run.draw(sum(weight for _, weight in self.ways))
        for name, weight in self.ways:
            drawn -= weight
            if drawn < 0:
                return Passed("SPLIT", name, {"branch": name})
        raise AssertionError("a draw is below the sum of the weights")


def read(reader: Reader) -> Node | None:
    """The node of its data."""
    branches = reader.required("branches")
    test = _read_test(reader)
    if not isinstance(branches, list) or not 2 <= len(branches) <= bounds.WORKFLOW_BRANCHES:
        reader.fault("branches", f"must be a list of 2 to {bounds.WORKFLOW_BRANCHES} branches")
        return None
    ways = [way for at, value in enumerate(branches) if (way := _way(reader, at, value)) is not None]
    if len({name for name, _ in ways}) != len(ways):
        reader.fault("branches", "must have names that differ from each other")
    if reader.sound and not any(weight for _, weight in ways):
        reader.fault("branches", "must not all have the weight 0")
    return Split(tuple(ways), test) if reader.sound else None


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


def _read_test(reader: Reader) -> Test | None:
    value = reader.optional("test")
    if value is MISSING:
        return None
    if not isinstance(value, dict):
        reader.fault("test", "must be an object with metric and perhaps decide")
        return None
    inner = Reader(value, reader.at("test"), reader.faults)
    metric, decide = inner.one_of("metric", METRICS), inner.optional("decide")
    inner.close()
    if decide is MISSING or metric is None:
        return Test(metric) if metric is not None else None
    if not isinstance(decide, dict) or not decide:
        inner.fault("decide", "must be an object with after, entered or both")
        return None
    how = Reader(decide, inner.at("decide"), reader.faults)
    after = None if how.optional("after") is MISSING else how.duration("after")
    entered = how.optional("entered")
    if entered is not MISSING and (type(entered) is not int or not 1 <= entered <= bounds.SPLIT_ENTERED):
        how.fault("entered", f"must be a whole number from 1 to {bounds.SPLIT_ENTERED}")
    how.close()
    return Test(metric, after, entered if type(entered) is int else None)
