"""What one scoring rule contributes to one contact's score: pure arithmetic over its matches in time order.

The contribution is a function of the matching events sorted by (timestamp, id), whatever order they arrived in.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ensue.model.score import ScoringRule


class Standing(NamedTuple):
    """Where a rule stands after its newest match (`matched_at`, `matched_id`). `steps` of decay have been taken since;
    `counted_at` is the newest match that neither cooldown nor `once` held back."""

    points: int
    matched_at: int
    matched_id: int
    counted_at: int
    steps: int


class Match(NamedTuple):
    """One matching event. `delta` is what the rule asked for then."""

    at: int
    event_id: int
    delta: int


def in_any_order(rule: ScoringRule) -> bool:
    """Whether the order of matches makes no difference: nothing clamps, decays, waits or happens once."""
    return (
        rule.max_score is None
        and rule.min_score is None
        and not rule.decay_points
        and rule.cooldown is None
        and not rule.once
    )


def settle(rule: ScoringRule, standing: Standing, at: int) -> Standing:
    """Take the decay steps that lie between the last match and an instant."""
    if not rule.decay_points or not rule.decay_period:
        return standing
    steps = max((at - standing.matched_at) // rule.decay_period, standing.steps)
    points = _decayed(rule, standing.points, steps - standing.steps)
    return standing._replace(points=points, steps=steps)


def next_decay(rule: ScoringRule, standing: Standing | None) -> int | None:
    """The instant of the next step that still takes points away, or None."""
    if standing is None or not rule.decay_points or not rule.decay_period:
        return None
    if _decayed(rule, standing.points, 1) == standing.points:
        return None
    return standing.matched_at + (standing.steps + 1) * rule.decay_period


def count(rule: ScoringRule, standing: Standing | None, match: Match) -> Standing:
    """Add a match that is not older than the last one."""
    if standing is None:
        return Standing(_clamped(rule, match.delta), match.at, match.event_id, match.at, 0)
    standing = settle(rule, standing, match.at)
    if rule.once:
        return standing
    if rule.cooldown is not None and match.at - standing.counted_at < rule.cooldown:
        return Standing(standing.points, match.at, match.event_id, standing.counted_at, 0)
    return Standing(_clamped(rule, standing.points + match.delta), match.at, match.event_id, match.at, 0)


def replay(rule: ScoringRule, matches: Iterable[Match], at: int) -> Standing | None:
    """The standing at an instant after all matches, in time order."""
    standing: Standing | None = None
    for match in sorted(matches):
        standing = count(rule, standing, match)
    return settle(rule, standing, at) if standing is not None else None


def _clamped(rule: ScoringRule, points: int) -> int:
    if rule.max_score is not None:
        points = min(points, rule.max_score)
    return points if rule.min_score is None else max(points, rule.min_score)


def _decayed(rule: ScoringRule, points: int, steps: int) -> int:
    """Towards zero, never past it nor below `min_score`."""
    taken = steps * (rule.decay_points or 0)
    if points > 0:
        floor = max(0, rule.min_score) if rule.min_score is not None else 0
        return points if points <= floor else max(points - taken, floor)
    return min(points + taken, 0)
