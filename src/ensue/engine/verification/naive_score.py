"""The lead score read literally: every contribution from all its matches, one step of time after the other.

This is what the kept standings are held against, in tests and by `ensue verify`. It shares nothing with
`engine.contribution` but the types.
"""

from collections.abc import Iterable

from ensue.engine.scoring.contribution import Match, Versions
from ensue.model.score import ScoringRule


def contribution(versions: Versions, matches: Iterable[Match], at: int) -> int:
    """What a rule contributes at an instant, given its matches in any order."""
    points = 0
    last: Match | None = None
    counted_at: int | None = None
    for match in sorted(matches):
        rule = versions[match.version]
        if last is not None:
            points = _aged(versions[last.version], points, last.at, match.at)
        waits = counted_at is not None and rule.cooldown is not None and match.at < counted_at + rule.cooldown
        if not waits and not (rule.once and counted_at is not None):
            points = _within(rule, points + rule.delta)
            counted_at = match.at
        last = match
    return points if last is None else _aged(versions[last.version], points, last.at, at)


def next_change(versions: Versions, matches: Iterable[Match], at: int) -> int | None:
    """The first instant after `at` at which the contribution is another one with no new match, or None."""
    known = sorted(matches)
    if not known:
        return None
    period = versions[known[-1].version].decay_period
    if not period or not versions[known[-1].version].decay_points:
        return None
    step = known[-1].at
    while step <= at:
        step += period
    # Steps are of one size until they end, so a step that changes nothing is followed by none that does.
    return step if contribution(versions, known, step) != contribution(versions, known, at) else None


def _aged(rule: ScoringRule, points: int, since: int, at: int) -> int:
    if not rule.decay_points or not rule.decay_period:
        return points
    step = since + rule.decay_period
    while step <= at:
        fewer = _one_step(rule, points, rule.decay_points)
        if fewer == points:
            break
        points, step = fewer, step + rule.decay_period
    return points


def _one_step(rule: ScoringRule, points: int, size: int) -> int:
    if points > 0:
        least = rule.min_score if rule.min_score is not None and rule.min_score > 0 else 0
        return points if points <= least else max(points - size, least)
    if points < 0:
        most = rule.max_score if rule.max_score is not None and rule.max_score < 0 else 0
        return points if points >= most else min(points + size, most)
    return 0


def _within(rule: ScoringRule, points: int) -> int:
    if rule.max_score is not None and points > rule.max_score:
        points = rule.max_score
    if rule.min_score is not None and points < rule.min_score:
        points = rule.min_score
    return points
