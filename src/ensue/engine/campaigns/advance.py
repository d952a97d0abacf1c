"""How an enrolment goes on: from node to node until one waits or the workflow ends.

`wake` may be called at any instant and any number of times: it looks, and goes on as far as it can. Everything that it
does is in the transaction that also writes where the enrolment stands, so it is done once.
"""

import logging
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from ensue.base import bounds
from ensue.base.errors import EnsueError, Unavailable
from ensue.base.ids import show
from ensue.engine.campaigns import emit, enrolments, waiting
from ensue.engine.campaigns.node import MET, Ends, Passed, Waits
from ensue.engine.campaigns.version import CampaignVersion
from ensue.engine.campaigns.workflow import Place
from ensue.engine.contacts import changes
from ensue.engine.messages.orders import Order, Origin, Refused
from ensue.engine.messages.outbox import queue
from ensue.engine.messages.recipients import of_subject
from ensue.engine.subject import ENROLMENT, Subject
from ensue.model.campaign import Enrolment
from ensue.model.cause import Cause
from ensue.model.effects import Effects
from ensue.model.message import Message
from ensue.rules.facts import Facts
from ensue.rules.verdict import Verdict

_log = logging.getLogger(__name__)


def wake(subject: Subject, enrolment_id: int, at: int) -> None:
    """Run an enrolment as of an instant, which is the one that the contact has been brought to."""
    assert subject.as_of == at
    enrolment = subject.active.get(enrolment_id)
    # What is frozen is woken again by the sweep that follows the pause.
    if enrolment is not None and not enrolments.frozen(subject.room, enrolment):
        Walk(subject, enrolment_id, enrolments.version_of(subject.room, enrolment)).go()


class Walk:
    """One enrolment's way through its workflow at one instant. Its nodes act through this; see `node.Run`."""

    def __init__(self, subject: Subject, enrolment_id: int, version: CampaignVersion) -> None:
        self._subject = subject
        self._id = enrolment_id
        self._version = version
        self._stored = subject.active[enrolment_id]
        self._effects: list[Effects] = []
        # How many campaign actions led to the change that woke it while it waited; None when it was time.
        nudge = subject.nudges.pop(enrolment_id, None)
        wake_at = self._enrolment.wake_at
        self._led_by = nudge if wake_at is None or wake_at > self.at else None

    def go(self) -> None:
        """Run nodes until one waits, the workflow ends, or something fails."""
        if self._version.fault is not None:
            self._fail(None, self._version.fault)
            return
        for _ in range(bounds.WALK_NODES):
            if not self._one_node():
                return
        self._fail(self._place, f"ran {bounds.WALK_NODES} nodes without waiting")

    # What a node knows and may do

    @property
    def at(self) -> int:
        """The instant."""
        return self._subject.as_of

    @property
    def deadline(self) -> int | None:
        """When the node said that it would stop waiting."""
        return self._enrolment.deadline

    @property
    def facts(self) -> Facts:
        """The contact."""
        return self._subject

    def draw(self, total: int) -> int:
        """A number below `total` that is always the same for this campaign, node and contact."""
        name = f"{self._enrolment.campaign_id}:{self._enrolment.node_id}:{self._subject.id}"
        return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % total

    def winner(self) -> str | None:
        """The branch that has won at this node."""
        return self._subject.room.definitions.winners.get((self._enrolment.campaign_id, self._enrolment.node_id))

    def branch_before(self) -> str | None:
        """The branch that the contact took when it first came to this node."""
        enrolment, subject = self._enrolment, self._subject
        if enrolment.version == 1 and self.winner() is None:
            # The weights are as they always were, so the draw is what it was.
            return None
        # Steps of this very transaction are not looked at: nothing that decides has changed since them.
        return subject.room.tables.split_tests.went(subject.id, enrolment.campaign_id, enrolment.node_id)

    def count_entry(self, size: int, after: int) -> None:
        """Count the contact for the test at this node."""
        tests = self._subject.room.tables.split_tests
        tests.count(self._enrolment.campaign_id, self._enrolment.node_id, size, after, self._subject.room.now)

    def update(self, fields: dict[str, Any]) -> Effects:
        """Set fields of the contact."""
        return self._acted(changes.update(self._subject, fields, self._cause))

    def tag(self, name: str, *, present: bool) -> Effects:
        """Put a tag on the contact or take it off."""
        change = changes.add_tag if present else changes.remove_tag
        return self._acted(change(self._subject, name, self._cause))

    def list_in(self, segment_id: int, *, member: bool) -> Effects:
        """Put the contact on a list, or take it off."""
        return self._acted(changes.set_static(self._subject, segment_id, member, self._cause))

    def emit(self, event_type: str, metadata: dict[str, Any]) -> Effects:
        """Let an event of the contact happen."""
        return self._acted(emit.emit(self._subject, event_type, metadata, self._id, self._enrolment.depth + 1))

    def send(self, order: Order) -> list[Message] | Refused:
        """Queue a message to the contact, one for each of its devices where the channel has devices."""
        enrolment = self._enrolment
        origin = Origin(enrolment.campaign_id, enrolment.version, enrolment.id, enrolment.node_id, enrolment.event_id)
        recipients = of_subject(self._subject, order.channel)
        queued = [queue(self._subject.room, order, recipient, origin) for recipient in recipients]
        messages = [one for one in queued if isinstance(one, Message)]
        return messages or next(one for one in queued if isinstance(one, Refused))

    # Going on

    @property
    def _enrolment(self) -> Enrolment:
        # What a node does can come back to its own enrolment, so only what is not changed yet is kept.
        return self._subject.enrolments.get(self._id) or self._stored

    @property
    def _place(self) -> Place | None:
        return self._version.workflow.places.get(self._enrolment.node_id)

    @property
    def _cause(self) -> Cause:
        return Cause("CAMPAIGN", self._id, self._enrolment.depth + 1)

    def _one_node(self) -> bool:
        """Run the node where the enrolment stands; returns whether there is more to do now."""
        flips_at = None
        if self._version.watches:
            done, flips_at = self._interrupted()
            if done:
                return self._id in self._subject.active
        place = self._place
        if place is None:
            enrolments.end(self._subject, self._enrolment, None, enrolments.COMPLETED, "ENDED", "END")
            return False
        outcome = self._run(place)
        match outcome:
            case Passed():
                return self._pass(place, outcome)
            case Ends():
                enrolments.end(self._subject, self._enrolment, place, enrolments.EXITED, "EXITED", outcome.reason)
            case Waits():
                self._wait(outcome, flips_at)
            case None:
                pass
        return False

    def _pass(self, place: Place, passed: Passed) -> bool:
        """Leave a node; returns whether there is more to do now."""
        enrolment = self._enrolment
        if self._effects:
            passed = passed._replace(detail=self._detail(passed))
        if self._id not in self._subject.active:
            # Its own act met an exit condition; the act is logged all the same.
            enrolments.note(self._subject, enrolment, place.id, place.type, passed.outcome, passed.detail)
            return False
        if passed.outcome == MET and self._led_by is not None:
            led = waiting.led_on(self._subject, enrolment, place, self._led_by)
            if led is None:
                self._subject.arm(ENROLMENT, self._id, enrolment.wake_at)
                return False
            enrolment = led
        self._led_by = None
        enrolments.go_on(self._subject, enrolment, place, passed, walking=True)
        return self._id in self._subject.active

    def _run(self, place: Place) -> Passed | Waits | Ends | None:
        """What the node says; None when it failed, which ends this enrolment and touches no other."""
        self._effects.clear()
        try:
            return place.node.run(self)
        except Unavailable:
            raise
        except EnsueError as error:
            self._fail(place, error.message)
        except Exception as error:
            if getattr(error, "stops_the_process", False):
                raise
            _log.exception("node %s of enrolment %s failed", place.id, show("enr", self._id))
            self._fail(place, f"{type(error).__name__}: {error}")
        return None

    def _interrupted(self) -> tuple[bool, int | None]:
        """Whether a rule of the whole campaign or of a goal ended or moved it; if not, when one could do so next."""
        subject, settings = self._subject, self._version.settings
        verdicts: list[Verdict] = []
        for criterion in (settings.goal, *settings.exits):
            if criterion is None or criterion.rule is None:
                continue
            verdict = criterion.verdict(subject, self.at)
            if verdict.holds:
                if criterion is settings.goal:
                    enrolments.end(subject, self._enrolment, None, enrolments.COMPLETED, "REACHED", "GOAL")
                else:
                    enrolments.end(subject, self._enrolment, None, enrolments.EXITED, "EXITED", "EXIT_CONDITION")
                return True, None
            verdicts.append(verdict)
        for goal in self._version.goals:
            target = goal.node.target
            if target is None or target.rule is None:
                continue
            verdict = target.verdict(subject, self.at)
            if verdict.holds and waiting.may_jump(subject, self._enrolment, self._version, goal):
                led = waiting.led_on(subject, self._enrolment, goal, self._led_by or self._enrolment.depth)
                if led is not None:
                    enrolments.go_on(subject, led, goal, Passed("REACHED"), walking=True)
                    return True, None
            verdicts.append(verdict)
        return False, _soonest(verdict.flips_at for verdict in verdicts)

    def _wait(self, waits: Waits, flips_at: int | None) -> None:
        enrolment = self._enrolment
        wake_at = _soonest((waits.deadline, waits.flips_at, flips_at))
        if (enrolment.wake_at, enrolment.deadline) != (wake_at, waits.deadline):
            self._subject.put_enrolment(msgspec.structs.replace(enrolment, wake_at=wake_at, deadline=waits.deadline))
        else:
            # The timer that led here is used up.
            self._subject.arm(ENROLMENT, self._id, wake_at)

    def _acted(self, effects: Effects) -> Effects:
        self._effects.append(effects)
        return effects

    def _detail(self, passed: Passed) -> dict[str, Any] | None:
        """What the log says of a node: its own words, and the campaigns that its acts did not start for their depth."""
        stopped = [s.campaign_id for effects in self._effects for s in effects.skipped if s.reason == "DEPTH_LIMIT"]
        if not stopped:
            return passed.detail
        return {**(passed.detail or {}), "depthLimit": [show("cmp", campaign_id) for campaign_id in stopped]}

    def _fail(self, place: Place | None, reason: str) -> None:
        if self._id in self._subject.active:
            enrolments.end(self._subject, self._enrolment, place, enrolments.FAILED, "FAILED", reason)


def _soonest(instants: Iterable[int | None]) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
