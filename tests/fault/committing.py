"""Group commit over a `Site`, driven to its end on an event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ensue.base.errors import Unavailable
from ensue.worker.group_commit import GroupCommit
from tests.fault.site import Ledger, Site


class Committing:
    """Posts events as concurrent requests do, and keeps the ledger of those that were answered."""

    def __init__(self, site: Site, ledger: Ledger) -> None:
        self.site = site
        self.ledger = ledger
        self.refused: list[str] = []
        self.failures: list[BaseException] = []
        self.commits = GroupCommit(site.store, site.engine, failed=self.failures.append)

    async def post(self, key: str, who: int = 0) -> bool:
        """Whether the event was answered as created; False when it was refused as unavailable."""
        try:
            (outcome,) = await self.commits.ingest([self.site.arrival(key, who)])
        except Unavailable:
            self.refused.append(key)
            return False
        self.ledger.acknowledge(key, outcome)
        return True

    async def post_together(self, count: int) -> list[bool]:
        """Requests at the same time."""
        return await asyncio.gather(*(self.post(self.ledger.key(), who) for who in range(count)))


def driven(site: Site, ledger: Ledger, story: Callable[[Committing], Awaitable[Any]]) -> Committing:
    """Run a story over group commit, from its start to its close."""

    async def main() -> Committing:
        committing = Committing(site, ledger)
        committing.commits.start()
        try:
            async with asyncio.timeout(30):
                await story(committing)
                await committing.commits.close()
        finally:
            committing.commits._thread.shutdown()
        return committing

    return asyncio.run(main())
