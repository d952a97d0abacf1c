"""What one scoring rule contributes to one contact's score: pure arithmetic over its matches in time order.

The contribution is a function of the matching events sorted by (timestamp, id), whatever order they arrived in. Each
match keeps the version of the rule under which it arrived: that version's points, caps and cooldown count it, and
what stands after it decays by that version's terms. So an edited rule changes nothing that was given before.
"""

from bisect import bisect
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ensue.model.score import LedgerLine, ScoringRule

Versions = Mapping[int, ScoringRule]
"""A rule at each of its versions."""


ANEW = frozenset({"REBUILD", "MERGE"})
"""A ledger line of such a cause without an event takes back what stood; the matches after it are those that count."""


class Standing(NamedTuple):
    """Where a rule stands with a contact.

    Attributes:
        points: the contribution right after the newest match, before any decay.
        matched_at: the timestamp of the newest match.
        matched_id: its event.
        counted_at: the newest match that neither a cooldown nor `once` held back.
        version: of the rule, at the newest match.
        shown: what the contact's score has of it by now.
    """

    points: int
    matched_at: int
    matched_id: int
    counted_at: int
    version: int
    shown: int


class Match(NamedTuple):
    """One matching event, and the version of the rule that it arrived under."""

    at: int
    event_id: int
    version: int


def matches_of(lines: Iterable[LedgerLine]) -> list[Match]:
    """The matches among a rule's ledger lines, oldest line first: those since the last one that began anew."""
    found: list[Match] = []
    for line in lines:
        if line.event_id is not None and line.event_at is not None:
            found.append(Match(line.event_at, line.event_id, line.version))
        elif line.cause in ANEW:
            found = []
    return found


def order_matters(rule: ScoringRule) -> bool:
    """Whether matches must be counted in time order: something clamps, decays, waits or happens once."""
    return bool(
        rule.max_score is not None
        or rule.min_score is not None
        or rule.decay_points
        or rule.cooldown is not None
        or rule.once
    )


def points_at(versions: Versions, standing: Standing, at: int) -> int:
    """The contribution at an instant not before the newest match, decayed by all steps that lie between."""
    rule = versions[standing.version]
    if not rule.decay_period or at - standing.matched_at < rule.decay_period:
        return standing.points
    return _decayed(rule, standing.points, _steps(versions, standing, at))


def next_decay(versions: Versions, standing: Standing | None, at: int) -> int | None:
    """The first instant after `at` at which decay changes the contribution, or None."""
    if standing is None:
        return None
    rule = versions[standing.version]
    if not rule.decay_points or not rule.decay_period:
        return None
    steps = _steps(versions, standing, at)
    if _decayed(rule, standing.points, steps + 1) == _decayed(rule, standing.points, steps):
        return None
    return standing.matched_at + (steps + 1) * rule.decay_period


def follows(standing: Standing, match: Match) -> bool:
    """Whether a match comes after all the ones that are counted."""
    return (match.at, match.event_id) > (standing.matched_at, standing.matched_id)


def count(versions: Versions, standing: Standing | None, match: Match) -> Standing:
    """Add a match that follows the others. One that is held back gives nothing, but decay begins anew from it."""
    rule = versions[match.version]
    if standing is None:
        return Standing(_clamped(rule, rule.delta), match.at, match.event_id, match.at, match.version, 0)
    points = points_at(versions, standing, match.at)
    counted_at = standing.counted_at
    if not _held_back(rule, standing, match):
        points, counted_at = _clamped(rule, points + rule.delta), match.at
    return Standing(points, match.at, match.event_id, counted_at, match.version, standing.shown)


def add_anywhere(versions: Versions, standing: Standing, match: Match) -> Standing:
    """Add a late match when order matters at no version of the rule."""
    return standing._replace(points=standing.points + versions[match.version].delta)


def replay(versions: Versions, matches: Iterable[Match]) -> Standing | None:
    """The standing after all matches; None when there is none."""
    standing: Standing | None = None
    for match in sorted(matches):
        standing = count(versions, standing, match)
    return standing


class Sum:
    """The standing after each of a rule's matches, so that a late one counts again only what it changes."""

    __slots__ = ("_matches", "_standings", "_versions")

    def __init__(self, versions: Versions, matches: Iterable[Match]) -> None:
        self._versions = versions
        self._matches: list[Match] = []
        self._standings: list[Standing] = []
        for match in sorted(matches):
            self.add(match)

    def add(self, match: Match) -> Standing:
        """Take in one more match, wherever it belongs. Returns the standing after all of them."""
        place = bisect(self._matches, match)
        standing = count(self._versions, self._standings[place - 1] if place else None, match)
        self._matches.insert(place, match)
        self._standings.insert(place, standing)
        for later in range(place + 1, len(self._matches)):
            standing = count(self._versions, standing, self._matches[later])
            if standing == self._standings[later]:
                # What the late one changed has come to nothing, as under a cap.
                break
            self._standings[later] = standing
        return self._standings[-1]


def _held_back(rule: ScoringRule, standing: Standing, match: Match) -> bool:
    return rule.once or (rule.cooldown is not None and match.at - standing.counted_at < rule.cooldown)


def _steps(versions: Versions, standing: Standing, at: int) -> int:
    period = versions[standing.version].decay_period
    return max(at - standing.matched_at, 0) // period if period else 0


def _clamped(rule: ScoringRule, points: int) -> int:
    if rule.max_score is not None:
        points = min(points, rule.max_score)
    return points if rule.min_score is None else max(points, rule.min_score)


def _decayed(rule: ScoringRule, points: int, steps: int) -> int:
    """Towards zero, never past it, and never out of the range of the rule."""
    taken = steps * (rule.decay_points or 0)
    if points > 0:
        floor = max(0, rule.min_score or 0)
        return max(points - taken, min(points, floor))
    ceiling = min(0, rule.max_score or 0)
    return min(points + taken, max(points, ceiling))
