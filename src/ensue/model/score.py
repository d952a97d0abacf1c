"""How the lead score moves."""

from typing import Any

import msgspec


class ScoringRule(msgspec.Struct, frozen=True):
    """Points for a type of event. Durations in milliseconds; `condition` is the JSON of a match, or None for always.

    `cooldown_text` is the cooldown as it was written (`24h`).
    """

    id: int
    name: str
    version: int
    active: bool
    event_type: str
    delta: int
    condition: dict[str, Any] | None = None
    max_score: int | None = None
    min_score: int | None = None
    decay_points: int | None = None
    decay_period: int | None = None
    cooldown: int | None = None
    once: bool = False
    cooldown_text: str | None = None
    created_at: int = 0
    updated_at: int = 0


class LedgerLine(msgspec.Struct, frozen=True, gc=False):
    """One change of the score, or a match that a cap or a cooldown reduced to nothing."""

    id: int
    rule_id: int
    version: int
    cause: str
    event_id: int | None
    event_at: int | None
    at: int
    asked: int
    given: int
    before: int
    after: int
