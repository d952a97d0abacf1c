"""The composition root: puts the parts together, and alone imports the concrete stores."""

from pathlib import Path
from typing import NoReturn

from ensue.base.errors import Unavailable
from ensue.config import Config


def serve(config: Config) -> int:
    """Serve until told to stop."""
    _refuse(config, "serve")


def demo(config: Config) -> int:
    """Serve an example workspace."""
    _refuse(config, "demo")


def verify(config: Config, workspace: str | None, as_json: bool) -> int:
    """Derive everything again and report each difference; 1 when there is one."""
    _refuse(config, "verify", workspace, as_json)


def explain(config: Config, workspace: str | None, segment: str, contact: str, as_json: bool) -> int:
    """Say why a contact is, or is not, in a segment."""
    _refuse(config, "explain", workspace, segment, contact, as_json)


def tail(config: Config, workspace: str | None, follow: bool, as_json: bool) -> int:
    """Show the latest events and what each one did."""
    _refuse(config, "tail", workspace, follow, as_json)


def doctor(config: Config, as_json: bool) -> int:
    """Check that this machine is fit to serve; 1 when it is not."""
    _refuse(config, "doctor", as_json)


def backup(config: Config, to: Path) -> int:
    """Copy everything into one file."""
    _refuse(config, "backup", to)


def _refuse(config: Config, command: str, *_: object) -> NoReturn:
    raise Unavailable(f"This version cannot {command} yet; nothing in {config.data} was touched.")
