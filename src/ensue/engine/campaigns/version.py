"""One version of a campaign as it runs: triggers, settings and workflow, read from what was saved.

Settings, all optional:

    {"reentry": "NEVER" | "AFTER_EXIT" | "ALWAYS",   who was in may come in again: not at all (when not said); once the
                                                     earlier run has ended; the same, see minInterval
     "minInterval": "7d",                            … at the earliest so long after the earlier run ended (AFTER_EXIT)
                                                     or began (ALWAYS)
     "entryKey": "metadata.orderId",                 one run for each value of this field of the event that triggers,
                                                     instead of one for each contact
     "exitOn": [{"eventType", "conditions"?} | {"rules"}],   leave (EXITED) as soon as one of these is so
     "goal": {"eventType", "conditions"?} | {"rules"}}       be done (COMPLETED) as soon as this is so

Triggers: `{"type": "EVENT", "eventType", "conditions"?}`, `{"type": "SEGMENT_ENTERED", "segmentId"}`,
`{"type": "SEGMENT_EXITED", "segmentId"}`, `{"type": "SCORE_CROSSED", "threshold"}`, `{"type": "MANUAL"}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ensue.base import bounds
from ensue.base.ids import read as read_id
from ensue.engine.campaigns.criterion import Criterion, read_criterion, read_match
from ensue.engine.campaigns.workflow import Workflow, check, read_workflow
from ensue.rules import bounds as rule_bounds
from ensue.rules.condition import EventBased, Reads
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader
from ensue.rules.fields import EventField, event_field

TRIGGERS = ["EVENT", "SEGMENT_ENTERED", "SEGMENT_EXITED", "SCORE_CROSSED", "MANUAL"]
REENTRIES = ["NEVER", "AFTER_EXIT", "ALWAYS"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Who may come in again, and what ends a run at any time. `min_interval` in milliseconds."""

    reentry: str = "NEVER"
    min_interval: int | None = None
    entry_key: EventField | None = None
    exits: tuple[Criterion, ...] = ()
    goal: Criterion | None = None


class CampaignVersion:
    """A version ready to run, with what it must be told of. `fault` says why it cannot run, which saving prevents."""

    def __init__(self, settings: Settings, workflow: Workflow, fault: str | None = None) -> None:
        self.settings = settings
        self.workflow = workflow
        self.fault = fault
        self.goals = tuple(place for place in workflow.places.values() if place.node.target is not None)
        self._beyond: dict[str, frozenset[str]] = {}
        criteria = list(self._criteria())
        rules = [criterion.rule for criterion in criteria if criterion.rule is not None]
        self.hears = frozenset(c.event_type for c in criteria if c.event_type is not None)
        """The types of event that end a run, or let it pass or jump."""
        self.watches = bool(rules)
        """Whether rules may do so."""
        self.reads: Reads = reduce(Reads.merged, (rule.reads for rule in rules), Reads())
        """What of the contact those rules depend on."""
        self.counts = frozenset(t for rule in rules for c in rule.event_conditions for t in c.event_types)
        """The types of event that those rules depend on."""
        asked = [rule for place in workflow.places.values() for rule in place.node.rules]
        self.conditions: tuple[EventBased, ...] = tuple(c for rule in (*rules, *asked) for c in rule.event_conditions)
        """The conditions over events of every rule of this version."""

    def beyond(self, node_id: str) -> frozenset[str]:
        """The nodes that can be reached from one."""
        found = self._beyond.get(node_id)
        if found is None:
            found = self._beyond[node_id] = self.workflow.beyond(node_id)
        return found

    def _criteria(self) -> Iterator[Criterion]:
        yield from self.settings.exits
        if self.settings.goal is not None:
            yield self.settings.goal
        for place in self.workflow.places.values():
            yield from (c for c in (place.node.awaits, place.node.target) if c is not None)


def compile_version(body: dict[str, Any]) -> CampaignVersion:
    """The version of a saved body. One that cannot be read fails its own enrolments and nothing else."""
    faults = Faults()
    settings = read_settings(body["settings"], "settings", faults)
    workflow = read_workflow(body["workflow"], "workflow", faults)
    if settings is None or workflow is None:
        first = faults.details[0]
        return CampaignVersion(Settings(), Workflow({}, None), f"{first.path}: {first.message}")
    return CampaignVersion(settings, workflow)


def validate(body: dict[str, Any], segments: dict[int, str], *, live: bool) -> None:
    """Refuse a body (triggers, workflow, settings) that cannot be saved, or cannot go live.

    `segments` are the segments of the workspace: id to DYNAMIC or STATIC.

    Raises:
        Invalid: with everything that is wrong, by path.
    """
    faults = Faults()
    used = list(read_triggers(body["triggers"], "triggers", faults))
    settings = read_settings(body["settings"], "settings", faults)
    workflow = read_workflow(body["workflow"], "workflow", faults)
    if settings is not None:
        criteria = [(f"settings.exitOn[{at}]", criterion) for at, criterion in enumerate(settings.exits)]
        if settings.goal is not None:
            criteria.append(("settings.goal", settings.goal))
        used += [(path, segment_id) for path, c in criteria for segment_id in c.reads.segments]
    if workflow is not None:
        used += workflow.segments()
        for place in workflow.places.values():
            for segment_id in place.node.segments:
                if segments.get(segment_id) == "DYNAMIC":
                    faults.add(f"{place.path}.data.segmentId", "must be a STATIC segment; this one follows its rules")
        if live:
            check(workflow, "workflow", faults)
    for path, segment_id in used:
        if segment_id not in segments:
            faults.add(path, "names a segment that is not in this workspace")
    faults.refuse()


def read_triggers(value: object, path: str, faults: Faults) -> list[tuple[str, int]]:
    """Read triggers and note what is wrong; returns (path, segment id) of the segments that they name."""
    if not isinstance(value, list) or len(value) > bounds.TRIGGERS:
        faults.add(path, f"must be a list of at most {bounds.TRIGGERS} triggers")
        return []
    used: list[tuple[str, int]] = []
    for at, trigger in enumerate(value):
        if isinstance(trigger, dict):
            used += _read_trigger(Reader(trigger, f"{path}[{at}]", faults))
        else:
            faults.add(f"{path}[{at}]", "must be an object with type")
    return used


def _read_trigger(reader: Reader) -> list[tuple[str, int]]:
    used: list[tuple[str, int]] = []
    match reader.one_of("type", TRIGGERS):
        case "EVENT":
            reader.text("eventType", rule_bounds.EVENT_TYPE)
            match = read_match(reader, "conditions")
            used += [(reader.at("conditions"), segment_id) for segment_id in (match.segments if match else ())]
        case "SEGMENT_ENTERED" | "SEGMENT_EXITED":
            text = reader.text("segmentId")
            segment_id = read_id("seg", text) if text is not None else None
            if segment_id is not None:
                used.append((reader.at("segmentId"), segment_id))
            elif text is not None:
                reader.fault("segmentId", "is not the id of a segment")
        case "SCORE_CROSSED":
            threshold = reader.required("threshold")
            if threshold is not MISSING and (type(threshold) is not int or abs(threshold) > rule_bounds.WHOLE):
                reader.fault("threshold", "must be a whole number")
        case "MANUAL":
            pass
        case _:
            return []
    reader.close()
    return used


def read_settings(value: object, path: str, faults: Faults) -> Settings | None:
    """The settings of a decoded JSON value. Notes faults and returns None when there are any."""
    if not isinstance(value, dict):
        faults.add(path, "must be an object")
        return None
    reader = Reader(value, path, faults)
    reentry = reader.one_of("reentry", REENTRIES, default="NEVER")
    interval = None if reader.optional("minInterval") is MISSING else reader.duration("minInterval")
    entry_key = _read_entry_key(reader)
    exits = _read_exits(reader)
    goal = reader.optional("goal")
    goal = None if goal is MISSING else _read_criterion(goal, reader.at("goal"), faults)
    reader.close()
    if not reader.sound or reentry is None:
        return None
    return Settings(reentry, interval, entry_key, exits, goal)


def _read_entry_key(reader: Reader) -> EventField | None:
    if reader.optional("entryKey") is MISSING:
        return None
    name = reader.text("entryKey", rule_bounds.FIELD)
    field = event_field(name) if name is not None else None
    if name is not None and field is None:
        reader.fault("entryKey", "must be a field of the event, such as metadata.orderId")
    return field


def _read_exits(reader: Reader) -> tuple[Criterion, ...]:
    value = reader.optional("exitOn")
    if value is MISSING:
        return ()
    if not isinstance(value, list) or len(value) > bounds.EXIT_CONDITIONS:
        reader.fault("exitOn", f"must be a list of at most {bounds.EXIT_CONDITIONS}")
        return ()
    exits = [_read_criterion(one, f"{reader.at('exitOn')}[{at}]", reader.faults) for at, one in enumerate(value)]
    return tuple(one for one in exits if one is not None)


def _read_criterion(value: object, path: str, faults: Faults) -> Criterion | None:
    if not isinstance(value, dict):
        faults.add(path, "must be an object with eventType or rules")
        return None
    reader = Reader(value, path, faults)
    criterion = read_criterion(reader)
    reader.close()
    return criterion
