"""avg: the exact sum of a numeric property over the number of events; missing over none."""

from collections.abc import Iterable

from ensue.rules import exact
from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.facts import MISSING
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.totals import TotalEver, TotalWithin
from ensue.rules.values import number


def _reading(count: int, total: exact.Exact) -> object:
    return exact.value(total, count) if count else MISSING


def _build(source: Source, comparison: Comparison) -> Aggregate:
    if source.window.span is None:
        return TotalEver(_reading, comparison.test)
    return TotalWithin(source, _reading, comparison.test)


def _observe(values: Iterable[float]) -> object:
    count, total = 0, [0, 0]
    for value in values:
        exact.add(total, value)
        count += 1
    return _reading(count, total)


AGGREGATE = AggregateKind(
    name="avg",
    reads_property=True,
    take=number,
    may_be_missing=True,
    build=_build,
    observe=_observe,
    phrase="the average {property} over {events}",
    doc="The average of the property; missing over no events.",
)
