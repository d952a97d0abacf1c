"""The types of node, found by their place: every module here that has `TYPE` and `read`."""

import importlib
import pkgutil
from collections.abc import Callable

from ensue.engine.campaigns.node import Node
from ensue.rules.faults import Reader


def _found() -> dict[str, Callable[[Reader], Node | None]]:
    found: dict[str, Callable[[Reader], Node | None]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        step = importlib.import_module(f"{__name__}.{module.name}")
        found[step.TYPE] = step.read
    return found


STEPS = _found()
