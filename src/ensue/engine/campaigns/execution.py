"""Contacts put into a campaign by hand: one, or the members of a segment a bounded number at a time."""

from collections import Counter
from collections.abc import Iterable

from ensue.base import bounds
from ensue.base.errors import Conflict, NotFound
from ensue.engine import timers
from ensue.engine.campaigns import editing
from ensue.engine.contacts.identity import held
from ensue.engine.reactions import campaigns
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.cause import Cause
from ensue.model.effects import Effects

ENROLLED = "ENROLLED"


def one(room: WorkingSet, campaign_id: int, contact_id: int) -> Effects:
    """Put one contact in; the effects say whether it was taken, or why not.

    Raises:
        NotFound: there is no such campaign or contact. Conflict: the campaign is not active, or the contact was erased.
    """
    campaign = _active(room, campaign_id)
    subject = held(room, contact_id)
    effects = Effects(subject.score, subject.score)
    campaigns.start(subject, campaign, "MANUAL", Cause("MANUAL"), None, effects)
    return effects


def members(room: WorkingSet, campaign_id: int, segment_id: int, after: int) -> tuple[Counter[str], int | None]:
    """Put the next members of a segment in, by contact id: (how many by reason to skip, or ENROLLED; where to go on).

    Raises:
        NotFound: there is no such campaign or segment. Conflict: the campaign is not active.
    """
    campaign = _active(room, campaign_id)
    if segment_id not in room.definitions.segments:
        raise NotFound("There is no such segment in this workspace.")
    found = room.tables.memberships.members(segment_id, after, bounds.EXECUTE_CONTACTS)
    return _start(room, campaign, segment_id, found), found[-1] if len(found) == bounds.EXECUTE_CONTACTS else None


def _start(room: WorkingSet, campaign: Campaign, segment_id: int, contact_ids: Iterable[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for contact_id in sorted(contact_ids):
        subject = room.subject(contact_id)
        if subject is None:
            continue
        timers.advance(subject, room.now)
        # What was due may have ended the membership.
        if subject.in_segment(segment_id):
            effects = Effects()
            campaigns.start(subject, campaign, "MANUAL", Cause("MANUAL"), None, effects)
            counts.update(skipped.reason for skipped in effects.skipped)
            counts[ENROLLED] += len(effects.enrolled)
    return counts


def _active(room: WorkingSet, campaign_id: int) -> Campaign:
    campaign = editing.named(room, campaign_id)
    if campaign.status != "ACTIVE":
        raise Conflict(
            f"Only an ACTIVE campaign can be executed; this one is {campaign.status}.", code="campaign_status"
        )
    return campaign
