"""Mailboxes in files, as mail servers deliver into them: mails are taken out one by one, and none is lost on the way.

What was understood is deleted. What was not is kept for a person: in a Maildir as read (`cur/`), of an mbox in a file
beside it (`.kept`). A mail that was taken and not settled, because the process was killed, comes again.
"""

import mailbox
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from ensue.base import bounds


class Mail(NamedTuple):
    """One mail as it lies there, cut off at `bounds.MAIL_READ`."""

    key: str
    body: bytes


class Mailbox(Protocol):
    """Everything raises OSError when the files cannot be used."""

    def take(self, limit: int) -> list[Mail]:
        """The next mails, in the order of their names or places; none when there are none."""
        ...

    def settle(self, mail: Mail, *, understood: bool) -> None:
        """Be done with a mail."""
        ...

    def close(self) -> None:
        """Let go of the files. What was taken and not settled is taken again by who opens the mailbox next."""
        ...


def opened(path: Path) -> Mailbox:
    """The mailbox at a path: a folder is a Maildir, anything else an mbox, which may not be there yet."""
    return Maildir(path) if path.is_dir() else Mbox(path)


class Maildir:
    """A folder with `new/` and `cur/`; a file in `new/` is whole, by the rules of Maildir."""

    def __init__(self, path: Path) -> None:
        self._new = path / "new"
        self._read = path / "cur"

    def take(self, limit: int) -> list[Mail]:
        """The next mails."""
        names = sorted(entry.name for entry in os.scandir(self._new) if entry.is_file(follow_symlinks=False))
        return [Mail(name, _beginning(self._new / name)) for name in names[:limit]]

    def settle(self, mail: Mail, *, understood: bool) -> None:
        """Be done with a mail."""
        if understood:
            (self._new / mail.key).unlink(missing_ok=True)
        else:
            self._read.mkdir(exist_ok=True)
            # Another server may have been first.
            with suppress(FileNotFoundError):
                (self._new / mail.key).rename(self._read / f"{mail.key.partition(':')[0]}:2,S")

    def close(self) -> None:
        """Nothing is held open."""


class Mbox:
    """One file of mails. It is moved aside under its lock, so that the mail server goes on with a new one at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(path.name + ".taken")
        self._kept = path.with_name(path.name + ".kept")
        self._box: mailbox.mbox | None = None
        self._left: list[str] = []

    def take(self, limit: int) -> list[Mail]:
        """The next mails."""
        if self._box is None:
            # One that lies aside already was not finished.
            if not self._aside.exists() and not self._move_aside():
                return []
            self._box = mailbox.mbox(self._aside, create=False)
            self._left = self._box.keys()
        keys, self._left = self._left[:limit], self._left[limit:]
        if not keys:
            self.close()
            self._aside.unlink()
        return [Mail(key, self._beginning(key)) for key in keys]

    def settle(self, mail: Mail, *, understood: bool) -> None:
        """Be done with a mail."""
        if not understood:
            kept = mailbox.mbox(self._kept)
            try:
                kept.add(mail.body)
            finally:
                kept.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._box is not None:
            self._box.close()
        self._box = None

    def _beginning(self, key: str) -> bytes:
        assert self._box is not None
        with self._box.get_file(key) as file:
            return file.read(bounds.MAIL_READ)

    def _move_aside(self) -> bool:
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        box = mailbox.mbox(self._path, create=False)
        try:
            box.lock()
            self._path.rename(self._aside)
        except mailbox.ExternalClashError:
            # The mail server is writing; there is a next time.
            return False
        finally:
            box.close()
        return True


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(bounds.MAIL_READ)
