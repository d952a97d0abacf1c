"""Ensue from a fresh checkout, with nothing but Python: `python3 run.py`.

The first start lays `.venv` from the locked, hashed packages of `requirements.lock`; every later start only compares
a stamp and goes on to the `ensue` command line. `test` and `bench` use `requirements-dev.lock` in the same place.

    python3 run.py                      start the server (the same as `serve`, whose options may follow)
    python3 run.py serve --port 9000    any command of `ensue` and its options; `--help` lists them
    python3 run.py test                 every check; with arguments only pytest, with these arguments
    python3 run.py bench                the benchmarks
"""

# An older Python must get as far as the sentence that refuses it: syntax of 3.6, annotations in quotes.
import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"


def main(arguments: "list[str]") -> int:
    """Install what is missing, then run what was asked for."""
    refusal = refuse_old_python(tuple(sys.version_info[:3]))
    if refusal:
        print(refusal, file=sys.stderr)
        return 1
    command, rest = asked(arguments)
    try:
        install(DEV_LOCK if command in ("test", "bench") else LOCK)
    except InstallError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    if command == "bench":
        os.chdir(str(ROOT))
        return become(["-m", "bench", *rest])
    if command == "test":
        os.chdir(str(ROOT))
        return become(["-m", "pytest", *rest]) if rest else check()
    return become(["-m", "ensue.cli", command, *rest])


def asked(arguments: "list[str]") -> "tuple[str, list[str]]":
    """The command and its arguments; options alone are those of `serve`."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] != "--help"):
        return "serve", arguments
    return arguments[0], arguments[1:]


def refuse_old_python(version: "tuple[int, ...]") -> "str | None":
    """The sentence for a Python that is too old, None for one that will do."""
    if version >= OLDEST:
        return None
    needed, found = (".".join(map(str, numbers)) for numbers in (OLDEST, version))
    return f"Ensue needs Python {needed} or newer; this is Python {found} ({sys.executable})."


def become(arguments: "list[str]") -> int:
    """Run the environment's Python in place of this process, so that signals reach it and its exit code is ours."""
    command = [str(PYTHON), *arguments]
    if os.name != "nt":  # there, exec would give the shell its prompt back at once
        os.execv(command[0], command)
    return subprocess.call(command)


# Installing


class InstallError(Exception):
    """The environment cannot be made; the message says what would help."""


def install(lock: "Path") -> None:
    """Bring the environment to a lock. It is complete only once its stamp is written, which is the last step."""
    wanted = stamp_of(lock)
    if stamp(lock) == wanted:
        return
    with one_at_a_time():
        if stamp(lock) == wanted:
            return
        if not can_be_extended():
            lay()
        print(f"Installing the packages of {lock.name} (once) ...", file=sys.stderr, flush=True)
        for stale in stamps():
            stale.unlink()
        pip(["install", "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)])
        packages_folder().joinpath("ensue.pth").write_text(str(ROOT / "src") + "\n", encoding="utf-8")
        write_stamp(lock, wanted)
        if lock == DEV_LOCK:  # it holds all of the other one, at the same versions
            write_stamp(LOCK, stamp_of(LOCK))


def stamp_of(lock: "Path") -> str:
    """What an environment made now from this lock would be stamped with."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return f"{digest}\n{foundation()}"


def foundation() -> str:
    """What an environment stands on: it breaks when the Python below it is replaced or the checkout is moved."""
    return f"{os.path.realpath(sys.executable)} {sys.version_info[0]}.{sys.version_info[1]} {ROOT}"


def stamp(lock: "Path") -> "str | None":
    """The stamp that this lock left, None when it never was installed or was interrupted."""
    try:
        return stamp_file(lock).read_text(encoding="utf-8")
    except OSError:
        return None


def stamp_file(lock: "Path") -> "Path":
    """Where a lock leaves its stamp."""
    return VENV / (lock.stem + ".stamp")


def stamps() -> "list[Path]":
    """The stamps that are there."""
    return [file for file in map(stamp_file, (LOCK, DEV_LOCK)) if file.exists()]


def write_stamp(lock: "Path", text: str) -> None:
    """Stamp in one step: a half-written stamp would be taken for another lock's."""
    fresh = VENV / "stamp.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(stamp_file(lock))


def can_be_extended() -> bool:
    """Whether the environment is whole, so that its packages can be changed in place. Without a stamp it is not."""
    whole = [file.read_text(encoding="utf-8").endswith("\n" + foundation()) for file in stamps()]
    return bool(whole) and all(whole) and PYTHON.exists()


@contextlib.contextmanager
def one_at_a_time() -> "Iterator[None]":
    """Let a second start wait for the first one's installation; the checkout itself is locked, so no file stays."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def lay() -> None:
    """Make an empty environment, by the first way that works on this machine."""
    ways = [["venv"], ["virtualenv"]]
    if importlib.util.find_spec("pip"):
        # Debian splits ensurepip off venv; the pip that is installed beside Python can fill the environment instead.
        ways.append(["venv", "--without-pip"])
    failures = []
    for way in ways:
        shutil.rmtree(str(VENV), ignore_errors=True)
        made = subprocess.run(
            [sys.executable, "-m", *way, str(VENV)],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if made.returncode == 0 and PYTHON.exists():
            return
        failures.append(f"  {' '.join(way)}: {(made.stderr or made.stdout).strip()}")
    shutil.rmtree(str(VENV), ignore_errors=True)
    raise InstallError(
        "This Python cannot make a virtual environment. On Debian and Ubuntu, `apt install python3-venv` mends that; "
        "elsewhere, `python3 -m pip install virtualenv`. What was tried:\n" + "\n".join(failures)
    )


def packages_folder() -> "Path":
    """Where the environment keeps its packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))


def pip(arguments: "list[str]") -> None:
    """Run the environment's pip, or on its behalf the pip of the Python below it."""
    own = packages_folder().joinpath("pip").exists()
    start = [str(PYTHON), "-m", "pip"] if own else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    quietly = ["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    if subprocess.call([*start, *arguments, *quietly], stdin=subprocess.DEVNULL) != 0:
        raise InstallError("pip could not install the packages; it says why above. Start again once that is mended.")


# Checking


def check() -> int:
    """Run every check, even after one failed; print what each took and, last, pytest's closing line."""
    checks = [
        ("ruff check", [str(PYTHON), "-m", "ruff", "check", "."]),
        ("ruff format", [str(PYTHON), "-m", "ruff", "format", "--check", "."]),
        ("mypy --strict", [str(PYTHON), "-m", "mypy"]),
        ("lint-imports", [str(PYTHON.with_name("lint-imports"))]),
        ("pytest", [str(PYTHON), "-m", "pytest", "-n", "auto"]),
    ]
    table = []
    closing = ""
    for name, command in checks:
        print(f"{closing}\n== {name}", flush=True)
        begun = time.monotonic()
        code, closing = show(command)
        table.append((name, code, time.monotonic() - begun))
    for name, code, seconds in table:
        print(f"{name:<14} {'ok' if code == 0 else 'FAILED':<7} {seconds:6.1f} s")
    print(closing, flush=True)
    return 1 if any(code for _, code, _ in table) else 0


def show(command: "list[str]") -> "tuple[int, str]":
    """Run a program and print its lines as they come, but for the last one, which is returned with the exit code."""
    held = ""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(held, end="", flush=True)
            held = line
    return process.returncode, held.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
