"""The master key beside the data, for those who have not chosen one: made on the first start, for this user alone."""

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from ensue.base.errors import Unavailable
from ensue.base.sealing import KEY_BYTES, read_key

FILE = "secret.key"


def kept_in(folder: Path) -> bytes:
    """The key of a folder, made when there is none.

    Raises:
        Unavailable: the file holds no key. OSError: it can be neither read nor made.
    """
    path = folder / FILE
    if not path.exists():
        _make(path)
    try:
        return read_key(path.read_text("ascii"))
    except ValueError:
        raise Unavailable(f"{path} does not hold {KEY_BYTES} bytes in base64; put it back from a copy.") from None


def _make(path: Path) -> None:
    """Write a new key, durable before it has its name: what was sealed with one that is lost stays sealed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Whoever else starts at the same time made one, too: the first one counts.
        with suppress(FileExistsError):
            os.link(draft, path)
        _make_durable(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _make_durable(folder: Path) -> None:
    if os.name == "nt":
        return  # A folder cannot be opened there.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
