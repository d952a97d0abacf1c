"""A mail that arrived at a real mail server, and what its reader does with it."""

import re
from typing import Any

from starlette.testclient import TestClient

from ensue.base.ids import read
from tests.api.house import House
from tests.sending.post_office import PostOffice
from tests.sending.shop import Shop

BASE = "http://shop.example/ensue"
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
HTML = (
    '<html><body><p>Hi</p><a href="https://a.example/?x=1&amp;y=2">one</a>'
    '<a href="https://b.example/">two</a><a href="{{ unsubscribeUrl }}">leave</a>'
    '<a href="{{ preferencesUrl }}">choose</a></body></html>'
)
TEXT = "One: https://a.example/?x=1&y=2. Leave: {{ unsubscribeUrl }}"


class Mailing(Shop):
    """One mail to Bob, a minute after it was sent."""

    def __init__(self, house: House, office: PostOffice) -> None:
        super().__init__(house, office)
        self.bob = self.contact()

    def mail(self, **send: Any) -> str:
        """Send Bob a mail by a campaign; its id."""
        self.campaign(html=HTML, text=TEXT, **send)
        self.sign_up(self.bob)
        self.settle()
        self.house.clock.advance(60_000)
        return str(self.messages()[0]["id"])

    @property
    def html(self) -> str:
        return self._part("text/html")

    @property
    def text(self) -> str:
        return self._part("text/plain")

    def _part(self, kind: str) -> str:
        (part,) = [part for part in self.office.letters[-1].mail.walk() if part.get_content_type() == kind]
        return str(part.get_content())

    def links(self) -> list[str]:
        return re.findall(r'href="([^"]+)"', self.html)

    @property
    def pixel(self) -> str:
        found = re.search(r'<img src="([^"]+)"', self.html)
        assert found is not None
        return found[1]

    @property
    def unsubscribe(self) -> str:
        """The address in the header."""
        found = re.match(r"<(http://[^>]+)>", self.office.letters[-1].mail["List-Unsubscribe"])
        assert found is not None
        return found[1]

    # A reader, without any cookie

    def reader(self) -> TestClient:
        return self.house.visitor(**BROWSER).client

    def fetch(self, address: str, method: str = "GET", **more: Any) -> Any:
        assert address.startswith(BASE), address
        reader = self.reader()
        return reader.request(method, address.removeprefix(BASE), follow_redirects=False, **more)

    # What came of it

    def events(self, kind: str = "message.") -> list[Any]:
        """Those that made themselves, oldest first."""
        found = self.owner.get(f"{self.w}/events?limit=200")
        return [event for event in reversed(found) if event["type"].startswith(kind)]

    def consents(self) -> dict[str, str]:
        found = self.owner.get(f"{self.w}/contacts/{self.bob}/consents")
        return {consent["channel"]: consent["status"] for consent in found}

    def engagement(self, message: str) -> tuple[int, ...]:
        number = read("msg", message) or 0
        return tuple(self.house.store.read(lambda t: t.workspace(self.workspace_id).message_links.engagement(number)))
