"""The locks: pinned, hashed, bound to no registry, and the second one holds all of the first."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(lock):
    """Each requirement of a lock without its comments, by name and version."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {entry.split(" ", 1)[0]: entry for entry in text.replace("\\\n", " ").splitlines()}


def names(requirements):
    return {re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed(lock):
    for name, entry in pins(lock).items():
        assert re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+", name)
        assert "--hash=sha256:" in entry


@pytest.mark.parametrize("lock", LOCKS)
def test_no_registry_is_named(lock):
    assert not re.search(r"://|--(extra-)?index|--find-links", (ROOT / lock).read_text(encoding="utf-8"))


def test_the_development_lock_holds_the_other_one():
    assert pins(LOCKS[0]).keys() <= pins(LOCKS[1]).keys()


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert names(project["project"]["dependencies"]) <= names(pins(LOCKS[0]))
    assert names(project["dependency-groups"]["dev"]) <= names(pins(LOCKS[1]))
