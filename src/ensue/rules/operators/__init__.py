"""The operators, found by their place: every module here that has `OPERATORS` contributes them."""

import importlib
import pkgutil

from ensue.rules.operator import Operator


def _found() -> dict[str, Operator]:
    found: dict[str, Operator] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        for operator in importlib.import_module(f"{__name__}.{module.name}").OPERATORS:
            found[operator.name] = operator
    return found


OPERATORS = _found()
