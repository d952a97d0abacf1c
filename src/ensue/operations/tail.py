"""`ensue tail`: the latest events and what each one did, and further ones as they are committed."""

import heapq
import time
from collections.abc import Callable
from functools import partial

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
        shown, places = store.read(lambda tables: _latest(tables, workspace))
        while True:
            for one in shown:
                _print(console, one, as_json=as_json)
            if not follow or not (len(shown) >= bounds.PAGE_MOST or rest()):
                return 0
            shown, places = store.read(partial(_later, workspace=workspace, places=places))
    except KeyboardInterrupt:
        return 0


def _latest(tables: Tables, workspace: str | None) -> tuple[list[Shown], dict[int, int]]:
    workspaces = chosen(tables, workspace)
    rows = [(w, row) for w in workspaces for row in tables.workspace(w).events.newest(_LATEST)]
    rows = sorted(rows, key=lambda found: found[1][0])[-_LATEST:]
    places = {w: tables.workspace(w).events.latest_id() for w in workspaces}
    return [(row, _what_followed(tables, w, row[0])) for w, row in rows], places


def _later(tables: Tables, workspace: str | None, places: dict[int, int]) -> tuple[list[Shown], dict[int, int]]:
    found = {
        w: tables.workspace(w).events.committed_after(places.get(w, 0), bounds.PAGE_MOST)
        for w in chosen(tables, workspace)
    }
    # Within a workspace in the order of the commits, which need not be that of the ids.
    together = heapq.merge(*([(w, row) for row in rows] for w, rows in found.items()), key=lambda one: one[1][0])
    places = places | {w: rows[-1][0] for w, rows in found.items() if rows}
    return [(row, _what_followed(tables, w, row[0])) for w, row in together], places


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
