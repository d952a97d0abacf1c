"""What a request handler may use: handed in by the composition root, nothing global."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from ensue.base.sealing import Sealer, Signer
from ensue.channels.channel import Channel
from ensue.channels.outgoing_http import OutgoingHttp
from ensue.channels.telegram.bot_api import BotApi
from ensue.config import Config
from ensue.engine.engine import Engine
from ensue.engine.working_set import WorkingSet
from ensue.store.ports import Readable, Tables
from ensue.worker.glance import glance
from ensue.worker.group_commit import GroupCommit
from ensue.worker.wakes import Wakes

T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    """The running parts of the program."""

    config: Config
    engine: Engine
    store: Readable
    commits: GroupCommit
    wakes: Wakes
    readers: ThreadPoolExecutor
    sealer: Sealer
    signer: Signer
    http: OutgoingHttp
    telegram: BotApi
    channels: Mapping[str, Channel]

    def write(self, work: Callable[[Tables], T]) -> Awaitable[T]:
        """Run work in the next shared transaction; the result comes once it is durable."""
        return self.commits.run(work)

    def change(self, workspace_id: int, work: Callable[[WorkingSet], T]) -> Awaitable[T]:
        """Run work on a workspace's working set; the result comes once what it changed is durable."""
        return self.commits.run(lambda tables: self.engine.within(tables, workspace_id, work))

    def ask(self, question: Callable[[Tables], T]) -> Awaitable[T]:
        """Run queries on a thread of their own, on one snapshot."""
        return asyncio.get_running_loop().run_in_executor(self.readers, self.store.read, question)

    async def glance(self, question: Callable[[Tables], T]) -> T:
        """Run a query that is answered by an index in microseconds."""
        return await glance(self.store, question)
