"""Tests between the branches of a split: their results, and who wins, by hand or after a time or a number."""

from operator import attrgetter

import msgspec

from ensue.base import bounds, json
from ensue.base.errors import Invalid, NotFound
from ensue.engine.campaigns.version import CampaignVersion, compile_version
from ensue.engine.campaigns.workflow import Place
from ensue.engine.steps.split import Split
from ensue.engine.working_set import WorkingSet
from ensue.model.campaign import Campaign
from ensue.model.split_test import AUTO, MANUAL, BranchResult, SplitTest
from ensue.store.ports import WorkspaceTables


def follow(room: WorkingSet, campaign: Campaign, version: CampaignVersion) -> None:
    """Begin the tests of a live campaign at its newest version; one that is decided stays decided."""
    for place in version.workflow.places.values():
        test = place.node.test if isinstance(place.node, Split) else None
        if test is None:
            continue
        known = room.tables.split_tests.get(campaign.id, place.id)
        since = known.since if known is not None else max(room.now, campaign.start_at or 0)
        fresh = known if known is not None else SplitTest(campaign.id, place.id, since)
        if fresh.winner is None:
            enough = test.entered is None or fresh.entered >= test.entered
            timed = since + test.after if test.after is not None else room.now if test.entered is not None else None
            fresh = msgspec.structs.replace(fresh, look_at=timed if enough else None)
        room.tables.split_tests.put(fresh)


def split_of(campaign: Campaign, node_id: str) -> tuple[Place, Split]:
    """A split of the newest version.

    Raises:
        NotFound: it has no such split.
    """
    place = _version(campaign).workflow.places.get(node_id)
    if place is None or not isinstance(place.node, Split):
        raise NotFound("There is no such split in this campaign.")
    return place, place.node


def results(tables: WorkspaceTables, campaign: Campaign, node_id: str) -> list[BranchResult]:
    """How each branch does, in the order of the workflow.

    Raises:
        NotFound: the newest version has no such split.
    """
    place, split = split_of(campaign, node_id)
    behind = sorted(_version(campaign).beyond(place.id))
    counts: dict[str, dict[str, int]] = {name: {} for name, _ in split.ways}
    for text, entered, goals in tables.split_tests.runs(campaign.id, node_id):
        detail = json.decode(text)
        found = counts.get(detail["branch"])
        if found is not None:
            # Those who were sent along it because it had won are no part of the test, nor who came again after that.
            if detail.get("won"):
                found["routed"] = entered
            elif not detail.get("again"):
                found.update(entered=entered, goals=goals)
    for text, sent, opened, clicked in tables.split_tests.messages(campaign.id, node_id, behind):
        detail = json.decode(text)
        if detail["branch"] in counts and not detail.get("won") and not detail.get("again"):
            counts[detail["branch"]].update(sent=sent, opened=opened, clicked=clicked)
    empty = dict.fromkeys(("entered", "sent", "opened", "clicked", "goals", "routed"), 0)
    return [BranchResult(name=name, weight=weight, **{**empty, **counts[name]}) for name, weight in split.ways]


def rate(metric: str, result: BranchResult) -> float | None:
    """The share that counts: of those who entered for a goal, of those who got a message for the others."""
    base = result.entered if metric == "GOAL" else result.sent
    return (
        attrgetter({"GOAL": "goals", "OPENED": "opened", "CLICKED": "clicked"}[metric])(result) / base if base else None
    )


def best(metric: str, found: list[BranchResult]) -> str | None:
    """The branch with the highest rate, the first of equals; None while no rate is above 0."""
    rated = [(rate(metric, result) or 0.0, result.name) for result in found]
    highest = max(rated, key=lambda one: one[0], default=(0.0, ""))
    return highest[1] if highest[0] > 0 else None


def decide(room: WorkingSet, campaign_id: int, node_id: str, found: list[BranchResult]) -> None:
    """Let the best branch win, when the test is due; look again later while none is better than nothing."""
    test = room.tables.split_tests.get(campaign_id, node_id)
    campaign = room.definitions.campaigns.get(campaign_id)
    if test is None or test.look_at is None or test.look_at > room.now:
        return
    known = campaign is not None and campaign.status != "ARCHIVED" and has_split(campaign, node_id)
    split = split_of(campaign, node_id)[1] if campaign is not None and known else None
    if split is None or split.test is None or test.winner is not None:
        leave_open(room, campaign_id, node_id)
        return
    branch = best(split.test.metric, found)
    if branch is None:
        later = room.now + bounds.SPLIT_LOOK_AGAIN
        room.tables.split_tests.put(msgspec.structs.replace(test, look_at=later))
        return
    _settle(room, test, branch, AUTO)


def leave_open(room: WorkingSet, campaign_id: int, node_id: str) -> None:
    """Do not decide a test without being asked any more."""
    test = room.tables.split_tests.get(campaign_id, node_id)
    if test is not None:
        room.tables.split_tests.put(msgspec.structs.replace(test, look_at=None))


def has_split(campaign: Campaign, node_id: str) -> bool:
    """Whether the newest version has such a split."""
    place = _version(campaign).workflow.places.get(node_id)
    return place is not None and isinstance(place.node, Split)


def choose(room: WorkingSet, campaign: Campaign, node_id: str, branch: str | None) -> SplitTest:
    """Let a branch win by hand, or (None) let the split go on sharing out.

    Raises:
        NotFound: there is no such split. Invalid: the split has no such branch.
    """
    _, split = split_of(campaign, node_id)
    if branch is not None and branch not in split.branches:
        raise Invalid.at("branch", f"must be one of {', '.join(name for name, _ in split.ways)}")
    test = room.tables.split_tests.get(campaign.id, node_id) or SplitTest(campaign.id, node_id, room.now)
    return _settle(room, test, branch, MANUAL if branch is not None else None)


def _settle(room: WorkingSet, test: SplitTest, branch: str | None, by: str | None) -> SplitTest:
    at = room.now if branch is not None else None
    decided = msgspec.structs.replace(test, winner=branch, decided_at=at, decided_by=by, look_at=None)
    room.tables.split_tests.put(decided)
    room.tables.definitions.bump(room.now)
    return decided


def _version(campaign: Campaign) -> CampaignVersion:
    return compile_version({"settings": campaign.settings, "workflow": campaign.workflow})
