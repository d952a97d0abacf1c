"""The one table: what was measured, against what, the ratio, the bar."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

Figures = Mapping[str, object]


class Line(NamedTuple):
    """One row. `ratio` is None when nothing could be measured, and `note` says why."""

    name: str
    measured: str
    against: str
    ratio: float | None
    # None: no bar is set; the figure is for those who read.
    bar: float | None
    at_least: bool
    note: str = ""
    figures: Figures = MappingProxyType({})

    @property
    def passed(self) -> bool:
        """Whether the bar is reached."""
        if self.ratio is None or self.bar is None:
            return self.ratio is not None
        return self.ratio >= self.bar if self.at_least else self.ratio <= self.bar


def text(lines: list[Line]) -> str:
    """The table for people."""
    rows = [("", "measured", "against", "ratio", "bar", "")]
    rows += [
        (
            line.name,
            line.measured,
            line.against,
            "-" if line.ratio is None else f"{line.ratio:.3g}",
            f"{'>=' if line.at_least else '<='} {line.bar:g}" if line.bar is not None else "-",
            f"{_verdict(line)}  {line.note}",
        )
        for line in lines
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:5], widths, strict=True)), row[5]]).rstrip()
        for row in rows
    )


def _verdict(line: Line) -> str:
    if not line.passed:
        return "FAIL"
    return "pass" if line.bar is not None else ""


def write_json(lines: list[Line], file: Path, about: Figures) -> None:
    """The table for machines."""
    rows = [{**line._asdict(), "figures": dict(line.figures), "passed": line.passed} for line in lines]
    file.write_text(json.dumps({**about, "lines": rows}, indent=1) + "\n", "utf-8")
