"""Console blocks of a document: commands after `$`, and what they print.

Ids, keys, times and passwords differ each time, so they match any of their kind; `…` matches anything. Run with
REWRITE_DOCS=1 to put what was really printed into the document.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_KINDS = (
    r"\b(?:ws|usr|key|ct|tag|evt|seg|sr|cmp|enr|bf|inv)_[0-9a-z]{13}\b",
    r"\bens_[0-9A-Za-z]{4,43}\b",
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z",
    r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}",
)


@dataclass
class Command:
    """One command (it may go over several lines), as the document has it, and the output that it shows."""

    text: str
    source: str
    shown: str = ""


def blocks(document: str) -> list[list[Command]]:
    """The commands of each console block, in order."""
    return [_commands(block) for block in _BLOCK.findall(document)]


def _commands(block: str) -> list[Command]:
    commands: list[Command] = []
    going_on = False
    for line in block.splitlines():
        if line.startswith("$ ") or going_on:
            text = line.removeprefix("$ ").removeprefix("> ")
            if going_on:
                commands[-1].text += "\n" + text
                commands[-1].source += line + "\n"
            else:
                commands.append(Command(text, line + "\n"))
            going_on = line.endswith("\\") or commands[-1].text.count("'") % 2 == 1
        else:
            commands[-1].shown += line + "\n"
    return commands


def matches(shown: str, printed: str) -> bool:
    """Whether what was printed is what the document shows, but for what differs each time."""
    parts = re.split(f"({'|'.join(_KINDS)}|…)", shown.strip())
    return re.fullmatch("".join(_pattern(part) for part in parts), printed.strip(), re.DOTALL) is not None


def _pattern(part: str) -> str:
    if part == "…":
        return ".*"
    return next((kind for kind in _KINDS if re.fullmatch(kind, part)), re.escape(part))


class Shell:
    """One bash that keeps its variables from command to command."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=environment,
        )

    def run(self, command: str) -> str:
        """What a command prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        end = "=== the end of the command ==="
        self._process.stdin.write(f"{command}\necho; echo '{end}'\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.strip() == end:
                break
            printed.append(line)
        return "".join(printed).strip("\n")

    def close(self) -> None:
        """End it."""
        self._process.communicate()
