"""A workspace with forms, and visitors who fill them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.api.house import House

HERE = "http://ensue.example.com"
FIELDS = [
    {"key": "email", "label": "E-mail", "type": "email", "required": True, "mapsTo": "email"},
    {"key": "name", "label": "Your name", "mapsTo": "firstName"},
    {"key": "age", "label": "Age", "type": "number", "mapsTo": "attributes.age"},
    {"key": "news", "label": "Send me news", "type": "checkbox", "mapsTo": "consents.EMAIL"},
]
JANE = {"email": "jane@example.com", "name": "Jane", "age": 30, "news": True}
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Counter:
    """A house, its owner, and the forms on its counter."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.owner = house.owner()
        self.visitor = house.visitor().client

    def form(self, **more: Any) -> str:
        """The id of a new ACTIVE form that anybody may send at any speed."""
        body = {"name": "Sign-up", "status": "ACTIVE", "fields": FIELDS, "minimumSeconds": 0, **more}
        made: dict[str, str] = self.owner.post(f"{self.owner.w}/forms", body, 201)
        return made["id"]

    def send(self, form: str, values: Any = None, headers: Any = None, **own: Any) -> Any:
        """The answer to a submission as JSON."""
        body = {"values": JANE if values is None else values, **own}
        return self.visitor.post(f"/api/forms/{form}/submit", json=body, headers=headers or {})

    def post(self, form: str, fields: Any, headers: Any = None) -> Any:
        """The answer to what an HTML form posts, as a browser gets it."""
        return self.visitor.post(
            f"/forms/{form}/submit", data=fields, headers=BROWSER | (headers or {}), follow_redirects=False
        )

    def page(self, form: str, query: str = "") -> Any:
        """The hosted page."""
        return self.visitor.get(f"/forms/{form}{query}", headers=BROWSER)

    def submissions(self, form: str, status: str = "ACCEPTED") -> list[dict[str, Any]]:
        """What was kept, newest first."""
        found: dict[str, Any] = self.owner.get(f"{self.owner.w}/forms/{form}/submissions?status={status}")
        data: list[dict[str, Any]] = found["data"]
        return data

    def events(self) -> list[dict[str, Any]]:
        """The events that followed, newest first."""
        found: list[dict[str, Any]] = self.owner.get(f"{self.owner.w}/events?type=form.submitted")
        return found

    def contacts(self) -> list[dict[str, Any]]:
        """Everybody."""
        found: dict[str, Any] = self.owner.get(f"{self.owner.w}/contacts")
        data: list[dict[str, Any]] = found["data"]
        return data


@contextmanager
def open_counter(folder: Path, **options: Any) -> Iterator[Counter]:
    """A counter in a house of its own; `options` are those of the house."""
    with House(folder, public_url=HERE, **options) as house:
        yield Counter(house)
