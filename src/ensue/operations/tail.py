"""`ensue tail`: the latest events and what each one did, and further ones as they are committed."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from ensue.api import event_json, event_list
from ensue.base import bounds, json
from ensue.base.clock import to_iso
from ensue.model.effects import Answer, Effects
from ensue.operations.opened import Opened, chosen, printable
from ensue.store.ports import Tables
from ensue.store.sql.connection import Row

_LATEST = 20
_LOOK_SECONDS = 0.5

_answers = json.decoder(Answer)
_effects = json.decoder(Effects)

Shown = tuple[Row, Effects]


def _rest() -> bool:
    time.sleep(_LOOK_SECONDS)
    return True


def run(
    store: Opened,
    console: Console,
    workspace: str | None = None,
    *,
    follow: bool = False,
    as_json: bool = False,
    rest: Callable[[], bool] = _rest,
) -> int:
    """Print the newest events in the order of their commits; with `follow`, go on until interrupted; 0.

    `rest` waits until it is worth looking again, and says whether to.

    Raises:
        NotFound: there is no such workspace.
    """
    try:
        shown, after = store.read(lambda tables: _latest(tables, workspace))
        while True:
            for one in shown:
                _print(console, one, as_json=as_json)
            if not follow or not (len(shown) == bounds.PAGE_MOST or rest()):
                return 0
            shown, after = store.read(lambda tables, after=after: _later(tables, workspace, after))  # type: ignore[misc]
    except KeyboardInterrupt:
        return 0


def _latest(tables: Tables, workspace: str | None) -> tuple[list[Shown], int]:
    workspaces = chosen(tables, workspace)
    rows = [(w, row) for w in workspaces for row in tables.workspace(w).events.newest(_LATEST)]
    rows = sorted(rows, key=lambda found: found[1][0])[-_LATEST:]
    last = max((tables.workspace(w).events.latest_id() for w in workspaces), default=0)
    return [(row, _what_followed(tables, w, row[0])) for w, row in rows], last


def _later(tables: Tables, workspace: str | None, after: int) -> tuple[list[Shown], int]:
    rows = [
        (w, row)
        for w in chosen(tables, workspace)
        for row in tables.workspace(w).events.committed_after(after, bounds.PAGE_MOST)
    ]
    # The first page of them all: no workspace has a lower one that was left out.
    rows = sorted(rows, key=lambda found: found[1][0])[: bounds.PAGE_MOST]
    return [(row, _what_followed(tables, w, row[0])) for w, row in rows], rows[-1][1][0] if rows else after


def _what_followed(tables: Tables, workspace_id: int, event_id: int) -> Effects:
    kept = tables.workspace(workspace_id).events.get(event_id)
    _, answer, later = kept if kept is not None else (None, None, None)
    if later is not None:
        return _effects.decode(later)
    return _answers.decode(answer).effects if answer is not None else Effects()


def _print(console: Console, shown: Shown, *, as_json: bool) -> None:
    row, effects = shown
    if as_json:
        console.out(f'{event_list.render(row)[:-1]},"effects":{event_json.effects(effects)}}}', highlight=False)
        return
    who = row[15] or " ".join(name for name in (row[16], row[17]) if name) or ("somebody" if row[4] else "anonymous")
    line = Text.assemble((to_iso(row[2]), "dim"), "  ", (printable(row[1]), "bold"), "  ", printable(who))
    for sentence in _sentences(effects):
        line.append(f"  {printable(sentence)}", "cyan")
    console.print(line, soft_wrap=True)


def _sentences(effects: Effects) -> list[str]:
    found = []
    if effects.entries and effects.after is not None and effects.before is not None:
        found.append(f"score {effects.before} → {effects.after}")
    found += [f"entered {segment.name}" for segment in effects.entered]
    found += [f"exited {segment.name}" for segment in effects.exited]
    found += [f"enrolled in {campaign.name}" for campaign in effects.enrolled]
    found += [f"not in {campaign.name}: {campaign.reason}" for campaign in effects.skipped]
    return found
