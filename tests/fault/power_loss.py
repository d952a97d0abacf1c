# ruff: noqa: N802  (the methods of a VFS are named by SQLite)
"""A disk with a volatile write cache, as an apsw VFS: what SQLite did not sync, a power cut may lose.

`register(name)` puts it under every `apsw.Connection(path, vfs=name)`. SQLite works on ordinary files, which play the
page cache; beside them the disk keeps what has reached stable storage. `lose_power(seed, into)` writes what a machine
would find after the cut into a new directory. Handles opened before belong to a machine that is no more: what they
still do reaches nothing, and raises nothing, so that a test can close them. While other threads commit, stop them
first, by `cut_power(after=0)`: from the next change on every access raises, and nothing more can be acknowledged.

What a cut does, drawn from the seed:
- an unsynced write is split at 512-byte sectors; each is kept, dropped or torn, in any order. Bytes outside a write
  never change: SQLite relies on that (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, its default), and so does this disk;
- an unsynced truncation is kept, dropped, or stops half-way;
- a name created or deleted since its directory was last synced is as it was at any moment since. The directory is
  synced where SQLite's unix VFS does it: with the first sync of a journal or WAL handle, and when a delete asks.
  SQLite never renames, so neither does the disk; a rename outside SQLite is not seen.

Besides power: `cut_power(after=n)` stops the machine at the n-th change from now, in the middle of a commit if that is
where it falls; `fail(...)` makes the n-th read, write or sync fail. A failed sync loses what it was to save, as on
Linux: the pages are marked clean, the next sync reports success and saves nothing of them.

Limits. A seed replays the disk's choices; the random salts that SQLite puts into its log still differ from run to run.
The log's shared memory is the real one, inherited (apsw lets nobody override `xShm*`, and it does not survive a reboot
anyway). apsw raises an injected error even where SQLite swallows it, as it does for a failed automatic checkpoint: a
real disk would leave that commit's caller without an error. With `PRAGMA mmap_size`, reads bypass the injector.
Temporary files are neither tracked nor failed.
"""

from __future__ import annotations

import enum
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import apsw

SECTOR = 512

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_TRACKED = apsw.SQLITE_OPEN_MAIN_DB | _JOURNALS


class Operation(enum.Enum):
    READ = "read"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"


@dataclass(slots=True)
class Fault:
    """One armed failure; `seen` counts the operations it could have struck, and tells a test whether it did."""

    operation: Operation
    code: int
    nth: int
    lasting: bool
    name_end: str
    seen: int = 0

    def strikes(self, operation: Operation, path: Path) -> bool:
        if operation is not self.operation or not path.name.endswith(self.name_end):
            return False
        self.seen += 1
        return self.seen == self.nth or (self.lasting and self.seen > self.nth)


@dataclass(frozen=True, slots=True)
class _Write:
    offset: int
    payload: bytes

    def parts(self) -> Iterator[_Write]:
        """The write sector by sector: a disk promises nothing about two of them together."""
        start = 0
        while start < len(self.payload):
            stop = start + SECTOR - (self.offset + start) % SECTOR
            yield _Write(self.offset + start, self.payload[start:stop])
            start = stop

    def apply(self, image: bytearray) -> None:
        self._put(image, 0, len(self.payload))

    def tear(self, image: bytearray, rng: random.Random) -> None:
        start, stop = sorted(rng.randint(0, len(self.payload)) for _ in range(2))
        self._put(image, start, stop)

    def _put(self, image: bytearray, start: int, stop: int) -> None:
        # The length is metadata and may arrive without the bytes, which then read as zeros.
        _resize(image, max(len(image), self.offset + len(self.payload)))
        image[self.offset + start : self.offset + stop] = self.payload[start:stop]


@dataclass(frozen=True, slots=True)
class _Truncation:
    size: int

    def parts(self) -> Iterator[_Truncation]:
        yield self

    def apply(self, image: bytearray) -> None:
        _resize(image, self.size)

    def tear(self, image: bytearray, rng: random.Random) -> None:
        shorter, longer = sorted((self.size, len(image)))
        _resize(image, rng.randint(shorter, longer))


def _resize(image: bytearray, size: int) -> None:
    del image[size:]
    image.extend(bytes(size - len(image)))


class _Inode:
    """A file's content, apart from its names: a deleted file whose deletion is lost comes back with it."""

    def __init__(self, durable: bytes = b"") -> None:
        self._durable = bytearray(durable)
        self._unsynced: list[_Write | _Truncation] = []

    def write(self, offset: int, payload: bytes) -> None:
        self._unsynced.append(_Write(offset, payload))

    def truncate(self, size: int) -> None:
        self._unsynced.append(_Truncation(size))

    def sync(self) -> None:
        for change in self._unsynced:
            change.apply(self._durable)
        self._unsynced.clear()

    def fail_sync(self) -> None:
        # The worst that Linux does: the pages count as clean, and no later sync writes them.
        self._unsynced.clear()

    def after_power_loss(self, rng: random.Random) -> bytes:
        image = bytearray(self._durable)
        # One fixed share would make "nearly everything arrived" a rare outcome, and it is where commits half exist.
        kept = rng.choice((0.0, 0.5, 0.9, 1.0))
        parts = [part for change in self._unsynced for part in change.parts()]
        if rng.random() < 0.5:
            rng.shuffle(parts)
        for part in parts:
            if rng.random() < kept:
                part.apply(image)
            elif rng.random() < 0.5:
                part.tear(image, rng)
        return bytes(image)


@dataclass(slots=True)
class _Disk:
    """One machine's disk between two power losses."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    powered: bool = True
    gone: bool = False
    changes: int = 0
    cut_at: int | None = None
    faults: list[Fault] = field(default_factory=list)
    # What each name has meant since its directory was last synced, oldest first; None where there was no such file.
    names: dict[Path, list[_Inode | None]] = field(default_factory=dict)

    def open(self, path: Path) -> _Inode:
        # Only an unknown file is read here: closing any descriptor of a file drops this process's locks on it.
        if path not in self.names:
            self.names[path] = [_Inode(path.read_bytes()) if path.exists() else None]
        inode = self.names[path][-1]
        if inode is None:
            inode = _Inode()
            self.names[path].append(inode)
        return inode

    def delete(self, path: Path, sync_directory: bool) -> None:
        if path in self.names:
            self.names[path].append(None)
        if sync_directory:
            self.sync_directory(path.parent)

    def sync_directory(self, directory: Path) -> None:
        for path, meanings in self.names.items():
            if path.parent == directory:
                del meanings[:-1]

    def admit(self, operation: Operation, path: Path) -> None:
        """Raise if the machine is off, or an armed fault strikes."""
        if self.gone:
            return
        if operation is not Operation.READ and self.powered:
            self.powered = self.changes != self.cut_at
            self.changes += 1
        if not self.powered:
            _fail(apsw.SQLITE_IOERR)
        # Every fault counts every operation, also one that another fault stops.
        for fault in [fault for fault in self.faults if fault.strikes(operation, path)]:
            _fail(fault.code)

    def lose_power(self, rng: random.Random, into: Path) -> None:
        self.gone = True
        into.mkdir(parents=True)
        if not self.names:
            return
        base = os.path.commonpath([path.parent for path in self.names])
        for path, meanings in sorted(self.names.items()):
            inode = rng.choice(meanings)
            if inode is not None:
                found = into / path.relative_to(base)
                found.parent.mkdir(parents=True, exist_ok=True)
                found.write_bytes(inode.after_power_loss(rng))


def _fail(code: int) -> NoReturn:
    raise apsw.exception_for(code)


class _File(apsw.VFSFile):
    def __init__(self, disk: _Disk, path: Path, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        self._directory_unsynced = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNALS)
        with disk.lock:
            # The disk looks first: once the inherited open has created the file, it would seem to be an old one.
            self._inode = disk.open(self._path)
            super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        with self._disk.lock:
            self._disk.admit(Operation.READ, self._path)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        with self._disk.lock:
            self._disk.admit(Operation.WRITE, self._path)
            super().xWrite(data, offset)
            self._inode.write(offset, data)

    def xTruncate(self, newsize: int) -> None:
        with self._disk.lock:
            self._disk.admit(Operation.TRUNCATE, self._path)
            super().xTruncate(newsize)
            self._inode.truncate(newsize)

    def xSync(self, flags: int) -> None:
        # The inherited sync is left out: the files it would save are only this model's page cache.
        with self._disk.lock:
            try:
                self._disk.admit(Operation.SYNC, self._path)
            except apsw.Error:
                if self._disk.powered:
                    self._inode.fail_sync()
                raise
            self._inode.sync()
            if self._directory_unsynced:
                self._disk.sync_directory(self._path.parent)
                self._directory_unsynced = False

    def xDeviceCharacteristics(self) -> int:
        # Some file systems offer atomic batch writes, and SQLite would then commit past this disk.
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


class PowerLossVFS(apsw.VFS):
    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self._disk = _Disk()
        self._paths_gone: set[Path] = set()

    @property
    def powered(self) -> bool:
        return self._disk.powered

    @property
    def changes(self) -> int:
        """Writes, truncations, syncs and deletes since the power came on: the points where it can be cut."""
        return self._disk.changes

    def cut_power(self, *, after: int) -> None:
        """Let `after` more changes happen; the next one, and everything later, finds the machine off."""
        with self._disk.lock:
            self._disk.cut_at = self._disk.changes + after

    def lose_power(self, seed: int, into: Path) -> None:
        """Write what the cut left into the new directory `into`, below which the files keep their relative places.

        The machine is on again afterwards: a new connection is served, without a pending cut or fault.
        """
        disk, self._disk = self._disk, _Disk()
        with disk.lock:
            disk.lose_power(random.Random(seed), into)
            self._paths_gone.update(disk.names)

    @contextmanager
    def until_power_loss(self, *, after: int, seed: int, into: Path) -> Iterator[None]:
        """Run the block on a machine that dies `after` changes in, or at the block's end, and leaves `into`."""
        self.cut_power(after=after)
        try:
            yield
        except Exception as error:
            if self.powered or isinstance(error, AssertionError):
                raise
            # Not later: the exception's frames keep unfinished connections open, which then close without a word.
            self.lose_power(seed, into)
        else:
            self.lose_power(seed, into)

    def fail(
        self, operation: Operation, code: int, *, nth: int = 1, lasting: bool = False, name_end: str = ""
    ) -> Fault:
        """Fail the nth `operation` from now (and all later ones if `lasting`) on files whose name ends so."""
        fault = Fault(operation, code, nth, lasting, name_end)
        with self._disk.lock:
            self._disk.faults.append(fault)
        return fault

    def heal(self) -> None:
        with self._disk.lock:
            self._disk.faults.clear()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = _path(name)
        if path is None or path in self._paths_gone or not flags[0] & _TRACKED:
            return apsw.VFSFile("", name, flags)
        return _File(self._disk, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk, path = self._disk, Path(filename)
        if path in self._paths_gone:
            super().xDelete(filename, False)
            return
        with disk.lock:
            disk.admit(Operation.DELETE, path)
            super().xDelete(filename, False)
            disk.delete(path, syncdir)


def _path(name: str | apsw.URIFilename | None) -> Path | None:
    if name is None:
        return None
    return Path(name.filename() if isinstance(name, apsw.URIFilename) else name)


def register(name: str) -> PowerLossVFS:
    """Serve `apsw.Connection(path, vfs=name)` for as long as the result is referenced or a connection uses it."""
    return PowerLossVFS(name)
