"""min: the smallest value of a numeric property; missing over no events."""

from collections.abc import Iterable

from ensue.rules.aggregate import Aggregate, AggregateKind
from ensue.rules.extremes import ExtremeEver, ExtremeWithin
from ensue.rules.facts import MISSING
from ensue.rules.operator import Comparison
from ensue.rules.source import Source
from ensue.rules.values import number

_SIGN = -1


def _build(source: Source, comparison: Comparison) -> Aggregate:
    if source.window.span is None:
        return ExtremeEver(_SIGN, comparison)
    return ExtremeWithin(_SIGN, source, comparison)


def _observe(values: Iterable[float]) -> object:
    return min(values, default=MISSING)


AGGREGATE = AggregateKind(
    name="min",
    reads_property=True,
    take=number,
    may_be_missing=True,
    build=_build,
    observe=_observe,
    phrase="the smallest {property} over {events}",
    doc="The smallest value of the property; missing over no events.",
)
