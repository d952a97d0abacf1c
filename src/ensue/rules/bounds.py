"""How large a rule may be. Every bound of the language stands here and in `docs/reference/rules.md`."""

from ensue.base.clock import DAY

DEPTH = 10
NODES = 500
LIST = 200
TEXT = 2_048
EVENT_TYPE = 200
FIELD = 200
FIELD_PARTS = 8
STEPS = 10
THRESHOLD = 1_000
"""The largest value that a count in a window, or a distinct count, may be compared with."""

WHOLE = 2**53
"""Numbers up to here are exact; a larger one in a rule is refused."""

DURATION = 3_660 * DAY
ANNIVERSARY = 366 * DAY

OPEN_STARTS = 64
"""How many undecided starts an absence keeps in its state before it leaves the rest to the log."""

EVIDENCE = 20
