"""`channel`: the contact's consent on a channel."""

from dataclasses import dataclass
from typing import Any

from ensue.rules.condition import Observation, Reads
from ensue.rules.facts import Facts
from ensue.rules.faults import Reader
from ensue.rules.verdict import Verdict

TYPE = "channel"
CHANNELS = ["EMAIL", "TELEGRAM", "PUSH", "WEBHOOK", "SMS"]
STATUSES = ["OPTED_IN", "OPTED_OUT", "PENDING", "UNKNOWN"]


@dataclass(frozen=True, slots=True, eq=False)
class ChannelCondition:
    """Whether the consent on a channel has a status."""

    json: dict[str, Any]
    channel: str
    status: str
    reads: Reads
    time_dependent: bool = False

    def holds(self, facts: Facts) -> bool:
        """Whether the consent has that status."""
        return facts.consent(self.channel) == self.status

    def evaluate(self, facts: Facts, _now: int) -> Verdict:
        """Whether it holds; only input changes it."""
        return Verdict(self.holds(facts), None)

    def observe(self, facts: Facts, _now: int) -> Observation:
        """The status."""
        return Observation(facts.consent(self.channel), self.status, [])

    def describe(self) -> str:
        """`EMAIL is OPTED_IN`."""
        return f"{self.channel} is {self.status}"


def parse(reader: Reader) -> ChannelCondition | None:
    """Read a channel condition. Notes faults and returns None when it is faulty."""
    channel = reader.one_of("channel", CHANNELS)
    status = reader.one_of("status", STATUSES)
    reader.close()
    if not (reader.sound and channel and status):
        return None
    return ChannelCondition(reader.value, channel, status, Reads(channels=frozenset((channel,))))
