"""What an evaluation says: whether it holds, and until when that is certain."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """An answer with its horizon.

    `flips_at` is the next instant (ms) at which the answer could change with no new input, or None for never.
    It is always later than the instant that was asked about.
    """

    holds: bool
    flips_at: int | None


ALWAYS = Verdict(True, None)
NEVER = Verdict(False, None)
