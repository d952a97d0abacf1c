"""What a workspace has defined, compiled once per version and indexed by what touches it."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from ensue.base import ids
from ensue.base.errors import Invalid
from ensue.engine.campaigns.dates import DateTrigger, compile_dates
from ensue.engine.campaigns.listening import Listening, in_use
from ensue.engine.contacts.blank import BlankContact
from ensue.engine.messages.limits import compile_limits
from ensue.engine.scoring.contribution import order_matters
from ensue.engine.webhooks.interests import Interests
from ensue.model.backfill import Backfill
from ensue.model.campaign import Campaign
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.rules.condition import EventBased, content_key
from ensue.rules.grammar import parse_rule
from ensue.rules.match import Match, parse_match
from ensue.rules.rule import Rule
from ensue.rules.tree import leaves
from ensue.store.ports import DefinitionTables

# Sequences look at several event types, so their states have a tally of their own.
SEQUENCES = 0


class CompiledSegment(msgspec.Struct, frozen=True):
    """A segment with its parsed rule (None for a list) and its place in dependency order."""

    segment: Segment
    rule: Rule | None
    rank: int


class CompiledScoringRule(msgspec.Struct, frozen=True):
    """A scoring rule, in use or deleted, with its parsed condition.

    `versions` has the rule as it was at each version: points that were given under one decay by its terms. `key` is its
    name in a tally, which is that of the event type `kept_under`, also when an edit chose another type.
    """

    rule: ScoringRule
    match: Match | None
    key: str
    versions: dict[int, ScoringRule]
    kept_under: str
    order_matters: bool


class EventTrigger(msgspec.Struct, frozen=True):
    """A campaign that an event of one type starts, when the condition holds."""

    campaign: Campaign
    match: Match | None


class Watched(msgspec.Struct, frozen=True, gc=False):
    """A condition over events: how a tally names its state, what answers from that state, and which segments ask."""

    condition: EventBased
    name: str
    readers: tuple[EventBased, ...]
    segments: frozenset[int]


class TypePlan(msgspec.Struct, frozen=True):
    """What an event of one type touches: conditions over this type alone, sequences, scoring rules, triggers."""

    single: tuple[Watched, ...]
    sequences: tuple[Watched, ...]
    scoring: tuple[CompiledScoringRule, ...]
    triggers: tuple[EventTrigger, ...]


_NOTHING: frozenset[int] = frozenset()
_NEVER = 2**63
# A paused campaign takes nobody in, and says so.
_LISTENING = ("ACTIVE", "PAUSED")
_NO_PLAN = TypePlan((), (), (), ())


class Definitions:
    """Everything that one workspace has defined, at one version."""

    def __init__(
        self,
        workspace: Workspace,
        segments: Iterable[Segment],
        scoring_rules: Iterable[ScoringRule],
        campaigns: Iterable[Campaign],
        scoring_versions: Iterable[ScoringRule] = (),
        in_use_since: Mapping[str, int] | None = None,
        backfills: Iterable[Backfill] = (),
        listening: Listening | None = None,
        webhooks: Iterable[tuple[int, list[str]]] = (),
        message_limits: dict[str, Any] | None = None,
        winners: Mapping[tuple[int, str], str] | None = None,
        before: "Definitions | None" = None,
    ) -> None:
        self.workspace = workspace
        self.version = workspace.definitions_version
        self.segments: dict[int, CompiledSegment] = _in_order(segments, before.segments if before is not None else {})
        self.scoring = _compile_scoring(scoring_rules, scoring_versions)
        self.decaying = tuple(c for c in self.scoring.values() if any(v.decay_points for v in c.versions.values()))
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.listening = listening or Listening({})
        self.webhooks = Interests(webhooks)
        self.limits = compile_limits(message_limits)
        self.winners = dict(winners or {})
        self.type_ids: dict[str, int] = {}
        self._index_segments()
        self._index_states(in_use_since or {})
        self._index_types()
        self._index_triggers()
        self.backfilling = tuple(b for b in backfills if b.kind == "SEGMENT" and b.subject_id in self.segments)

    def plan(self, event_type: str) -> TypePlan:
        """What an event of this type touches."""
        return self._plans.get(event_type, _NO_PLAN)

    def watching_condition(self, key: str) -> frozenset[int]:
        """The segments whose rules contain this event or sequence condition."""
        return self._by_condition.get(key, _NOTHING)

    def watching_field(self, field: str) -> frozenset[int]:
        """The segments whose rules read this contact field."""
        return self._by_field.get(field, _NOTHING)

    def watching_tag(self, tag: str) -> frozenset[int]:
        """The segments whose rules ask for this tag."""
        return self._by_tag.get(tag, _NOTHING)

    def watching_channel(self, channel: str) -> frozenset[int]:
        """The segments whose rules ask for consent on this channel."""
        return self._by_channel.get(channel, _NOTHING)

    def watching_segment(self, segment_id: int) -> frozenset[int]:
        """The segments whose rules ask for membership in this one."""
        return self._by_segment.get(segment_id, _NOTHING)

    def for_new_contact(self, fields: Iterable[str]) -> frozenset[int]:
        """The segments that a new contact with these fields (as rules name them) can be in, or be due to enter.

        The others do not hold for a blank contact and read nothing in which this one differs from it.
        """
        watching = (self._by_field.get(field) for field in fields)
        differing = frozenset[int]().union(*(ids for ids in watching if ids is not None))
        return self._blank_segments | self.depending_on(differing)

    def depending_on(self, segment_ids: Iterable[int]) -> frozenset[int]:
        """Segments together with all whose rules ask about them, directly or through others."""
        found: set[int] = set()
        waiting = list(segment_ids)
        while waiting:
            segment_id = waiting.pop()
            if segment_id not in found:
                found.add(segment_id)
                waiting += self.watching_segment(segment_id)
        return frozenset(found)

    @cached_property
    def _blank_segments(self) -> frozenset[int]:
        """What must be looked at for any new contact, however little is known of it."""
        blank = BlankContact(self.workspace.time_zone)
        found = set(self.watching_field("createdAt") | self.watching_field("updatedAt"))
        for segment_id, compiled in self.segments.items():
            if compiled.rule is not None:
                # No event and no date is there to be measured against the instant, so any instant will do.
                verdict = compiled.rule.evaluate(blank, self.workspace.updated_at)
                if verdict.holds:
                    blank.segments.add(segment_id)
                if verdict.holds or verdict.flips_at is not None:
                    found.add(segment_id)
        return self.depending_on(found)

    def _index_segments(self) -> None:
        self.conditions: dict[str, EventBased] = {}
        self._by_condition: dict[str, frozenset[int]] = {}
        self._by_field: dict[str, frozenset[int]] = {}
        self._by_tag: dict[str, frozenset[int]] = {}
        self._by_channel: dict[str, frozenset[int]] = {}
        self._by_segment: dict[int, frozenset[int]] = {}
        readers: dict[str, dict[str, EventBased]] = {}
        for segment_id, compiled in self.segments.items():
            if compiled.rule is None:
                continue
            for condition in compiled.rule.event_conditions:
                self.conditions[condition.key] = condition
                _add(self._by_condition, condition.key, segment_id)
            for leaf in leaves(compiled.rule.tree):
                if isinstance(leaf, EventBased):
                    readers.setdefault(leaf.key, {})[content_key(leaf.json)] = leaf
            for field in compiled.rule.fields:
                _add(self._by_field, field, segment_id)
            for tag in compiled.rule.tags:
                _add(self._by_tag, tag, segment_id)
            for channel in compiled.rule.channels:
                _add(self._by_channel, channel, segment_id)
            for inner in compiled.rule.segments:
                _add(self._by_segment, inner, segment_id)
        # One state can answer several conditions, and what one of them says, the others need not.
        self.readers = {key: tuple(conditions.values()) for key, conditions in readers.items()}

    def _index_states(self, in_use_since: Mapping[str, int]) -> None:
        """How a tally names the state of each condition, and since which id there is one for every contact.

        A contact that is older than a condition has no state for it until something asks; then the log gives it.
        """
        self.state_names: dict[str, str] = {}
        self.complete_since: dict[str, int] = {}
        self.over_types: dict[frozenset[str], list[EventBased]] = {}
        for key, condition in self.conditions.items():
            since = in_use_since.get(key)
            self.state_names[key] = f"{since:x}" if since is not None else key
            self.complete_since[key] = since if since is not None else self._oldest_use(key)
            self.over_types.setdefault(condition.event_types, []).append(condition)
        self.known_states = frozenset(self.state_names.values())
        self.all_complete_since = max(self.complete_since.values(), default=0)

    def _oldest_use(self, key: str) -> int:
        """Since when a condition is in use that nobody has registered: its first segment, if that is as it was made."""
        users = (self.segments[segment_id].segment for segment_id in self.watching_condition(key))
        return min((segment.id for segment in users if segment.version == 1), default=_NEVER)

    def _index_types(self) -> None:
        conditions: dict[str, list[Watched]] = {}
        self.watched: dict[str, Watched] = {}
        scoring: dict[str, list[CompiledScoringRule]] = {}
        triggers: dict[str, list[EventTrigger]] = {}
        for key, condition in self.conditions.items():
            watched = Watched(condition, self.state_names[key], self.readers[key], self.watching_condition(key))
            self.watched[key] = watched
            for event_type in condition.event_types:
                conditions.setdefault(event_type, []).append(watched)
        for compiled in self.scoring.values():
            if compiled.rule.active:
                scoring.setdefault(compiled.rule.event_type, []).append(compiled)
        for campaign in self.campaigns.values():
            for at, trigger in enumerate(campaign.triggers if campaign.status in _LISTENING else ()):
                if trigger["type"] == "EVENT":
                    match = trigger.get("conditions")
                    parsed = parse_match(match, f"triggers[{at}].conditions") if match else None
                    triggers.setdefault(trigger["eventType"], []).append(EventTrigger(campaign, parsed))
        self._plans = {
            event_type: TypePlan(
                tuple(w for w in conditions.get(event_type, ()) if len(w.condition.event_types) == 1),
                tuple(w for w in conditions.get(event_type, ()) if len(w.condition.event_types) > 1),
                tuple(scoring.get(event_type, ())),
                tuple(triggers.get(event_type, ())),
            )
            for event_type in {*conditions, *scoring, *triggers}
        }

    def _index_triggers(self) -> None:
        self.entered_triggers: dict[int, list[Campaign]] = {}
        self.exited_triggers: dict[int, list[Campaign]] = {}
        self.threshold_triggers: list[tuple[int, Campaign]] = []
        self.dates: dict[int, tuple[DateTrigger, ...]] = {}
        for campaign in self.campaigns.values():
            if campaign.status in _LISTENING and (dates := compile_dates(campaign.triggers)):
                self.dates[campaign.id] = dates
            for trigger in campaign.triggers if campaign.status in _LISTENING else ():
                match trigger["type"]:
                    case "SEGMENT_ENTERED":
                        self.entered_triggers.setdefault(_segment_id(trigger), []).append(campaign)
                    case "SEGMENT_EXITED":
                        self.exited_triggers.setdefault(_segment_id(trigger), []).append(campaign)
                    case "SCORE_CROSSED":
                        self.threshold_triggers.append((trigger["threshold"], campaign))
                    case _:
                        pass


def compiled(tables: DefinitionTables, workspace: Workspace, before: Definitions | None = None) -> Definitions:
    """The definitions as a transaction sees them. What has not changed since `before` is not read anew."""
    return Definitions(
        workspace,
        tables.segments(),
        tables.scoring_rules(),
        tables.campaigns(),
        tables.scoring_versions(),
        tables.conditions(),
        tables.backfills(),
        Listening(in_use(tables, before.listening.versions if before is not None else {})),
        tables.webhook_wishes(),
        tables.message_limits(),
        tables.winners(),
        before,
    )


class DefinitionCache:
    """The compiled definitions of each workspace, made again when their version has grown."""

    def __init__(self) -> None:
        self._kept: dict[int, Definitions] = {}

    def get(self, tables: DefinitionTables, workspace_id: int) -> Definitions | None:
        """The definitions as this transaction sees them; None when there is no such workspace."""
        version = tables.version()
        kept = self._kept.get(workspace_id)
        if kept is not None and kept.version == version:
            return kept
        workspace = tables.workspace()
        if workspace is None:
            self._kept.pop(workspace_id, None)
            return None
        fresh = self._kept[workspace_id] = compiled(tables, workspace, kept)
        return fresh

    def forget(self) -> None:
        """Drop everything: what was compiled inside a transaction that failed was never true."""
        self._kept.clear()


def _add(index: dict, key: object, segment_id: int) -> None:  # type: ignore[type-arg]
    index[key] = index.get(key, _NOTHING) | {segment_id}


def _segment_id(trigger: dict[str, object]) -> int:
    return ids.read("seg", str(trigger["segmentId"])) or 0


def _compile_scoring(rules: Iterable[ScoringRule], versions: Iterable[ScoringRule]) -> dict[int, CompiledScoringRule]:
    """The rules in use, and the deleted ones, whose points still decay, as inactive ones."""
    in_use = {rule.id: rule for rule in rules}
    by_rule: dict[int, dict[int, ScoringRule]] = {rule.id: {rule.version: rule} for rule in in_use.values()}
    for version in versions:
        by_rule.setdefault(version.id, {}).setdefault(version.version, version)
    compiled = {}
    for rule_id, known in sorted(by_rule.items()):
        rule = in_use.get(rule_id) or msgspec.structs.replace(known[max(known)], active=False)
        match = parse_match(rule.condition, "condition") if rule.active and rule.condition is not None else None
        compiled[rule_id] = CompiledScoringRule(
            rule, match, str(rule_id), known, known[min(known)].event_type, any(map(order_matters, known.values()))
        )
    return compiled


def _parsed(segment: Segment, before: CompiledSegment | None) -> Rule | None:
    """The rule of a segment; the one parsed before, when it is the same: of thousands, a change touches one."""
    if segment.rules is None or segment.type != "DYNAMIC":
        return None
    if before is not None and before.segment.type == segment.type and before.segment.rules == segment.rules:
        return before.rule
    return parse_rule(segment.rules)


def _in_order(segments: Iterable[Segment], before: Mapping[int, CompiledSegment]) -> dict[int, CompiledSegment]:
    """Segments after the ones they ask about.

    Raises:
        Invalid: they ask about each other in a circle.
    """
    parsed = {segment.id: (segment, _parsed(segment, before.get(segment.id))) for segment in segments}
    ranks: dict[int, int] = {}

    def rank(segment_id: int, path: tuple[int, ...]) -> int:
        if segment_id in path:
            names = " → ".join(parsed[step][0].name for step in (*path[path.index(segment_id) :], segment_id))
            raise Invalid.at(
                "rules", f"segments must not ask about each other in a circle: {names}", code="segment_cycle"
            )
        if segment_id not in ranks:
            rule = parsed[segment_id][1] if segment_id in parsed else None
            inner = rule.segments if rule is not None else ()
            ranks[segment_id] = 1 + max((rank(step, (*path, segment_id)) for step in inner), default=-1)
        return ranks[segment_id]

    for segment_id in parsed:
        rank(segment_id, ())
    order = sorted(parsed, key=lambda segment_id: (ranks[segment_id], segment_id))
    return {i: CompiledSegment(parsed[i][0], parsed[i][1], ranks[i]) for i in order}
