"""The condition types, found by their place: every module here that has `TYPE` and `parse`."""

import importlib
import pkgutil
from collections.abc import Callable

from ensue.rules.condition import Condition
from ensue.rules.faults import Reader


def _found() -> dict[str, Callable[[Reader], Condition | None]]:
    found: dict[str, Callable[[Reader], Condition | None]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        kind = importlib.import_module(f"{__name__}.{module.name}")
        found[kind.TYPE] = kind.parse
    return found


PARSERS = _found()
