"""What an operator is, and a comparison: an operator with its value, compiled to a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ensue.rules.facts import MISSING
from ensue.rules.values import Kind

Test = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator.

    Attributes:
        name: as it stands in a rule.
        kinds: the kinds of field it can be asked of; asked of another it is refused when the rule is saved.
        fault: what is wrong with a rule's value for it, or None; None itself when it takes no value.
        compile: the rule's value to a test of a field's value.
        phrase: in a sentence after a field's name: `is over {}`.
        quantity: in a sentence before a number of times, `more than {}`; None when it cannot compare an aggregate.
        doc: one line of the reference.
    """

    name: str
    kinds: frozenset[Kind]
    fault: Callable[[object], str | None] | None
    compile: Callable[[Any], Test]
    phrase: str
    doc: str
    quantity: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator with its value. `test` is what runs."""

    operator: Operator
    value: Any
    test: Test

    @property
    def numbers(self) -> list[Any]:
        """The rule's value as a list, empty when the operator takes none."""
        if self.operator.fault is None:
            return []
        return list(self.value) if isinstance(self.value, list) else [self.value]

    @property
    def needed(self) -> dict[str, Any]:
        """The operator and its value as JSON."""
        written = {"operator": self.operator.name}
        return written if self.value is MISSING else {**written, "value": self.value}
