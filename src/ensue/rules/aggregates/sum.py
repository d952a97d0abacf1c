"""sum: the exact sum of a numeric property; 0 over no events."""

from collections.abc import Iterable

from ensue.rules import exact
from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.totals import TotalEver, TotalWithin
from ensue.rules.values import number


def _reading(_count: int, total: exact.Exact) -> float:
    return exact.value(total)


def _build(source: Source, comparison: Comparison) -> Aggregate:
    if source.window.span is None:
        return TotalEver(_reading, comparison.test)
    return TotalWithin(source, _reading, comparison.test)


def _observe(values: Iterable[float]) -> float:
    total = [0, 0]
    for value in values:
        exact.add(total, value)
    return exact.value(total)


AGGREGATE = AggregateKind(
    name="sum",
    reads_property=True,
    take=number,
    may_be_missing=False,
    build=_build,
    observe=_observe,
    phrase="the sum of {property} over {events}",
    doc="The exact sum of the property; 0 over no events.",
)
