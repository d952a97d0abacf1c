"""A campaign run over stored history without doing anything, a slice of contacts at a time.

It says whom the triggers would have taken in on which day, whom not and why, how their runs would have gone, and what
would have been sent, had the campaign always been live. `startAt`, `endAt` and the status are not looked at; nor is
what other campaigns did because of it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from ensue.base import bounds
from ensue.base.clock import DAY, to_iso
from ensue.base.errors import Invalid
from ensue.engine.campaigns import editing
from ensue.engine.campaigns.rehearsal import past as pasts
from ensue.engine.campaigns.rehearsal.firings import Firing, Triggers, too_old
from ensue.engine.campaigns.rehearsal.past import Past
from ensue.engine.campaigns.rehearsal.post import Post
from ensue.engine.campaigns.rehearsal.walk import Rehearsed, Walk
from ensue.engine.campaigns.schedule import Schedule, compile_schedules
from ensue.engine.campaigns.version import CampaignVersion, compile_version
from ensue.engine.reactions.campaigns import entry_key
from ensue.engine.view import View
from ensue.engine.working_set import WorkingSet
from ensue.model.dry_run import DryRun
from ensue.model.launch import BROADCAST

SPAN = 90 * DAY


def begin(
    room: WorkingSet, campaign_id: int | None, fields: dict[str, Any], since: int | None, until: int | None
) -> DryRun:
    """Begin to run a campaign, stored or (None) not, over what happened in `since < t <= until`.

    `fields` are those of `Campaign`. Of what is over, the runs before this one are forgotten.

    Raises:
        Invalid: it could not go live, or the span is none or too long, by path.
    """
    until = room.now if until is None else min(until, room.now)
    since = until - SPAN if since is None else since
    if not 0 < until - since <= bounds.DRY_RUN_DAYS * DAY:
        raise Invalid.at("since", f"must be before until, by at most {bounds.DRY_RUN_DAYS} days")
    body = {
        "type": fields.get("type", "AUTOMATED"),
        "triggers": fields.get("triggers", []),
        "workflow": fields.get("workflow", {"nodes": [], "edges": []}),
        "settings": fields.get("settings", {}),
    }
    editing.check_live(room, body)
    run = DryRun(
        id=room.ids.next(), campaign_id=campaign_id, body=body, status="RUNNING", since=since, until=until,
        started_at=room.now, total=room.tables.populations.count(),
    )  # fmt: skip
    room.tables.dry_runs.forget_before(run.id)
    room.tables.dry_runs.put(run)
    return run


def advance(view: View, run: DryRun) -> DryRun:
    """Run the next contacts."""
    rehearsal = _Rehearsal(view, run)
    ids = view.tables.populations.ids(above=run.cursor, limit=bounds.DRY_RUN_CONTACTS)
    found = Found(run.found)
    for known in pasts.gather(view, ids, rehearsal.wanted, run.until) if ids else ():
        rehearsal.run(known, found)
    over = len(ids) < bounds.DRY_RUN_CONTACTS
    return msgspec.structs.replace(
        run,
        cursor=ids[-1] if ids else run.cursor,
        done=run.done + len(ids),
        found=found.json(),
        status="DONE" if over else "RUNNING",
        finished_at=view.now if over else None,
    )


def keep(room: WorkingSet, run: DryRun) -> None:
    """Keep how far it has come, unless it was ended or somebody else went on."""
    stored = room.tables.dry_runs.get(run.id)
    if stored is None or stored.status != "RUNNING":
        return
    if stored.cursor < run.cursor or run.finished_at is not None:
        room.tables.dry_runs.put(run)


def give_up(room: WorkingSet, run_id: int, sentence: str) -> None:
    """End it, and say why."""
    run = room.tables.dry_runs.get(run_id)
    if run is not None:
        failed = msgspec.structs.replace(run, status="FAILED", error=sentence, finished_at=room.now)
        room.tables.dry_runs.put(failed)


class Found:
    """What has been found so far, and the JSON that it is kept as.

    `days` are UTC: enrolled, skipped, sent on each.
    """

    def __init__(self, kept: dict[str, Any] | None) -> None:
        kept = kept or {}
        self.contacts: int = kept.get("contacts", 0)
        self.skipped: Counter[str] = Counter(kept.get("skipped", {}))
        self.ends: Counter[str] = Counter(kept.get("ends", {}))
        self.days: dict[str, list[int]] = kept.get("days", {})
        self.nodes: dict[str, dict[str, int]] = kept.get("nodes", {})
        self.branches: dict[str, dict[str, int]] = kept.get("branches", {})
        self.sends: dict[str, dict[str, int]] = kept.get("sends", {})
        self.sample: list[dict[str, Any]] = kept.get("sample", [])

    def json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "contacts": self.contacts, "skipped": dict(self.skipped), "ends": dict(self.ends), "days": self.days,
            "nodes": self.nodes, "branches": self.branches, "sends": self.sends, "sample": self.sample,
        }  # fmt: skip

    def day(self, at: int, place: int) -> None:
        """Count one more on a day: 0 enrolled, 1 skipped, 2 sent."""
        self.days.setdefault(to_iso(at)[:10], [0, 0, 0])[place] += 1

    def skip(self, at: int, reason: str) -> None:
        """Count a firing that takes nobody in."""
        self.skipped[reason] += 1
        self.day(at, 1)

    def take(self, contact_id: int, firing: Firing, run: Rehearsed) -> None:
        """Count a run. Of the contact only the id is kept, which outlives nobody's erasure."""
        self.day(firing.at, 0)
        self.ends[run.status] += 1
        for line in run.log:
            _add(self.nodes, line.node_id, line.outcome)
            if line.outcome in ("SPLIT", "BRANCHED") and line.branch is not None:
                _add(self.branches, line.node_id, line.branch)
        if run.ended_at is None:
            _add(self.nodes, run.node_id, "WAITING")
        if len(self.sample) < bounds.SAMPLE:
            self.sample.append({"contactId": contact_id, "at": firing.at, "trigger": firing.trigger})


class _Rehearsal:
    """A campaign's body, ready to be run for one contact after the other."""

    def __init__(self, view: View, run: DryRun) -> None:
        body = run.body
        self._view, self._run = view, run
        self._version: CampaignVersion = compile_version(body)
        self._zone = view.definitions.workspace.time_zone
        self._limits = self._version.settings.limits.over(view.definitions.limits)
        schedules = {
            place: (schedule, list(_instants(schedule, self._zone, run)))
            for place, schedule in compile_schedules(body["triggers"]).items()
        }
        audience = self._version.settings.audience if body["type"] == BROADCAST else None
        self._triggers = Triggers(body["triggers"], schedules, audience, run.since, run.until)
        self.wanted = pasts.wanted(self._version, body["triggers"], self._triggers.segments, run.since)

    def run(self, known: pasts.Known, found: Found) -> None:
        """Run one contact."""
        firings = self._triggers.of(self._past(known))
        post = Post(self._view, self._limits)
        runs: list[tuple[str, Rehearsed]] = []
        for firing in firings:
            key, reason = entry_key(self._version.settings, firing.trigger, firing.event)
            if too_old(firing, self._view.definitions.workspace.trigger_horizon):
                reason = reason or "TOO_OLD"
            reason = reason or self._again([one for name, one in runs if name == key], firing.at)
            if reason is not None:
                found.skip(firing.at, reason)
                continue
            walk = Walk(self._run.campaign_id or 0, self._version, self._past(known), post, firing)
            rehearsed = walk.go(self._run.until)
            runs.append((key, rehearsed))
            found.take(known.contact.id, firing, rehearsed)
        found.contacts += bool(runs)
        for sending in post.sendings:
            counts = found.sends.setdefault(sending.node_id, {})
            counts[sending.reason or "SENT"] = counts.get(sending.reason or "SENT", 0) + 1
            if sending.reason is None:
                found.day(sending.at, 2)

    def _again(self, earlier: list[Rehearsed], at: int) -> str | None:
        if any(run.ended_at is None or run.ended_at > at for run in earlier):
            return "ALREADY_ACTIVE"
        if not earlier:
            return None
        return self._version.settings.bars(earlier[-1].entered_at, earlier[-1].ended_at, at)

    def _past(self, known: pasts.Known) -> Past:
        return Past(known, self._zone, self._version.conditions)


def _instants(schedule: Schedule, zone: str, run: DryRun) -> Iterator[int]:
    after = run.since
    for _ in range(bounds.DRY_RUN_LAUNCHES):
        following = schedule.next(after, zone)
        if following is None or following > run.until:
            return
        yield (after := following)


def _add(counts: dict[str, dict[str, int]], name: str, word: str) -> None:
    inner = counts.setdefault(name, {})
    inner[word] = inner.get(word, 0) + 1
