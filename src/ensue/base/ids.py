"""Ids: one time-ordered 63-bit integer inside, a prefix and 13 letters outside.

The integer is 42 bits of milliseconds since 2020, 9 bits of node and 12 bits of counter, so it is
primary key, creation order and public id at once. Outside it is written in Crockford's base32
(lower case), which keeps the order: `evt_01c5v9s4e0000`.
"""

import threading

from ensue.base.clock import Clock

EPOCH = 1_577_836_800_000  # 2020-01-01T00:00:00Z
NODES = 512
_COUNTERS = 4096
_TICK = NODES * _COUNTERS

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TRIPLES = [a + b + c for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
_TRIPLE_VALUES = {triple: value for value, triple in enumerate(_TRIPLES)}
_LETTERS = 13


class Ids:
    """Hands out ids that only ever grow, even when the clock steps back or stands still."""

    def __init__(self, clock: Clock, node: int = 0, floor: int = 0) -> None:
        """`floor` is the largest id handed out before, so that a restart goes on above it."""
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0 to {NODES - 1}")
        self._clock = clock
        self._node = node * _COUNTERS
        self._tick = floor // _TICK
        self._counter = _COUNTERS - 1 if floor else -1

    def instant(self) -> int:
        """The present instant, which never goes back: at least that of the newest id."""
        return max(self._clock.now(), self._tick + EPOCH)

    @property
    def newest(self) -> int:
        """The newest id that was handed out; below 0 when there is none."""
        return self._tick * _TICK + self._node + self._counter

    def go_above(self, floor: int) -> None:
        """Hand out nothing below an id that another node may have handed out."""
        if floor > max(self.newest, 0):
            # The rest of that millisecond may be another node's.
            self._tick, self._counter = floor // _TICK, _COUNTERS - 1

    def next(self) -> int:
        """The next id, larger than every one before."""
        tick = self._clock.now() - EPOCH
        if tick > self._tick:
            self._tick = tick
            self._counter = 0
        elif self._counter < _COUNTERS - 1:
            self._counter += 1
        else:
            # More than 4096 in one millisecond: borrow from the next one.
            self._tick += 1
            self._counter = 0
        return self._tick * _TICK + self._node + self._counter

    def handed_out(self, number: int, after: int) -> bool:
        """Whether an id is this node's own and younger than another one."""
        return number > after and number % _TICK // _COUNTERS * _COUNTERS == self._node


class SharedIds(Ids):
    """Ids for several threads at once."""

    def __init__(self, clock: Clock, node: int = 0, floor: int = 0) -> None:
        super().__init__(clock, node, floor)
        self._lock = threading.Lock()

    def next(self) -> int:
        """The next id, larger than every one before."""
        with self._lock:
            return super().next()

    def go_above(self, floor: int) -> None:
        """Hand out nothing below an id that another node may have handed out."""
        with self._lock:
            super().go_above(floor)


def id_at(instant: int) -> int:
    """The smallest id that can have been made at an instant."""
    return max(instant - EPOCH, 0) * _TICK


def show(prefix: str, number: int) -> str:
    """`show("evt", 123)` is the public form of an id."""
    return (
        f"{prefix}_{_ALPHABET[number >> 60]}{_TRIPLES[number >> 45 & 32767]}{_TRIPLES[number >> 30 & 32767]}"
        f"{_TRIPLES[number >> 15 & 32767]}{_TRIPLES[number & 32767]}"
    )


def read(prefix: str, text: str) -> int | None:
    """The integer of a public id, or None when the text is no id with that prefix."""
    start = len(prefix) + 1
    if len(text) != start + _LETTERS or not text.startswith(prefix) or text[start - 1] != "_":
        return None
    head = _ALPHABET.find(text[start])
    if not 0 <= head < 8:
        return None
    number = head
    for at in range(start + 1, start + _LETTERS, 3):
        value = _TRIPLE_VALUES.get(text[at : at + 3])
        if value is None:
            return None
        number = number << 15 | value
    return number
