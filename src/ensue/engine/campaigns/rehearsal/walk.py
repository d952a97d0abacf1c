"""One run of a campaign, rehearsed: the nodes themselves decide, and what they would have done is only noted.

It follows what `engine.campaigns.advance` and `waiting` do, without other campaigns: events that its nodes would have
emitted start nothing.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from ensue.base import bounds
from ensue.base.errors import EnsueError
from ensue.engine.campaigns.node import MET, Ends, Passed, Waits
from ensue.engine.campaigns.rehearsal.firings import Firing
from ensue.engine.campaigns.rehearsal.past import Past
from ensue.engine.campaigns.rehearsal.post import Post
from ensue.engine.campaigns.version import CampaignVersion
from ensue.engine.campaigns.workflow import Place
from ensue.engine.messages.orders import Order, Refused
from ensue.model.effects import Effects
from ensue.model.event import Event
from ensue.model.message import Message
from ensue.rules.facts import Facts

ACTIVE, COMPLETED, EXITED, FAILED = "ACTIVE", "COMPLETED", "EXITED", "FAILED"


class Line(NamedTuple):
    """A node that would have been left, and the branch taken."""

    node_id: str
    outcome: str
    branch: str | None


class Rehearsed(NamedTuple):
    """A run: how and when it would have ended (ACTIVE and None: not yet), where it stands, and its log."""

    entered_at: int
    ended_at: int | None
    status: str
    node_id: str
    log: list[Line]


class Walk:
    """A run through a version, from a firing up to an instant. Implements `node.Run`."""

    def __init__(self, campaign_id: int, version: CampaignVersion, past: Past, post: Post, firing: Firing) -> None:
        self._campaign_id = campaign_id
        self._version = version
        self._past = past
        self._post = post
        self._entered_at = firing.at
        self._events = _after(past, firing)
        self._node_id = version.workflow.entry or ""
        self._deadline: int | None = None
        self._reached: set[str] = set()
        self._log: list[Line] = []
        past.at = firing.at

    def go(self, until: int) -> Rehearsed:
        """Run to the end, or as far as the instant."""
        event = next(self._events, None)
        for _ in range(bounds.WALK_NODES):
            waits = self._run_nodes()
            if isinstance(waits, str):
                return self._ended(waits)
            event, moved = self._wait(waits, event, until)
            if not moved:
                return Rehearsed(self._entered_at, None, ACTIVE, self._node_id, self._log)
            if isinstance(moved, str):
                return self._ended(moved)
        return self._ended(FAILED)

    # What a node knows and may do

    @property
    def at(self) -> int:
        """The instant."""
        return self._past.at

    @property
    def deadline(self) -> int | None:
        """When the node said that it would stop waiting."""
        return self._deadline

    @property
    def facts(self) -> Facts:
        """The contact."""
        return self._past

    def draw(self, total: int) -> int:
        """The number that the contact would have drawn."""
        name = f"{self._campaign_id}:{self._node_id}:{self._past.contact.id}"
        return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % total

    def winner(self) -> str | None:
        """None: everybody takes part in the test."""
        return None

    def branch_before(self) -> str | None:
        """None: the draw says it."""
        return None

    def count_entry(self, size: int, after: int) -> None:
        """Nothing is counted."""

    def update(self, fields: dict[str, Any]) -> Effects:
        """Note it for the rest of the run."""
        self._past.update(fields)
        return Effects()

    def tag(self, name: str, *, present: bool) -> Effects:
        """Note it for the rest of the run."""
        self._past.tag(name, present=present)
        return Effects()

    def list_in(self, segment_id: int, *, member: bool) -> Effects:
        """Note it for the rest of the run."""
        self._past.list_in(segment_id, member=member)
        return Effects()

    def emit(self, event_type: str, metadata: dict[str, Any]) -> Effects:
        """Nothing happens."""
        return Effects()

    def send(self, order: Order) -> list[Message] | Refused:
        """Note what would have been sent, or why not."""
        return self._post.send(self._past, order, self._node_id)

    # Going on

    def _run_nodes(self) -> Waits | str:
        """Run nodes until one waits, or the run ends with a status."""
        for _ in range(bounds.WALK_NODES):
            flips_at = None
            if self._version.watches:
                ended, jumped, flips_at = self._interrupted()
                if ended is not None:
                    return ended
                if jumped:
                    continue
            place = self._version.workflow.places.get(self._node_id)
            if place is None:
                return COMPLETED
            try:
                outcome = place.node.run(self)
            except EnsueError:
                return FAILED
            match outcome:
                case Passed():
                    if not self._pass(place, outcome):
                        return COMPLETED
                case Ends():
                    return EXITED
                case Waits(deadline, own_flip):
                    self._deadline = deadline
                    flips = [flip for flip in (own_flip, flips_at) if flip is not None]
                    return Waits(deadline, min(flips, default=None))
        return FAILED

    def _pass(self, place: Place, passed: Passed) -> bool:
        """Leave a node; False when nothing follows."""
        if passed.outcome == "REACHED":
            self._reached.add(place.id)
        self._log.append(Line(place.id, passed.outcome, passed.branch))
        self._deadline = None
        following = place.next.get(passed.branch)
        self._node_id = following if following is not None else place.id
        return following is not None

    def _wait(self, waits: Waits, event: Event | None, until: int) -> tuple[Event | None, bool | str]:
        """Go to the next instant at which something can happen: (the next event, whether there is one or how it ended).

        At one instant the timeout is before the event, which is too late.
        """
        due = min((at for at in waits if at is not None), default=None)
        while event is not None and event.timestamp <= until and (due is None or event.timestamp < due):
            self._past.at = event.timestamp
            ended, moved = self._hear(event)
            counted = event.type in self._version.counts
            event = next(self._events, None)
            if ended is not None:
                return event, ended
            if moved or counted:
                return event, True
        if due is None or due > until:
            return event, False
        self._past.at = max(due, self._past.at)
        return event, True

    def _hear(self, event: Event) -> tuple[str | None, bool]:
        """(how an event ends the run, whether it lets it pass or jump)."""
        settings, past = self._version.settings, self._past
        if settings.goal is not None and settings.goal.heard(event, past):
            return COMPLETED, False
        if any(criterion.heard(event, past) for criterion in settings.exits):
            return EXITED, False
        for goal in self._version.goals:
            target = goal.node.target
            if target is not None and target.heard(event, past) and self._may_jump(goal):
                return (None, True) if self._pass(goal, Passed("REACHED")) else (COMPLETED, True)
        place = self._version.workflow.places.get(self._node_id)
        awaits = place.node.awaits if place is not None else None
        if place is not None and awaits is not None and awaits.heard(event, past):
            return (None, True) if self._pass(place, Passed(MET)) else (COMPLETED, True)
        return None, False

    def _interrupted(self) -> tuple[str | None, bool, int | None]:
        """(how a rule ends the run, whether one let it jump, when one could do so next)."""
        settings, past = self._version.settings, self._past
        flips: list[int | None] = []
        for criterion in (settings.goal, *settings.exits):
            verdict = criterion.verdict(past, past.at) if criterion is not None else None
            if verdict is not None and verdict.holds:
                return (COMPLETED if criterion is settings.goal else EXITED), False, None
            flips.append(verdict.flips_at if verdict is not None else None)
        for goal in self._version.goals:
            verdict = goal.node.target.verdict(past, past.at) if goal.node.target is not None else None
            if verdict is not None and verdict.holds and self._may_jump(goal):
                return (None, True, None) if self._pass(goal, Passed("REACHED")) else (COMPLETED, False, None)
            flips.append(verdict.flips_at if verdict is not None else None)
        return None, False, min((flip for flip in flips if flip is not None), default=None)

    def _may_jump(self, goal: Place) -> bool:
        before = goal.id == self._node_id or goal.id in self._version.beyond(self._node_id)
        return before and goal.id not in self._reached

    def _ended(self, status: str) -> Rehearsed:
        return Rehearsed(self._entered_at, self._past.at, status, self._node_id, self._log)


def _after(past: Past, firing: Firing) -> Iterator[Event]:
    """The events that come after what began the run."""
    own = firing.event
    start = (own.timestamp, own.id) if own is not None else (firing.at, 2**63)
    return (event for event in past.known.events if (event.timestamp, event.id) > start)
