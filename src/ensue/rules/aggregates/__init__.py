"""The aggregates of an event condition, found by their place: every module here that has `AGGREGATE`."""

import importlib
import pkgutil

from ensue.rules.aggregate import AggregateKind


def _found() -> dict[str, AggregateKind]:
    found: dict[str, AggregateKind] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        kind: AggregateKind = importlib.import_module(f"{__name__}.{module.name}").AGGREGATE
        found[kind.name] = kind
    return found


AGGREGATES = _found()
