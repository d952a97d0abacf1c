"""Proof of the power-loss layer itself, on plain apsw: it spares what SQLite synced and takes what SQLite did not."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from tests.fault.power_loss import SECTOR, Operation, PowerLossVFS, register

FILE = "ledger.db"
LIVES = 60
SEEDS = (1, 2, 3)


@pytest.fixture
def vfs() -> Iterator[PowerLossVFS]:
    layer = register("power-loss")
    yield layer
    layer.unregister()


@dataclass
class Ledger:
    """The client's own record: an id is acknowledged only once its commit has returned."""

    acknowledged: set[int] = field(default_factory=set)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def batch(self, size: int) -> list[int]:
        return list(itertools.islice(self._ids, size))


@dataclass(frozen=True)
class Finding:
    lost: frozenset[int]
    flaw: str | None

    @property
    def clean(self) -> bool:
        return not self.lost and self.flaw is None


def connect(
    vfs: PowerLossVFS | None, directory: Path, synchronous: str = "FULL", autocheckpoint: int = 1000
) -> apsw.Connection:
    connection = apsw.Connection(str(directory / FILE), vfs=vfs.name if vfs else None)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", synchronous)
    connection.wal_autocheckpoint(autocheckpoint)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, payload BLOB);"
        "CREATE TABLE IF NOT EXISTS tally(one INTEGER PRIMARY KEY, events INTEGER);"
        "INSERT OR IGNORE INTO tally VALUES (1, 0)"
    )
    return connection


def commit_group(connection: apsw.Connection, ledger: Ledger, rng: random.Random) -> None:
    ids = ledger.batch(rng.randint(1, 5))
    # Not `with connection`: where SQLite has rolled back by itself, apsw's own rollback fails and hides the error.
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(
            "INSERT INTO event VALUES (?, ?)", [(number, rng.randbytes(rng.randint(0, 6000))) for number in ids]
        )
        connection.execute("UPDATE tally SET events = events + ?", (len(ids),))
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    ledger.acknowledged.update(ids)


def live(vfs: PowerLossVFS, directory: Path, left: Path, synchronous: str, ledger: Ledger, rng: random.Random) -> None:
    """Commit until the power goes, beside a reader that keeps some checkpoints from finishing."""
    with (
        ExitStack() as connections,
        vfs.until_power_loss(after=rng.randrange(120), seed=rng.getrandbits(32), into=left),
    ):
        writer = connect(vfs, directory, synchronous, autocheckpoint=rng.choice((2, 20, 1000)))
        connections.callback(writer.close)
        reader = apsw.Connection(str(directory / FILE), vfs=vfs.name)
        connections.callback(reader.close)
        while True:
            commit_group(writer, ledger, rng)
            if rng.random() < 0.3:
                reader.execute("END" if reader.in_transaction else "BEGIN; SELECT count(*) FROM event").fetchall()


def inspect(directory: Path, ledger: Ledger) -> Finding:
    """Judge a copy, so that opening it does not spare the next life the recovery."""
    copy = directory.with_name(directory.name + "-inspected")
    shutil.copytree(directory, copy)
    connection = apsw.Connection(str(copy / FILE))
    try:
        connection.pragma("synchronous", "OFF")
        return _inspect(connection, ledger)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return Finding(frozenset(), f"unreadable: {error}")
    finally:
        connection.close()
        shutil.rmtree(copy)


def _inspect(connection: apsw.Connection, ledger: Ledger) -> Finding:
    verdict = connection.pragma("integrity_check")
    if verdict != "ok":
        return Finding(frozenset(), f"integrity_check: {verdict}")
    if not connection.table_exists(None, "tally"):
        return Finding(frozenset(ledger.acknowledged), None)
    found = {number for (number,) in connection.execute("SELECT id FROM event")}
    tally = connection.execute("SELECT max(events) FROM tally").get or 0
    return Finding(
        lost=frozenset(ledger.acknowledged - found),
        flaw=None if tally == len(found) else f"half a group: {len(found)} events, {tally} tallied",
    )


def settle(directory: Path, ledger: Ledger, rng: random.Random) -> None:
    """A database from before the disk's first day: all of it durable."""
    connection = connect(None, directory, synchronous="OFF")
    for _ in range(10):
        commit_group(connection, ledger, rng)
    connection.close()


def first_damage(
    vfs: PowerLossVFS, root: Path, synchronous: str, seed: int, *, settled: bool = False
) -> Finding | None:
    """One database through many lives, each on what the last power cut left of it."""
    rng, ledger = random.Random(seed), Ledger()
    directory = root / "life-0"
    directory.mkdir(parents=True)
    if settled:
        settle(directory, ledger, rng)
    for life in range(1, LIVES + 1):
        left = root / f"life-{life}"
        live(vfs, directory, left, synchronous, ledger, rng)
        directory = left
        finding = inspect(directory, ledger)
        if not finding.clean:
            return finding
    assert len(ledger.acknowledged) > LIVES, "too little was acknowledged for the loop to prove anything"
    return None


@pytest.mark.parametrize("seed", SEEDS)
def test_full_sync_keeps_every_acknowledged_commit(vfs: PowerLossVFS, tmp_path: Path, seed: int) -> None:
    finding = first_damage(vfs, tmp_path, "FULL", seed)
    assert finding is None, f"seed {seed}: {finding}"


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_sync_loses_acknowledged_commits_and_nothing_else(vfs: PowerLossVFS, tmp_path: Path, seed: int) -> None:
    for run, settled in enumerate((False, True)):
        finding = first_damage(vfs, tmp_path / str(run), "NORMAL", seed, settled=settled)
        assert finding is not None, f"seed {seed}"
        assert finding.flaw is None, f"seed {seed}: {finding}"
        assert finding.lost, f"seed {seed}: {finding}"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_sync_loses_acknowledged_commits_and_corrupts(vfs: PowerLossVFS, tmp_path: Path, seed: int) -> None:
    runs = [first_damage(vfs, tmp_path / str(run), "OFF", seed + 1000 * run, settled=True) for run in range(20)]
    findings = [finding for finding in runs if finding is not None]
    assert len(findings) == len(runs), f"seed {seed}: {runs}"
    assert any(finding.lost for finding in findings), f"seed {seed}: {findings}"
    assert any(finding.flaw for finding in findings), f"seed {seed}: {findings}"


@pytest.mark.parametrize(
    "mode", [apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_RESTART, apsw.SQLITE_CHECKPOINT_TRUNCATE]
)
def test_a_cut_at_every_change_of_a_checkpoint_and_the_commit_after_it(
    vfs: PowerLossVFS, tmp_path: Path, mode: int
) -> None:
    for cut in itertools.count():
        rng, ledger = random.Random(cut), Ledger()
        directory = tmp_path / f"cut-{cut}"
        directory.mkdir()
        connection, whole = connect(vfs, directory, autocheckpoint=0), False
        for _ in range(6):
            commit_group(connection, ledger, rng)
        with vfs.until_power_loss(after=cut, seed=cut, into=tmp_path / f"left-{cut}"):
            connection.wal_checkpoint(mode=mode)
            commit_group(connection, ledger, rng)
            whole = True
        connection.close()
        finding = inspect(tmp_path / f"left-{cut}", ledger)
        assert finding.clean, f"cut (and seed) {cut}: {finding}"
        if whole:
            assert cut > 10, "the checkpoint moved too few pages to prove anything"
            return


def test_a_cut_of_a_closing_database_loses_nothing(vfs: PowerLossVFS, tmp_path: Path) -> None:
    for seed in range(20):
        rng, ledger = random.Random(seed), Ledger()
        directory, left = tmp_path / f"closed-{seed}", tmp_path / f"left-{seed}"
        directory.mkdir()
        connection = connect(vfs, directory)
        commit_group(connection, ledger, rng)
        connection.close()
        vfs.lose_power(seed, into=left)
        assert inspect(left, ledger).clean, f"seed {seed}"


# The disk alone, through raw file handles.


def raw_file(vfs: PowerLossVFS, path: Path, kind: int = apsw.SQLITE_OPEN_MAIN_DB) -> apsw.VFSFile:
    return vfs.xOpen(str(path), [kind | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE, 0])


def test_sectors_are_kept_dropped_and_torn_each_on_its_own(vfs: PowerLossVFS, tmp_path: Path) -> None:
    old, new = b"o" * SECTOR, b"n" * SECTOR
    fates: set[str] = set()
    for seed in range(60):
        path = tmp_path / f"disk-{seed}"
        path.write_bytes(old * 4)
        file = raw_file(vfs, path)
        file.xWrite(new * 2, SECTOR)
        vfs.lose_power(seed, into=tmp_path / f"left-{seed}")
        image = (tmp_path / f"left-{seed}" / path.name).read_bytes()
        assert image[:SECTOR] + image[-SECTOR:] == old * 2, f"seed {seed}: a sector nobody wrote has changed"
        fates.add("-".join(_fate(image[start : start + SECTOR], old, new) for start in (SECTOR, 2 * SECTOR)))
    assert fates == {"-".join(pair) for pair in itertools.product(("kept", "dropped", "torn"), repeat=2)}


def _fate(sector: bytes, old: bytes, new: bytes) -> str:
    return {old: "dropped", new: "kept"}.get(sector, "torn")


def test_the_same_seed_leaves_the_same_bytes(vfs: PowerLossVFS, tmp_path: Path) -> None:
    def images(run: str) -> list[bytes]:
        left = []
        for seed in range(10):
            path = tmp_path / f"{run}-{seed}"
            path.write_bytes(b"o" * 5000)
            file = raw_file(vfs, path)
            file.xWrite(b"n" * 4000, 300)
            file.xTruncate(1000)
            file.xWrite(b"m" * 4000, 700)
            vfs.lose_power(seed, into=tmp_path / f"left-{run}-{seed}")
            left.append((tmp_path / f"left-{run}-{seed}" / path.name).read_bytes())
        return left

    first = images("first")
    assert first == images("second")
    assert len(set(first)) > 5


def test_unsynced_writes_to_one_place_can_arrive_out_of_order(vfs: PowerLossVFS, tmp_path: Path) -> None:
    survivors: set[bytes] = set()
    for seed in range(60):
        path = tmp_path / f"disk-{seed}"
        path.write_bytes(b"0")
        file = raw_file(vfs, path)
        file.xWrite(b"1", 0)
        file.xWrite(b"2", 0)
        vfs.lose_power(seed, into=tmp_path / f"left-{seed}")
        survivors.add((tmp_path / f"left-{seed}" / path.name).read_bytes())
    assert survivors == {b"0", b"1", b"2"}


def test_a_truncation_is_volatile_until_synced(vfs: PowerLossVFS, tmp_path: Path) -> None:
    def size_left(seed: int, *, synced: bool) -> int:
        path, left = tmp_path / f"disk-{seed}-{synced}", tmp_path / f"left-{seed}-{synced}"
        path.write_bytes(bytes(1000))
        file = raw_file(vfs, path)
        file.xTruncate(10)
        if synced:
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
        vfs.lose_power(seed, into=left)
        return (left / path.name).stat().st_size

    volatile = {size_left(seed, synced=False) for seed in range(60)}
    assert (min(volatile), max(volatile)) == (10, 1000)
    assert len(volatile) > 2, "no truncation stopped half-way"
    assert {size_left(seed, synced=True) for seed in range(20)} == {10}


def test_a_new_name_is_volatile_until_its_directory_is_synced(vfs: PowerLossVFS, tmp_path: Path) -> None:
    def found(seed: int, *, journal_synced: bool) -> bool:
        directory, left = tmp_path / f"dir-{seed}-{journal_synced}", tmp_path / f"left-{seed}-{journal_synced}"
        directory.mkdir()
        raw_file(vfs, directory / "db").xSync(apsw.SQLITE_SYNC_NORMAL)
        if journal_synced:
            raw_file(vfs, directory / "db-wal", apsw.SQLITE_OPEN_WAL).xSync(apsw.SQLITE_SYNC_NORMAL)
        vfs.lose_power(seed, into=left)
        return (left / "db").exists()

    assert {found(seed, journal_synced=False) for seed in range(20)} == {True, False}
    assert {found(seed, journal_synced=True) for seed in range(20)} == {True}


@pytest.mark.parametrize(("sync_directory", "outcomes"), [(False, {True, False}), (True, {False})])
def test_a_deletion_is_volatile_until_its_directory_is_synced(
    vfs: PowerLossVFS, tmp_path: Path, sync_directory: bool, outcomes: set[bool]
) -> None:
    def comes_back(seed: int) -> bool:
        path, left = tmp_path / f"disk-{seed}", tmp_path / f"left-{seed}"
        path.write_bytes(b"back")
        raw_file(vfs, path).xClose()
        vfs.xDelete(str(path), sync_directory)
        vfs.lose_power(seed, into=left)
        assert not (left / path.name).exists() or (left / path.name).read_bytes() == b"back"
        return (left / path.name).exists()

    assert {comes_back(seed) for seed in range(20)} == outcomes


def test_nothing_is_committed_between_the_cut_and_what_it_left(vfs: PowerLossVFS, tmp_path: Path) -> None:
    ledger = Ledger()
    connection = connect(vfs, tmp_path)
    vfs.cut_power(after=0)
    for _ in range(2):
        with pytest.raises(apsw.IOError):
            commit_group(connection, ledger, random.Random(1))
    assert not ledger.acknowledged
    vfs.lose_power(1, into=tmp_path / "left")
    connection.close()


def test_a_handle_from_before_the_cut_reaches_nothing(vfs: PowerLossVFS, tmp_path: Path) -> None:
    connection = connect(vfs, tmp_path)
    vfs.lose_power(1, into=tmp_path / "left")
    before = (tmp_path / "left" / FILE).read_bytes()
    vfs.fail(Operation.WRITE, apsw.SQLITE_FULL)
    commit_group(connection, Ledger(), random.Random(1))
    connection.close()
    assert vfs.changes == 0
    assert (tmp_path / "left" / FILE).read_bytes() == before


# The fault injector.


def test_a_full_disk_refuses_the_commit_keeps_reading_and_recovers(vfs: PowerLossVFS, tmp_path: Path) -> None:
    rng, ledger = random.Random(1), Ledger()
    connection = connect(vfs, tmp_path)
    commit_group(connection, ledger, rng)
    vfs.fail(Operation.WRITE, apsw.SQLITE_FULL, nth=2, lasting=True)
    for _ in range(3):
        with pytest.raises(apsw.FullError):
            commit_group(connection, ledger, rng)
    assert _inspect(connection, ledger).clean
    vfs.heal()
    commit_group(connection, ledger, rng)
    assert _inspect(connection, ledger).clean
    connection.close()


@pytest.mark.parametrize(
    ("operation", "code"),
    [(Operation.WRITE, apsw.SQLITE_IOERR_WRITE), (Operation.SYNC, apsw.SQLITE_IOERR_FSYNC)],
)
def test_a_fault_strikes_once_at_its_turn(vfs: PowerLossVFS, tmp_path: Path, operation: Operation, code: int) -> None:
    rng, ledger = random.Random(1), Ledger()
    connection = connect(vfs, tmp_path)
    fault = vfs.fail(operation, code, nth=3, name_end="-wal")
    failures = []
    for _ in range(6):
        try:
            commit_group(connection, ledger, rng)
        except apsw.Error as error:
            failures.append(vars(error)["extendedresult"])  # not in apsw's stubs
    assert failures == [code]
    assert fault.seen > 3
    connection.close()


def test_a_failed_read_is_reported(vfs: PowerLossVFS, tmp_path: Path) -> None:
    connect(vfs, tmp_path).close()
    connection = apsw.Connection(str(tmp_path / FILE), vfs=vfs.name)
    vfs.fail(Operation.READ, apsw.SQLITE_IOERR_READ)
    with pytest.raises(apsw.IOError):
        connection.execute("SELECT count(*) FROM event").fetchall()
    connection.close()


def test_what_a_failed_sync_was_to_save_is_not_saved_by_the_next(vfs: PowerLossVFS, tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"kept")
    file = raw_file(vfs, tmp_path / "db")
    file.xWrite(b"lost", 0)
    vfs.fail(Operation.SYNC, apsw.SQLITE_IOERR_FSYNC)
    with pytest.raises(apsw.IOError):
        file.xSync(apsw.SQLITE_SYNC_NORMAL)
    file.xSync(apsw.SQLITE_SYNC_NORMAL)
    assert file.xRead(4, 0) == b"lost"
    vfs.lose_power(0, into=tmp_path / "left")
    assert (tmp_path / "left" / "db").read_bytes() == b"kept"
