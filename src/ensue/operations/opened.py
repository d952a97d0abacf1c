"""What the commands need of a store that is open, whether or not a server has it open too."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from ensue.base.errors import NotFound
from ensue.base.ids import read
from ensue.store.ports import Tables

T = TypeVar("T")


class Opened(Protocol):
    """An open store. Nothing here takes the write lock."""

    @property
    def path(self) -> Path | None:
        """The file that holds everything; None when a server holds it."""
        ...

    @property
    def server(self) -> str:
        """Which database it is, and its version."""
        ...

    @property
    def schema(self) -> int:
        """The number of its schema."""
        ...

    def read(self, work: Callable[[Tables], T]) -> T:
        """Run queries on one snapshot."""
        ...

    def check(self) -> list[str]:
        """What the database's own integrity check finds."""
        ...

    def backup(self, to: Path) -> None:
        """Copy it to a new file."""
        ...


def chosen(tables: Tables, workspace: str | None) -> list[int]:
    """The ids of the workspaces that are meant: one, by its id or its slug, or all of them.

    Raises:
        NotFound: there is no such workspace.
    """
    rows = tables.sql.rows("SELECT id, slug FROM workspaces ORDER BY id")
    if workspace is None:
        return [row[0] for row in rows]
    for workspace_id, slug in rows:
        if workspace == slug or read("ws", workspace) == workspace_id:
            return [workspace_id]
    raise NotFound(f"There is no workspace {workspace}.")


def printable(text: str) -> str:
    """A text from outside, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
