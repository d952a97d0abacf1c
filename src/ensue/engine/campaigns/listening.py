"""What the campaigns of a workspace must be told of: compiled versions, and what any of them waits for."""

from ensue.engine.campaigns.version import CampaignVersion, compile_version
from ensue.rules.condition import EventBased
from ensue.store.ports import DefinitionTables

Versions = dict[tuple[int, int], CampaignVersion]


class Listening:
    """Every version that is in use, by (campaign, version), and what concerns their running enrolments.

    Attributes:
        event_types: the types of event that any of them hears, or counts in a rule.
        segments: the segments whose entry or exit any of their rules asks about.
        contact: whether any of their rules reads the contact itself.
        score: whether any of their rules reads the score.
        conditions: the conditions over events in their rules, by key.
    """

    def __init__(self, versions: Versions) -> None:
        self.versions = versions
        every = versions.values()
        self.event_types = frozenset(name for version in every for name in version.hears | version.counts)
        self.segments = frozenset(segment_id for version in every for segment_id in version.reads.segments)
        self.contact = any(v.reads.fields or v.reads.tags or v.reads.channels for v in every)
        self.score = any("score" in version.reads.fields for version in every)
        self.conditions: dict[str, EventBased] = {c.key: c for version in every for c in version.conditions}


def in_use(tables: DefinitionTables, known: Versions) -> Versions:
    """The versions that can take somebody in or have somebody in them; those `known` are not compiled again."""
    pairs = tables.versions_in_use()
    fresh = tables.campaign_versions([pair for pair in pairs if pair not in known])
    return {pair: known[pair] if pair in known else compile_version(fresh[pair]) for pair in pairs}
