"""`python -m bench [--quick | --full] [--only NAME] [--json FILE]`."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from bench import background, campaigns, load, mail, postgres, posting, scale, table
from bench.stage import Stage
from bench.table import Line

MEASUREMENTS: dict[str, Callable[[Stage], list[Line]]] = {
    "post": posting.single,
    "batch": posting.batches,
    "list": scale.listing,
    "contacts": scale.contacts,
    "history": scale.history,
    "rules": scale.rules,
    "timers": background.timers,
    "preview": background.preview,
    "backfill": background.backfill,
    "steps": campaigns.steps,
    "asleep": campaigns.asleep,
    "enrolments": campaigns.wave,
    "mails": mail.mails,
    "postgres": postgres.posting,
}
_IDLE_MIB = 120.0
_RUN_MIB = 400.0


def main(arguments: list[str]) -> int:
    """Measure, print the table; 1 when a bar is missed."""
    options = _options(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    stage = Stage(folder, full=options.full)
    generator = f"{load.GENERATOR} on the same {os.cpu_count()} cores"
    print(f"{'full' if options.full else 'quick'} run; the load comes from {generator}", flush=True)
    begun = time.monotonic()
    try:
        lines = [line for name in options.only or MEASUREMENTS for line in _measured(name, stage)]
    finally:
        shutil.rmtree(folder)
    lines += _memory(stage)
    print(table.text(lines))
    print(f"{time.monotonic() - begun:.0f} s; medians of {stage.rounds} rounds, interleaved; {_soundness(lines)}")
    if options.json:
        about = {
            "full": options.full, "rounds": stage.rounds, "load": generator, "python": platform.python_version(),
            "sqlite": apsw.sqlite_lib_version(), "machine": platform.platform(),
        }  # fmt: skip
        table.write_json(lines, options.json, about)
    return 0 if all(line.passed for line in lines) else 1


def _measured(name: str, stage: Stage) -> list[Line]:
    """A measurement that fails is a line of its own: the others still count."""
    print(f"{name} ...", flush=True)
    try:
        return MEASUREMENTS[name](stage)
    except (load.Unsound, RuntimeError, OSError) as error:
        return [Line(name, "-", "-", None, 0, at_least=True, note=f"does not count: {error}")]


def _soundness(lines: list[Line]) -> str:
    unsound = sum(line.ratio is None for line in lines)
    if unsound:
        return f"{unsound} of these do not count, see their notes"
    return "every answer was 2xx, and all that was acknowledged is stored"


def _memory(stage: Stage) -> list[Line]:
    lines = []
    own = {name: memory for name, memory in stage.memory.items() if name not in ("floor", "list, same bytes")}
    for at, what, bar in ((0, "idle", _IDLE_MIB), (1, "most in a run", _RUN_MIB)):
        if own:
            name, memory = max(own.items(), key=lambda item: item[1][at])
            lines.append(
                Line(
                    f"memory, {what}", f"{memory[at]:.0f} MiB ({name})", f"{bar:.0f} MiB", memory[at] / bar, 1.0,
                    at_least=False, figures={name: memory[at] for name, memory in own.items()},
                )
            )  # fmt: skip
    return lines


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Ensue; every figure is a ratio of one run.")
    thorough = parser.add_mutually_exclusive_group()
    thorough.add_argument("--quick", action="store_true", help="small sizes (the default)")
    thorough.add_argument("--full", action="store_true", help="10,000,000 events and 1,000,000 contacts")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table for machines, too")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where the stores are made (%(default)s)")
    options: argparse.Namespace = parser.parse_args(arguments)
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
