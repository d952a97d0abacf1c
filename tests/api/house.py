"""A whole server in the test's own process, on simulated time, with the people and keys that tests need."""

from typing import Any

from starlette.testclient import TestClient

from ensue.accounts import people, tokens
from ensue.api.access import Access
from ensue.api.http import make_app
from ensue.app import make_services, running
from ensue.base import ids
from ensue.base.clock import SimulatedClock, from_iso
from ensue.config import Config
from ensue.model.account import Invitation, Role
from ensue.storage import open_store

START = from_iso("2026-03-01T12:00:00.000Z")
PASSWORD = "sturdy lantern parade"
OURS = {"sec-fetch-site": "same-origin", "content-type": "application/json"}


class House:
    """The server, and who comes to it. Use it in a `with` block."""

    def __init__(self, folder, **options: Any):
        self.clock = SimulatedClock(START)
        self.config = Config(data=folder, **options)
        self.store = open_store(self.config)
        self.services = make_services(self.config, self.store, self.clock)
        self.app: Any = make_app(self.services, lambda: running(self.services))
        self._loop = TestClient(self.app, raise_server_exceptions=False)

    def __enter__(self):
        self._loop.__enter__()
        return self

    def __exit__(self, *error):
        self._loop.__exit__(*error)
        self.store.close()

    def visitor(self, **headers: str) -> "Visitor":
        """Somebody with a cookie jar of their own."""
        client = TestClient(self.app, raise_server_exceptions=False, headers=headers)
        client.portal = self._loop.portal
        return Visitor(client)

    def person(self, name: str, **more: Any) -> "Visitor":
        """Somebody with an account, signed in."""
        visitor = self.visitor()
        body = {"name": name.title(), "email": f"{name}@example.com", "password": PASSWORD, **more}
        visitor.id = visitor.post("/auth/register", body, 201)["user"]["id"]
        return visitor

    def owner(self) -> "Visitor":
        """The first person, with a workspace of their own."""
        owner = self.person("ada")
        owner.workspace = owner.post("/workspaces", {"name": "Shop", "slug": "shop"}, 201)["id"]
        return owner

    def member(self, owner: "Visitor", name: str, role: str) -> "Visitor":
        """Somebody with an account who has joined the owner's workspace."""
        invitation = owner.post(f"{owner.w}/invitations", {"email": f"{name}@example.com", "role": role}, 201)
        member = self.person(name, invitation=invitation["token"])
        member.workspace = owner.workspace
        return member

    def with_key(self, key: str, workspace: str, **headers: str) -> "Visitor":
        """A program with an API key and no cookies."""
        visitor = self.visitor(authorization=f"Bearer {key}", **headers)
        visitor.workspace = workspace
        return visitor

    @property
    def access(self) -> Access:
        """The door of the running app."""
        access: Access = self.app._app._control_plane._app.state.access
        return access

    def call(self, coroutine: Any, *arguments: Any) -> Any:
        """The result of a coroutine on the server's loop."""
        assert self._loop.portal is not None
        return self._loop.portal.call(coroutine, *arguments)

    def write(self, work: Any) -> Any:
        """Run work in a transaction, after everything that waits already."""

        async def written() -> Any:
            return await self.services.write(work)

        return self.call(written)

    def flush(self) -> None:
        """Return once everything written before is durable."""
        self.write(lambda tables: None)

    def elsewhere(self, statement: str) -> None:
        """Change the store as another process would: nobody here is told."""
        self.write(lambda tables: tables.sql.run(statement))

    def start_session(self, email: str) -> None:
        """Begin a session without the cost of a password."""

        def work(tables):
            user = tables.accounts.users.by_email(email)
            people.start_session(tables, self.services.engine.ids, user.id, "", None)

        self.write(work)

    def invite_directly(self, workspace: str, email: str, role: Role, token: str) -> None:
        """An invitation with a token of the test's choice."""
        number, now = ids.read("ws", workspace) or 0, self.clock.now()
        invitation = Invitation(
            number, self.services.engine.ids.next(), tokens.digest(token), email, email, role, now, now + 1
        )
        self.write(lambda tables: tables.accounts.of(number).invitations.put(invitation))

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the store."""
        return self.store.read(lambda tables: tables.sql.rows(statement, values))


class Visitor:
    """Sends requests below /api and says which status it expects."""

    id = ""
    workspace = ""

    def __init__(self, client: TestClient):
        self.client = client

    @property
    def w(self) -> str:
        """The path of their workspace."""
        return f"/workspaces/{self.workspace}"

    def send(self, method: str, path: str, body: Any = None, headers: Any = OURS):
        """The raw response."""
        return self.client.request(method, f"/api{path}", json=body, headers=headers)

    def _expect(self, status: int, method: str, path: str, body: Any = None) -> Any:
        response = self.send(method, path, body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def get(self, path: str, status: int = 200) -> Any:
        return self._expect(status, "GET", path)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._expect(status, "POST", path, body)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self._expect(status, "PATCH", path, body)

    def delete(self, path: str, status: int = 204) -> Any:
        return self._expect(status, "DELETE", path)
