"""What a node of a workflow is: how it runs, what it may do, and what it says when it has run.

Each type of node is one file in `steps/`, which has `TYPE` and `read`: from the JSON of a node's `data` to a `Node`.
"""

from typing import Any, NamedTuple, Protocol

from ensue.engine.campaigns.criterion import Criterion
from ensue.engine.messages.orders import Order, Refused
from ensue.model.effects import Effects
from ensue.model.message import Message
from ensue.rules.facts import Facts
from ensue.rules.rule import Rule


class Passed(NamedTuple):
    """The node is done; on along a branch. `outcome` and `detail` are kept in the log."""

    outcome: str
    branch: str | None = None
    detail: dict[str, Any] | None = None


MET = "MET"
"""The outcome of a node that got what it waited for."""


class Waits(NamedTuple):
    """The node is not done. It wants to be run again at its deadline, and when a rule could change before."""

    deadline: int | None
    flips_at: int | None = None


class Ends(NamedTuple):
    """The enrolment leaves here."""

    reason: str


Outcome = Passed | Waits | Ends


class Run(Protocol):
    """What a node knows and may do while it runs. Every act is as of `at` and in the running transaction."""

    @property
    def at(self) -> int:
        """The instant."""
        ...

    @property
    def deadline(self) -> int | None:
        """The deadline that this node gave when it began to wait here; None when it runs for the first time."""
        ...

    @property
    def facts(self) -> Facts:
        """The contact."""
        ...

    def draw(self, total: int) -> int:
        """A number below `total` that is always the same for this campaign, node and contact."""
        ...

    def winner(self) -> str | None:
        """The branch that has won at this node; None while none has."""
        ...

    def branch_before(self) -> str | None:
        """The branch that the contact took when it first came to this node; None when the draw says the same anyway."""
        ...

    def count_entry(self, size: int, after: int) -> None:
        """Count the contact for the test at this node, which may be decided `after` (ms) its start, from `size` on."""
        ...

    def update(self, fields: dict[str, Any]) -> Effects:
        """Set fields of the contact, by their API names."""
        ...

    def tag(self, name: str, *, present: bool) -> Effects:
        """Put a tag on the contact or take it off."""
        ...

    def list_in(self, segment_id: int, *, member: bool) -> Effects:
        """Put the contact on the list of a STATIC segment, or take it off."""
        ...

    def emit(self, event_type: str, metadata: dict[str, Any]) -> Effects:
        """Let an event of the contact happen."""
        ...

    def send(self, order: Order) -> list[Message] | Refused:
        """Queue a message to the contact, one for each of its devices where the channel has devices."""
        ...


class Node:
    """A node, read and found sound; immutable. The defaults are those of a node that acts and goes on."""

    @property
    def branches(self) -> tuple[str | None, ...]:
        """The branches it can take; None is the edge that names none. With several, each must have its edge."""
        return (None,)

    @property
    def always_waits(self) -> bool:
        """Whether it never passes at the instant at which it is reached, so that a circle may go through it."""
        return False

    @property
    def moves(self) -> bool:
        """Whether a pause of the campaign moves its deadline."""
        return True

    @property
    def awaits(self) -> Criterion | None:
        """What lets it pass while it waits. An event is brought to its attention; rules it asks when it is run."""
        return None

    @property
    def target(self) -> Criterion | None:
        """What lets an enrolment that is still before this node jump behind it."""
        return None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Rules that it asks once, when it is reached."""
        return ()

    @property
    def segments(self) -> frozenset[int]:
        """The STATIC segments that it changes."""
        return frozenset()

    def run(self, run: Run) -> Outcome:
        """Do what the node is for. A node that waits is run again and again, and changes nothing meanwhile.

        Raises:
            EnsueError: it cannot be done; the enrolment fails with this sentence, and nothing was changed.
        """
        raise NotImplementedError
