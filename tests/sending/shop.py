"""A whole server with a workspace that sends over a real mail server, on simulated time."""

from itertools import pairwise
from typing import Any

from ensue.base.ids import read
from tests.api.house import House
from tests.sending.post_office import PostOffice

SIGN_UP = {"type": "EVENT", "eventType": "signup"}
WELCOME = {"channel": "EMAIL", "subject": "Hi {{ contact.firstName }}", "html": "<p>Welcome.</p>", "text": "Welcome."}


class Shop:
    """What tests say and ask. Nothing here waits for time to pass: `settle` waits for the server to have no work."""

    def __init__(self, house: House, office: PostOffice) -> None:
        self.house = house
        self.office = office
        self.owner = house.owner()
        self.w = self.owner.w
        self.workspace_id = read("ws", self.owner.workspace) or 0
        self.set_sender()

    def set_sender(self, **settings: Any) -> Any:
        wanted = {
            "host": "127.0.0.1", "port": self.office.port, "security": "NONE", "fromEmail": "shop@example.com",
        } | settings  # fmt: skip
        response = self.owner.send("PUT", f"{self.w}/senders/EMAIL", wanted)
        assert response.status_code == 200, response.text
        return response.json()

    # What happens

    def contact(self, email: str | None = "bob@example.org", **fields: Any) -> str:
        name = fields.pop("firstName", "Bob")
        made = self.owner.post(f"{self.w}/contacts", {"email": email, "firstName": name} | fields, 201)
        return str(made["id"])

    def consent(self, contact: str, status: str, channel: str = "EMAIL") -> None:
        response = self.owner.send(
            "PUT", f"{self.w}/contacts/{contact}/consents/{channel}", {"status": status, "source": "t"}
        )
        assert response.status_code == 200, response.text

    def campaign(self, *nodes: dict[str, Any], settings: dict[str, Any] | None = None, **send: Any) -> str:
        """An active campaign that sends; `send` changes what the only node says."""
        steps = list(nodes) or [{"id": "mail", "type": "send", "data": WELCOME | send}]
        edges = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(steps)]
        wanted = {
            "name": "Welcome", "status": "ACTIVE", "triggers": [SIGN_UP], "settings": settings or {},
            "workflow": {"nodes": steps, "edges": edges},
        }  # fmt: skip
        return str(self.owner.post(f"{self.w}/campaigns", wanted, 201)["id"])

    def sign_up(self, contact: str, **more: Any) -> Any:
        return self.owner.post(f"{self.w}/events", {"type": "signup", "contactId": contact} | more, 201)

    def send(self, status: int = 201, **fields: Any) -> Any:
        """One transactional message."""
        wanted = {"to": "ann@example.org", "subject": "Code", "text": "1234"} | fields
        return self.owner.post(f"{self.w}/messages", {k: v for k, v in wanted.items() if v is not None}, status)

    # Time

    def settle(self) -> None:
        """Return once nothing is due and nothing is being handed over."""

        async def settled() -> None:
            while self.house.store.read(self._busy):
                await self.house.services.wakes.wait(10)

        self.house.flush()
        self.house.call(settled)

    def pass_time(self, milliseconds: int) -> None:
        self.house.clock.advance(milliseconds)
        self.settle()

    def until_next_try(self, message: str) -> int:
        """Let the time pass until a message is tried again; returns how long that was."""
        next_at = self.row(message)["due_at"]
        pause = next_at - self.house.clock.now()
        self.pass_time(max(pause, 0))
        return int(pause)

    def _busy(self, tables: Any) -> bool:
        now = self.house.services.engine.ids.instant()
        leased = tables.sql.row("SELECT 1 FROM messages WHERE leased = 1 LIMIT 1")
        return leased is not None or bool(tables.lanes_due(now))

    # What is stored

    def messages(self, **which: str) -> list[Any]:
        query = "&".join(f"{name}={value}" for name, value in which.items())
        return list(self.owner.get(f"{self.w}/messages?{query}")["data"])

    def message(self, message: str) -> Any:
        return self.owner.get(f"{self.w}/messages/{message}")

    def only(self) -> Any:
        (message,) = self.messages()
        return self.message(message["id"])

    def row(self, message: str) -> dict[str, Any]:
        names = (
            "status",
            "reason",
            "attempt",
            "tries",
            "leased",
            "due_at",
            "address",
            "rendered",
            "contact_id",
            "detail",
        )
        (row,) = self.house.rows(f"SELECT {', '.join(names)} FROM messages WHERE id = ?", read("msg", message))
        return dict(zip(names, row, strict=True))
