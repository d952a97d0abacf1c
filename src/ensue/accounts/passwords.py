"""Passwords: argon2id, a few at once, on threads of their own."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from ensue.accounts import bounds
from ensue.base.errors import Unavailable

T = TypeVar("T")

_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1, type=Type.ID)

DECOY: Final = "$argon2id$v=19$m=47104,t=1,p=1$Jv4Km30G4pgr9bjHxvrOaw$dAIGSQNqp5ecDzCZzH0Uo5P2ZMXrB6QZc25T7lEiXp4"
"""Verified for accounts that do not exist, at the same cost, so that time does not say who has one."""


class Passwords:
    """Hashes and verifies without blocking the event loop, `bounds.HASHING_AT_ONCE` at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(bounds.HASHING_AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is stored of a password.

        Raises:
            Unavailable: too many are waiting.
        """
        return await self._run(lambda: _hasher.hash(_normal(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether a password is the stored one. None stands for an account that does not exist.

        Raises:
            Unavailable: too many are waiting.
        """
        matches = await self._run(lambda: _matches(stored or DECOY, password))
        return matches and stored is not None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= bounds.HASHING_WAITING:
            raise Unavailable("Too many people are signing in.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    # The same password typed on two systems can arrive composed or decomposed.
    return unicodedata.normalize("NFKC", password)
