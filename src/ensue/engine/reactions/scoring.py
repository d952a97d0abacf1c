"""The lead score: which rules an event moves, by how much, and how points decay.

Every match of a rule is a line of the ledger, also when a cap, a cooldown or `once` leaves nothing of it, so the
matches can be counted again when one arrives late. A rebuild or a merge begins a rule's matches anew with a line that
takes back what stood before; the lines after it are the matches that count.
"""

from collections.abc import Iterable

from ensue.engine.definitions import CompiledScoringRule, TypePlan
from ensue.engine.scoring.contribution import (
    Match,
    Standing,
    Sum,
    add_anywhere,
    count,
    follows,
    matches_of,
    next_decay,
    points_at,
)
from ensue.engine.subject import DECAY, Subject
from ensue.model.effects import ScoreEntry
from ensue.model.event import Event
from ensue.model.score import LedgerLine


def on_event(subject: Subject, event: Event, plan: TypePlan, at: int) -> list[ScoreEntry]:
    """Apply every rule that an event matches. All are asked before the first one moves the score."""
    matching = [c for c in plan.scoring if c.match is None or c.match.holds(event, subject)]
    given = [(c.rule.id, _count(subject, c, event, at)) for c in matching]
    return [ScoreEntry(rule_id, points) for rule_id, points in given if points]


def on_time(subject: Subject, rule_id: int, at: int) -> None:
    """Take the decay step of a rule that is due at an instant."""
    compiled = subject.room.definitions.scoring.get(rule_id)
    standing = subject.standing(compiled) if compiled is not None else None
    if compiled is None or standing is None:
        return
    shown = points_at(compiled.versions, standing, at)
    given = shown - standing.shown
    if given:
        _write(subject, compiled, standing.version, "DECAY", None, at, given, given)
    _keep(subject, compiled, standing, shown, at)


def restate(
    subject: Subject, compiled: CompiledScoringRule, found: Iterable[Match], cause: str, *, always: bool = False
) -> bool:
    """Let these be the matches of a rule from now on; False when they are already, unless it shall `always` be written.

    `cause` is REBUILD or MERGE. The score moves by the difference, as of the subject's instant.
    """
    fresh = sorted(found)
    standing = subject.standing(compiled)
    subject.sums.pop(compiled.rule.id, None)
    if not always and fresh == sorted(matches(subject, compiled)):
        return False
    at = subject.as_of
    if standing is not None:
        _write(subject, compiled, standing.version, cause, None, at, -standing.shown, -standing.shown)
    current: Standing | None = None
    for match in fresh:
        before = current.points if current is not None else 0
        current = count(compiled.versions, current, match)
        asked = compiled.versions[match.version].delta
        _write(subject, compiled, match.version, cause, match, at, asked, current.points - before)
    if current is None:
        subject.drop_standing(compiled)
        return True
    shown = points_at(compiled.versions, current, at)
    if decayed := shown - current.points:
        _write(subject, compiled, current.version, "DECAY", None, at, decayed, decayed)
    _keep(subject, compiled, current, shown, at)
    return True


def matches(subject: Subject, compiled: CompiledScoringRule) -> list[Match]:
    """The matches of a rule that count, stored or of this transaction, in the order of the ledger."""
    stored = subject.room.tables.ledger.of_rule(subject.id, compiled.rule.id)
    fresh = [line for line in subject.ledger if line.rule_id == compiled.rule.id]
    return matches_of([*stored, *fresh])


def _count(subject: Subject, compiled: CompiledScoringRule, event: Event, at: int) -> int:
    versions = compiled.versions
    standing = subject.standing(compiled)
    match = Match(event.timestamp, event.id, compiled.rule.version)
    done = subject.sums.get(compiled.rule.id)
    if done is not None:
        fresh = done.add(match)
    elif standing is None or follows(standing, match):
        fresh = count(versions, standing, match)
    elif not compiled.order_matters:
        fresh = add_anywhere(versions, standing, match)
    else:
        # A late match changes what the ones after it were worth: do the sum again.
        done = subject.sums[compiled.rule.id] = Sum(versions, matches(subject, compiled))
        fresh = done.add(match)
    shown = points_at(versions, fresh, at)
    given = shown - (standing.shown if standing is not None else 0)
    _write(subject, compiled, match.version, "EVENT", match, at, compiled.rule.delta, given)
    _keep(subject, compiled, fresh, shown, at)
    return given


def _keep(subject: Subject, compiled: CompiledScoringRule, standing: Standing, shown: int, at: int) -> None:
    subject.keep_standing(compiled, Standing(*standing[:-1], shown))
    subject.arm(DECAY, compiled.rule.id, next_decay(compiled.versions, standing, at))


def _write(
    subject: Subject,
    compiled: CompiledScoringRule,
    version: int,
    cause: str,
    match: Match | None,
    at: int,
    asked: int,
    given: int,
) -> None:
    subject.write_line(
        LedgerLine(
            id=subject.room.ids.next(),
            rule_id=compiled.rule.id,
            version=version,
            cause=cause,
            event_id=match.event_id if match is not None else None,
            event_at=match.at if match is not None else None,
            at=at,
            asked=asked,
            given=given,
            before=subject.score,
            after=subject.score + given,
        )
    )
