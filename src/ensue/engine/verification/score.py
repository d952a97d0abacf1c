"""The score of one contact derived again: from the ledger's matches, read naively, and those matches from the log."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ensue.base import ids
from ensue.base.ids import show
from ensue.engine.contacts.blank import BlankContact
from ensue.engine.definitions import CompiledScoringRule
from ensue.engine.scoring.contribution import matches_of
from ensue.engine.subject import Subject
from ensue.engine.verification import naive_score
from ensue.engine.view import View
from ensue.model.event import Event
from ensue.model.score import LedgerLine, ScoringRule
from ensue.rules.condition import Reads
from ensue.rules.match import Match, parse_match

Finding = tuple[str, str, str, str]


class Score(NamedTuple):
    """What the score of a contact must be, when decay changes it next (in all, and by rule), and what is wrong."""

    derived: int
    changes_at: int | None
    decays: dict[int, int]
    findings: list[Finding]


class _Version(NamedTuple):
    """A rule from an instant on; `rule` is None once it is deleted."""

    since: int
    rule: ScoringRule | None
    match: Match | None


class ScoreCheck:
    """Checks the scores of one workspace."""

    def __init__(self, room: View) -> None:
        self._room = room
        self._rules = room.definitions.scoring
        self._nobody = BlankContact(room.definitions.workspace.time_zone)
        self._history = {rule_id: self._versions(compiled) for rule_id, compiled in self._rules.items()}

    def of(self, subject: Subject, events: Sequence[Event]) -> Score:
        """One contact with all its events."""
        lines = self._room.tables.ledger.all_of_contact(subject.id)
        findings = list(_arithmetic(subject, lines))
        attributed = self._room.tables.inspection.attributed(subject.id)
        by_rule: dict[int, list[LedgerLine]] = {}
        for line in lines:
            by_rule.setdefault(line.rule_id, []).append(line)
        derived = 0
        decays: dict[int, int] = {}
        for rule_id, compiled in self._rules.items():
            own = by_rule.pop(rule_id, [])
            matches = matches_of(own)
            points = naive_score.contribution(compiled.versions, matches, subject.as_of)
            derived += points
            due = naive_score.next_change(compiled.versions, matches, subject.as_of)
            if due is not None:
                decays[rule_id] = due
            findings += _contribution(subject, compiled, own, points)
            findings += self._matches(subject, rule_id, own, events, attributed)
        findings += [
            ("LEDGER", show("sr", rule_id), "lines of a rule", "there was no such rule") for rule_id in by_rule
        ]
        if derived != subject.score:
            findings.append(("SCORE", show("ct", subject.id), str(subject.score), str(derived)))
        return Score(derived, min(decays.values(), default=None), decays, findings)

    def _versions(self, compiled: CompiledScoringRule) -> list[_Version]:
        known = self._room.tables.definitions.scoring_versions()
        versions = [
            _Version(rule.updated_at, rule, parse_match(rule.condition) if rule.condition is not None else None)
            for rule in known
            if rule.id == compiled.rule.id
        ]
        ended = self._room.tables.definitions.scoring_rule_ends().get(compiled.rule.id)
        return versions if ended is None else [*versions, _Version(ended, None, None)]

    def _matches(
        self,
        subject: Subject,
        rule_id: int,
        lines: list[LedgerLine],
        events: Sequence[Event],
        attributed: dict[int, int],
    ) -> Iterator[Finding]:
        history = self._history[rule_id]
        stored = {match.event_id: match.version for match in matches_of(lines)}
        rebuilt_at = max((line.at for line in lines if line.cause == "REBUILD"), default=None)
        merged = any(line.cause == "MERGE" for line in lines) or bool(
            subject.room.tables.belongings.old_ids(subject.id)
        )
        for event in events:
            arrived = max(_made_at(event.id), attributed.get(event.id, 0))
            candidates = _in_force(history, arrived)
            if rebuilt_at is not None and rebuilt_at >= arrived:
                later = _in_force(history, rebuilt_at)
                candidates = candidates + later if merged else later
            answers = {self._answer(version, event) for version in candidates} or {None}
            found = stored.pop(event.id, None)
            if _UNKNOWN not in answers and found not in answers:
                expected = " or ".join(sorted(map(_counted, answers)))
                yield "MATCH", f"{show('sr', rule_id)} {show('evt', event.id)}", _counted(found), expected
        for event_id, version in stored.items():
            about = f"{show('sr', rule_id)} {show('evt', event_id)}"
            yield "MATCH", about, _counted(version), "no such event of the contact"

    def _answer(self, version: _Version, event: Event) -> int | None:
        rule, match = version.rule, version.match
        if rule is None or not rule.active or rule.event_type != event.type:
            return None
        if match is None:
            return rule.version
        if match.reads != Reads():
            # It depends on the contact as it was then, which no longer can be asked.
            return _UNKNOWN
        return rule.version if match.holds(event, self._nobody) else None


_UNKNOWN = -1


def _made_at(event_id: int) -> int:
    return ids.EPOCH + event_id // (ids.NODES * 4096)


def _in_force(history: list[_Version], at: int) -> list[_Version]:
    """The version at an instant; both sides of an edit in that very millisecond."""
    before = [version for version in history if version.since < at]
    return before[-1:] + [version for version in history if version.since == at]


def _counted(version: int | None) -> str:
    return "not counted" if version is None else f"counted at version {version}"


def _arithmetic(subject: Subject, lines: list[LedgerLine]) -> Iterator[Finding]:
    total = sum(line.given for line in lines)
    if total != subject.score:
        yield "LEDGER", show("ct", subject.id), f"lines sum up to {total}", f"the score is {subject.score}"
    for line in lines:
        if line.after != line.before + line.given:
            yield "LEDGER", show("led", line.id), f"{line.before} {line.given:+} is {line.after}", "a sum"


def _contribution(
    subject: Subject, compiled: CompiledScoringRule, lines: list[LedgerLine], points: int
) -> Iterator[Finding]:
    about = show("sr", compiled.rule.id)
    given = sum(line.given for line in lines)
    if given != points:
        yield "CONTRIBUTION", about, f"lines sum up to {given}", str(points)
    standing = subject.standing(compiled)
    kept = standing.shown if standing is not None else 0
    if kept != points:
        yield "CONTRIBUTION", about, f"{kept} is remembered", str(points)
