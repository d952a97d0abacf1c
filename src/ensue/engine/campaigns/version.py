"""One version of a campaign as it runs: triggers, settings and workflow, read from what was saved.

Settings, all optional:

    {"reentry": "NEVER" | "AFTER_EXIT" | "ALWAYS",   who was in may come in again: not at all (when not said); once the
                                                     earlier run has ended; the same, see minInterval
     "minInterval": "7d",                            … at the earliest so long after the earlier run ended (AFTER_EXIT)
                                                     or began (ALWAYS)
     "entryKey": "metadata.orderId",                 one run for each value of this field of the event that triggers,
                                                     instead of one for each contact
     "exitOn": [{"eventType", "conditions"?} | {"rules"}],   leave (EXITED) as soon as one of these is so
     "goal": {"eventType", "conditions"?} | {"rules"},       be done (COMPLETED) as soon as this is so
     "quietHours", "frequencyCaps",                          instead of those of the workspace; see messages.limits
     "audience": {"segmentId"?},                             whom a BROADCAST goes to; everybody, without a segment
     "throttle": {"perMinute": 600}}                         so many at most in a minute, when many are taken in at once
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ensue.base import bounds
from ensue.base.errors import Detail
from ensue.engine.campaigns.criterion import Criterion, read_criterion
from ensue.engine.campaigns.schedule import read_audience
from ensue.engine.campaigns.triggers import read_triggers
from ensue.engine.campaigns.workflow import Workflow, check, read_workflow
from ensue.engine.messages.limits import LEFT_TO_THE_WORKSPACE, OwnLimits, read_own_limits
from ensue.rules import bounds as rule_bounds
from ensue.rules.condition import EventBased, Reads
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader
from ensue.rules.fields import EventField, event_field

_NODE = re.compile(r"workflow\.nodes\[(\d+)\]")
REENTRIES = ["NEVER", "AFTER_EXIT", "ALWAYS"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a BROADCAST goes to: the members of a segment, or (None) everybody."""

    segment_id: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Who may come in again, what ends a run at any time, and how its messages go out.

    `min_interval` in milliseconds; `per_minute` None for as fast as it goes.
    """

    reentry: str = "NEVER"
    min_interval: int | None = None
    entry_key: EventField | None = None
    exits: tuple[Criterion, ...] = ()
    goal: Criterion | None = None
    limits: OwnLimits = LEFT_TO_THE_WORKSPACE
    audience: Audience | None = None
    per_minute: int | None = None

    def bars(self, entered_at: int, ended_at: int | None, at: int) -> str | None:
        """Why who came in and left again may not come in at an instant; None when it may."""
        if self.reentry == "NEVER":
            return "ALREADY_ENTERED"
        since = entered_at if self.reentry == "ALWAYS" else ended_at
        if self.min_interval is None or since is None:
            return None
        return "TOO_SOON" if at - since < self.min_interval else None


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


def validate(body: dict[str, Any], segments: dict[int, str], *, live: bool, broadcast: bool = False) -> None:
    """Refuse a body (triggers, workflow, settings) that cannot be saved, or cannot go live.

    `segments` are the segments of the workspace: id to DYNAMIC or STATIC. A `broadcast` goes to its audience when it is
    activated, and nothing else starts it.

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
        if settings.audience is not None and settings.audience.segment_id is not None:
            used.append(("settings.audience.segmentId", settings.audience.segment_id))
        _check_type(body["triggers"], settings, faults, live=live, broadcast=broadcast)
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
    _name_nodes(faults, body["workflow"])
    faults.refuse()


def _name_nodes(faults: Faults, workflow: dict[str, Any]) -> None:
    """Say which node a fault is about, for whoever drew it and never counted them."""
    for place, detail in enumerate(faults.details):
        found = _NODE.match(detail.path)
        node = workflow["nodes"][int(found[1])] if found else None
        if isinstance(node, dict) and isinstance(node.get("id"), str) and node["id"]:
            faults.details[place] = Detail(detail.path, f"{detail.message} (node {node['id'][: bounds.NODE_ID]})")


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
    limits = read_own_limits(reader)
    audience, per_minute = _read_audience(reader), _read_throttle(reader)
    reader.close()
    if not reader.sound or reentry is None:
        return None
    return Settings(reentry, interval, entry_key, exits, goal, limits, audience, per_minute)


def _check_type(triggers: list[Any], settings: Settings, faults: Faults, *, live: bool, broadcast: bool) -> None:
    if not broadcast:
        if settings.audience is not None:
            faults.add("settings.audience", "is for a BROADCAST; a SCHEDULE trigger names its segment itself")
        return
    if any(isinstance(trigger, dict) and trigger.get("type") != "MANUAL" for trigger in triggers):
        faults.add("triggers", "must have nothing but MANUAL: a BROADCAST goes out once, when it is activated")
    if live and settings.audience is None:
        faults.add("settings.audience", "is required for a BROADCAST; {} is everybody")


def _read_audience(reader: Reader) -> Audience | None:
    value = reader.optional("audience")
    if value is MISSING:
        return None
    if not isinstance(value, dict):
        reader.fault("audience", "must be an object with segmentId, or an empty one for everybody")
        return None
    inner = Reader(value, reader.at("audience"), reader.faults)
    segment_id = read_audience(inner)
    inner.close()
    return Audience(segment_id)


def _read_throttle(reader: Reader) -> int | None:
    value = reader.optional("throttle")
    if value is MISSING:
        return None
    if not isinstance(value, dict):
        reader.fault("throttle", "must be an object with perMinute")
        return None
    inner = Reader(value, reader.at("throttle"), reader.faults)
    per_minute = inner.required("perMinute")
    if per_minute is not MISSING and (type(per_minute) is not int or not 1 <= per_minute <= bounds.PER_MINUTE):
        inner.fault("perMinute", f"must be a whole number from 1 to {bounds.PER_MINUTE}")
    inner.close()
    return per_minute if type(per_minute) is int else None


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
