"""`run.py` in a made-up checkout: the real environment and the real pip, but nothing to download."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run

ROOT = Path(run.__file__).parent


class Checkout:
    """A folder with run.py, two locks without packages, and a command line that prints what it is given."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = folder / "requirements.lock"
        self.venv = folder / ".venv"
        package = folder / "src" / "ensue"
        package.mkdir(parents=True)
        shutil.copy(ROOT / "run.py", folder)
        package.joinpath("__init__.py").touch()
        package.joinpath("cli.py").write_text("import sys; print(sys.argv[1:]); sys.exit(7)", encoding="utf-8")
        self.lock.write_text("# nothing\n", encoding="utf-8")
        folder.joinpath("requirements-dev.lock").write_text("# nothing\n", encoding="utf-8")

    def start(self, *arguments):
        command = [sys.executable, "run.py", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=100)

    def mark(self):
        """Leave a file that stays as long as the environment is not laid anew."""
        mark = self.venv / "mark"
        mark.touch()
        return mark


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    first = made.start("--help")
    assert first.returncode == 7, first.stderr
    assert "Installing" in first.stderr
    return made


def test_the_command_line_gets_the_arguments_and_gives_the_exit_code(checkout):
    ended = checkout.start("verify", "--json")
    assert (ended.stdout, ended.returncode) == ("['verify', '--json']\n", 7)


def test_without_arguments_it_serves(checkout):
    assert checkout.start().stdout == "['serve']\n"


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--port", "9000"], ("serve", ["--port", "9000"])),
        (["--help"], ("--help", [])),
        (["demo", "--port", "9000"], ("demo", ["--port", "9000"])),
    ],
)
def test_options_without_a_command_are_those_of_serve(arguments, asked):
    assert run.asked(arguments) == asked


def test_the_second_start_installs_nothing(checkout):
    before = (checkout.venv / "requirements.stamp").stat().st_mtime_ns
    ended = checkout.start("version")
    assert ended.stderr == ""
    assert (checkout.venv / "requirements.stamp").stat().st_mtime_ns == before


def test_an_interrupted_installation_is_done_again_from_nothing(checkout):
    mark = checkout.mark()
    (checkout.venv / "requirements.stamp").unlink()
    ended = checkout.start("version")
    assert ended.stdout == "['version']\n"
    assert not mark.exists()
    assert checkout.start("version").stderr == ""


def test_another_lock_is_installed_into_the_same_place(checkout):
    mark = checkout.mark()
    checkout.lock.write_text("# still nothing\n", encoding="utf-8")
    assert "Installing" in checkout.start("version").stderr
    assert mark.exists()


def test_a_lock_that_cannot_be_installed_is_said_and_tried_again(checkout):
    good = checkout.lock.read_text(encoding="utf-8")
    checkout.lock.write_text("./missing-1.0-py3-none-any.whl\n", encoding="utf-8")
    ended = checkout.start("version")
    assert ended.returncode == 1
    assert "run.py: pip could not install the packages" in ended.stderr
    checkout.lock.write_text(good, encoding="utf-8")
    assert checkout.start("version").stdout == "['version']\n"


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_an_older_python_is_refused_in_a_sentence(version):
    sentence = run.refuse_old_python(version)
    assert sentence is not None
    assert sentence.startswith(f"Ensue needs Python 3.11 or newer; this is Python 3.{version[1]}.{version[2]} (")


def test_this_python_will_do():
    assert run.refuse_old_python(tuple(sys.version_info[:3])) is None


def test_without_any_way_to_an_environment_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run, "PYTHON", tmp_path / ".venv/bin/python")
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="No module named ensurepip")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(run.InstallError, match=r"python3-venv.*(?s:.*)No module named ensurepip"):
        run.lay()


def test_show_holds_back_the_last_line(capsys):
    program = "print('one'); print('two'); raise SystemExit(3)"
    assert run.show([sys.executable, "-c", program]) == (3, "two")
    assert capsys.readouterr().out == "one\n"


def test_the_checks_all_run_and_the_closing_line_comes_last(monkeypatch, capsys):
    outcomes = iter([(1, "Found 1 error."), (0, ""), (0, ""), (0, ""), (0, "3 passed in 0.1s")])
    monkeypatch.setattr(run, "show", lambda _: next(outcomes))
    assert run.check() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 passed in 0.1s"
    assert [line.split()[-3] for line in lines[-6:-1]] == ["FAILED", "ok", "ok", "ok", "ok"]
    assert "Found 1 error." in lines
