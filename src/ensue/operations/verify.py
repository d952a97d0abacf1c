"""`ensue verify`: each difference between what is kept and what the log says, as it is found."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from ensue.base import json
from ensue.base.ids import Ids, show
from ensue.engine.verification.verify import Difference, Progress, verify
from ensue.engine.view import view
from ensue.operations.opened import Opened, chosen, printable
from ensue.store.ports import Tables


def run(store: Opened, ids: Ids, console: Console, workspace: str | None = None, *, as_json: bool = False) -> int:
    """Verify one workspace or all, on one snapshot; 1 when anything differs, else 0.

    As JSON, each difference is a line, and a last line says how many there were.

    Raises:
        NotFound: there is no such workspace.
    """
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn())
    found = contacts = 0
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=as_json or not sys.stderr.isatty()) as bar:

        def question(tables: Tables) -> None:
            nonlocal found, contacts
            for workspace_id in chosen(tables, workspace):
                task = bar.add_task(show("ws", workspace_id), total=None)

                def seen(progress: Progress, task: "int" = task) -> None:
                    bar.update(task, completed=progress.done, total=progress.total)  # type: ignore[arg-type]

                room = view(tables, workspace_id, ids)
                for difference in verify(room, seen):
                    found += 1
                    _print(console, difference, as_json=as_json)
                contacts += room.tables.populations.count()

        store.read(question)
    if as_json:
        console.out(json.encode_text({"contacts": contacts, "differences": found}), highlight=False)
    elif found:
        console.print(f"{_counted(found, 'difference')} among {_counted(contacts, 'contact')}.", style="bold red")
    else:
        console.print(f"{_counted(contacts, 'contact')}: everything is as the log says.", style="green")
    return 1 if found else 0


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _print(console: Console, difference: Difference, *, as_json: bool) -> None:
    contact = show("ct", difference.contact_id) if difference.contact_id is not None else None
    if as_json:
        shown = {
            "workspaceId": show("ws", difference.workspace_id),
            "contactId": contact,
            "what": difference.what,
            "about": difference.about,
            "stored": difference.stored,
            "derived": difference.derived,
        }
        console.out(json.encode_text(shown), highlight=False)
        return
    line = Text(f"{difference.what:<13}", style="bold red")
    line.append(f"{contact or show('ws', difference.workspace_id)}  {printable(difference.about)}", style="default")
    line.append(f"  is: {difference.stored}; the log says: {difference.derived}", style="default")
    console.print(line, soft_wrap=True)
