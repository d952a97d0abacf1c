"""A workspace whose webhooks go to a sink, on simulated time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.api.house import House, Visitor
from tests.webhooks.sink import WITHIN, Sink


class Shop:
    """What tests of deliveries do again and again."""

    def __init__(self, house: House, owner: Visitor, sink: Sink) -> None:
        self.house = house
        self.owner = owner
        self.sink = sink
        self.w = owner.w

    def listen(self, *events: str, path: str = "/", url: str | None = None) -> dict[str, Any]:
        """A new webhook, with its secret."""
        body = {"url": url or self.sink.url(path), "events": list(events) or ["contact.created"]}
        made: dict[str, Any] = self.owner.post(f"{self.w}/webhooks", body, 201)
        made["path"] = f"{self.w}/webhooks/{made['id']}"
        return made

    def contact(self, **fields: Any) -> dict[str, Any]:
        contact: dict[str, Any] = self.owner.post(f"{self.w}/contacts", fields, 201)
        return contact

    def get(self, webhook: dict[str, Any]) -> Any:
        return self.owner.get(webhook["path"])

    def deliveries(self, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        """Oldest first."""
        page: dict[str, Any] = self.owner.get(f"{webhook['path']}/deliveries{query}")
        newest_first: list[dict[str, Any]] = page["data"]
        return newest_first[::-1]

    def delivery(self, webhook: dict[str, Any], number: int = 0) -> Any:
        return self.owner.get(f"{webhook['path']}/deliveries/{self.deliveries(webhook)[number]['id']}")

    def until(self, holds: Callable[[], Any]) -> Any:
        """What `holds` returns, once that is true: looked at after each commit."""
        deadline = time.monotonic() + WITHIN
        while not (found := holds()):
            assert time.monotonic() < deadline, "it never came"
            self.house.call(self._next_commit)
        return found

    def settled(self, webhook: dict[str, Any], attempts: int, number: int = 0) -> dict[str, Any]:
        """A delivery, once so many attempts are over."""

        def over() -> dict[str, Any] | None:
            found = self.deliveries(webhook)[number : number + 1 or None]
            return found[0] if found and found[0]["status"] != "SENDING" and found[0]["attempts"] >= attempts else None

        settled: dict[str, Any] = self.until(over)
        return settled

    def forward(self, milliseconds: int) -> None:
        """Let time pass, and let the loops notice."""
        self.house.clock.advance(milliseconds)
        self.house.flush()

    async def _next_commit(self) -> None:
        await self.house.services.wakes.wait(0.05)
        await asyncio.sleep(0)
