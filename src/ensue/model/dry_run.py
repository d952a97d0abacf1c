"""A campaign run over history without doing anything."""

from typing import Any

import msgspec


class DryRun(msgspec.Struct, frozen=True):
    """A campaign's body (type, triggers, workflow, settings) over what happened in `since < t <= until`, with progress.

    `campaign_id` is None for one that is not saved. Contacts up to the id `cursor`, `done` of `total`, are done with.
    `found` is what was found so far; see `engine.campaigns.dry_run`. `status` is RUNNING, DONE or FAILED, for its
    `error`.
    """

    id: int
    campaign_id: int | None
    body: dict[str, Any]
    status: str
    since: int
    until: int
    started_at: int
    cursor: int = 0
    total: int = 0
    done: int = 0
    found: dict[str, Any] | None = None
    error: str | None = None
    finished_at: int | None = None
