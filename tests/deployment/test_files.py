"""What can be checked of the image and the compose file without building them."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from ensue import config
from ensue.cli import commands

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "postgres"}
COMMANDS = {row.name or row.callback.__name__ for row in commands.registered_commands if row.callback}
KNOWN = {option.variable for option in config.OPTIONS}


@pytest.mark.parametrize("name", OURS)
def test_each_of_our_containers_runs_a_command_with_options_that_there_are(name):
    assert OURS[name]["command"][0] in COMMANDS
    said = {variable for variable in OURS[name]["environment"] if variable.startswith("ENSUE_")}
    assert said <= KNOWN
    assert {"ENSUE_DATABASE_URL", "ENSUE_SECRET_KEY"} <= said


def test_no_secret_stands_in_the_file_and_none_has_a_default():
    secrets = [COMPOSE["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"]]
    for service in OURS.values():
        secrets += [service["environment"]["ENSUE_SECRET_KEY"], service["environment"]["ENSUE_DATABASE_URL"]]
    assert all(re.search(r"\$\{[A-Z_]+:\?", value) for value in secrets)
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text("utf-8")))
    offered = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert asked == offered


def test_the_database_keeps_its_data_in_a_volume_and_is_reached_by_nobody_else():
    (mounted,) = COMPOSE["services"]["postgres"]["volumes"]
    assert mounted.split(":")[0] in COMPOSE["volumes"]
    assert "ports" not in COMPOSE["services"]["postgres"]


def test_the_image_runs_as_nobody_special_from_locked_packages():
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0|root)", final, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE
    assert re.search(r"pip|apt|gcc", final) is None
    assert "/api/health/ready" in final
    assert set(re.findall(r"\b(ENSUE_[A-Z_]+)=", final)) <= KNOWN


def test_everything_that_is_copied_in_is_sent_to_the_build():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert source.split("/")[0] in sent
