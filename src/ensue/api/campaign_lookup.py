"""Campaigns by the ids of their paths, for the files that serve them."""

from collections.abc import Callable
from typing import TypeVar

from ensue.accounts.audit import Recorder
from ensue.api.access import Caller
from ensue.api.context import Context
from ensue.base.errors import NotFound
from ensue.base.ids import read
from ensue.model.campaign import Campaign
from ensue.store.ports import Tables, WorkspaceTables

T = TypeVar("T")

_NO_CAMPAIGN = "There is no such campaign in this workspace."


def number(text: str) -> int:
    """The id of a campaign.

    Raises:
        NotFound: it is none.
    """
    found = read("cmp", text)
    if found is None:
        raise NotFound(_NO_CAMPAIGN)
    return found


def stored(tables: WorkspaceTables, campaign_id: int) -> Campaign:
    """A campaign.

    Raises:
        NotFound: there is no such campaign.
    """
    campaign = tables.definitions.campaign(campaign_id)
    if campaign is None:
        raise NotFound(_NO_CAMPAIGN)
    return campaign


async def asked(here: Context, caller: Caller, question: Callable[[WorkspaceTables], T]) -> T:
    """The answer to a question about the caller's workspace."""
    return await here.services.ask(lambda tables: question(tables.workspace(caller.workspace_id)))


def record(tables: Tables, here: Context, caller: Caller, action: str, campaign_id: int) -> None:
    """Let the audit log say what was done to a campaign."""
    Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, action, ("cmp", campaign_id))
