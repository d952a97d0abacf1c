"""The lead score: which rules an event moves, by how much, and how points decay."""

from ensue.engine.contribution import Match, Standing, count, in_any_order, next_decay, replay, settle
from ensue.engine.definitions import CompiledScoringRule, TypePlan
from ensue.engine.subject import DECAY, Subject
from ensue.model.effects import ScoreEntry
from ensue.model.event import Event
from ensue.model.score import LedgerLine


def on_event(subject: Subject, event: Event, plan: TypePlan, at: int) -> list[ScoreEntry]:
    """Apply every rule that an event matches, in the order of the rules' ids."""
    entries = []
    for compiled in plan.scoring:
        if compiled.match is None or compiled.match.holds(event, subject):
            given = _count(subject, compiled, event, at)
            if given:
                entries.append(ScoreEntry(compiled.rule.id, given))
    return entries


def on_time(subject: Subject, rule_id: int, at: int) -> None:
    """Take the decay step of a rule that is due at an instant."""
    compiled = subject.room.definitions.scoring.get(rule_id)
    standing = subject.standing(compiled) if compiled is not None else None
    if compiled is None or standing is None:
        return
    settled = settle(compiled.rule, standing, at)
    if settled != standing:
        subject.keep_standing(compiled, settled)
    given = settled.points - standing.points
    if given:
        _write(subject, compiled, "DECAY", None, at, given, given)
    subject.arm(DECAY, rule_id, next_decay(compiled.rule, settled))


def _count(subject: Subject, compiled: CompiledScoringRule, event: Event, at: int) -> int:
    rule = compiled.rule
    standing = subject.standing(compiled)
    match = Match(event.timestamp, event.id, rule.delta)
    if rule.once and standing is not None and event.timestamp >= standing.counted_at:
        return 0
    fresh = settle(rule, _counted(subject, compiled, standing, match, at), at)
    subject.keep_standing(compiled, fresh)
    given = fresh.points - (standing.points if standing is not None else 0)
    _write(subject, compiled, "EVENT", event, at, rule.delta, given)
    subject.arm(DECAY, rule.id, next_decay(rule, fresh))
    return given


def _counted(
    subject: Subject, compiled: CompiledScoringRule, standing: Standing | None, match: Match, at: int
) -> Standing:
    rule = compiled.rule
    if standing is None or in_any_order(rule) or _in_order(rule.decay_period, standing, match):
        return count(rule, standing, match)
    # A late match changes what the ones after it were worth: do the sum again.
    fresh = replay(rule, [*matches(subject, rule.id), match], at)
    assert fresh is not None
    return fresh


def _in_order(decay_period: int | None, standing: Standing, match: Match) -> bool:
    stepped_at = standing.matched_at + standing.steps * decay_period if decay_period else standing.matched_at
    return (match.at, match.event_id) > (standing.matched_at, standing.matched_id) and match.at >= stepped_at


def matches(subject: Subject, rule_id: int) -> list[Match]:
    """Every match of a rule that is in the ledger, stored or of this transaction."""
    stored = subject.room.tables.ledger.of_rule(subject.id, rule_id)
    lines = stored + [line for line in subject.ledger if line.rule_id == rule_id]
    return [
        Match(line.event_at, line.event_id, line.asked)
        for line in lines
        if line.cause == "EVENT" and line.event_id is not None and line.event_at is not None
    ]


def _write(
    subject: Subject, compiled: CompiledScoringRule, cause: str, event: Event | None, at: int, asked: int, given: int
) -> None:
    subject.write_line(
        LedgerLine(
            id=subject.room.ids.next(),
            rule_id=compiled.rule.id,
            version=compiled.rule.version,
            cause=cause,
            event_id=event.id if event is not None else None,
            event_at=event.timestamp if event is not None else None,
            at=at,
            asked=asked,
            given=given,
            before=subject.score,
            after=subject.score + given,
        )
    )
