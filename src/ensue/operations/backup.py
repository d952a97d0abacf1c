"""`ensue backup`: everything in one file, while the server runs."""

from pathlib import Path

from rich.console import Console

from ensue.operations.opened import Opened


def run(store: Opened, console: Console, to: Path) -> int:
    """Copy the store and check the copy; 0.

    Raises:
        Conflict: there is a file of that name. Unavailable: the copy cannot be written, or is not sound.
    """
    store.backup(to.absolute())
    console.print(f"{to} is a whole backup, {to.stat().st_size:,} bytes.", highlight=False, soft_wrap=True)
    return 0
