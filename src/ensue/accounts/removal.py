"""Removing a workspace: nobody gets in at once, and its rows go piece by piece, so that others are not held up."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from ensue.accounts import bounds
from ensue.store.ports import Tables

T = TypeVar("T")


class Write(Protocol):
    """Runs work in a transaction; the result comes once it is durable."""

    def __call__(self, work: Callable[[Tables], T], /) -> Awaitable[T]:
        """The result of the work."""
        ...


def close_workspace(tables: Tables, workspace_id: int, at: int) -> None:
    """Let nobody in any more, and remember that the rows must go."""
    own = tables.accounts.of(workspace_id)
    own.members.remove_all()
    own.keys.revoke_all(at)
    own.invitations.remove_all()
    tables.accounts.workspaces.begin_removal(workspace_id, at)


async def finish(write: Write, workspace_id: int) -> None:
    """Remove what is left of a closed workspace."""
    while await write(lambda tables: _remove_some(tables, workspace_id)):
        pass


async def finish_all(write: Write) -> None:
    """Remove what is left of every closed workspace; for the start, after a stop in the middle."""
    for workspace_id in await write(lambda tables: tables.accounts.workspaces.removals()):
        await finish(write, workspace_id)


def _remove_some(tables: Tables, workspace_id: int) -> bool:
    """Remove some rows; True while there may be more. A look that finds none takes the workspace's own row."""
    workspaces = tables.accounts.workspaces
    left = bounds.REMOVED_AT_ONCE
    for holding in workspaces.holdings():
        left -= workspaces.remove_rows(holding, workspace_id, left)
        if left <= 0:
            return True
    if left < bounds.REMOVED_AT_ONCE:
        return True
    workspaces.end_removal(workspace_id)
    return False
