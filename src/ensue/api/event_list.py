"""`GET events`: newest first by (timestamp, id), filtered, paged by an opaque cursor in the `Link` header."""

import base64
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from ensue.api import event_json
from ensue.base import bounds
from ensue.base.clock import from_iso
from ensue.base.errors import Invalid
from ensue.base.ids import read
from ensue.model.effects import ContactCard
from ensue.store.ports import Row, Tables

_PARAMETERS = ("contactId", "type", "limit", "since", "until", "sessionId", "cursor")
_MOST_PARAMETERS = 50


class Query(NamedTuple):
    """What is asked for. `contact_id` is 0 for a text that is no id: nobody's events."""

    contact_id: int | None = None
    type: str | None = None
    limit: int = bounds.PAGE_DEFAULT
    since: int | None = None
    until: int | None = None
    session_id: str | None = None
    below: tuple[int, int] | None = None
    given: tuple[tuple[str, str], ...] = ()


class Page(NamedTuple):
    """The JSON array, and where the next page begins, if there is one."""

    body: bytes
    next_below: tuple[int, int] | None


# A page that is looked at again and again is asked for in the same bytes.
@lru_cache(1_024)
def read_query(query_string: bytes) -> Query:
    """The query of a request.

    Raises:
        Invalid: naming each parameter.
    """
    try:
        given = tuple(
            parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        )
    except ValueError:
        raise Invalid(f"There are more than {_MOST_PARAMETERS} parameters.") from None
    values = dict(given)
    faults = [(name, "is not a parameter of this list") for name in values if name not in _PARAMETERS]
    limit = values.get("limit", str(bounds.PAGE_DEFAULT))
    if not (limit.isascii() and limit.isdigit() and limit.strip("0")):
        faults.append(("limit", "must be a whole number of at least 1"))
    instants: dict[str, int | None] = {}
    for name in ("since", "until"):
        try:
            instants[name] = from_iso(values[name]) if name in values else None
        except ValueError as error:
            faults.append((name, f"is {error}"))
    below = _cursor(values["cursor"]) if "cursor" in values else None
    if "cursor" in values and below is None:
        faults.append(("cursor", "is not one that this list gave"))
    if faults:
        raise Invalid.of(faults)
    contact = values.get("contactId")
    return Query(
        (read("ct", contact) or 0) if contact is not None else None,
        values.get("type"),
        _served(limit),
        instants["since"],
        instants["until"],
        values.get("sessionId"),
        below,
        given,
    )


def page(tables: Tables, workspace_id: int, query: Query) -> Page:
    """One page of events, one more being read to know whether there is a next."""
    own = tables.workspace(workspace_id)
    contact_id = query.contact_id
    if contact_id is not None:
        contact_id = own.contacts.survivor(contact_id) or contact_id
    rows = own.events.page(
        contact_id, query.type, query.session_id, query.since, query.until, query.below, query.limit + 1
    )
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    # A page is often one contact's: it is written once.
    cards: dict[object, str] = {}
    shown = []
    for row in rows:
        card = cards.get(row[4])
        if card is None:
            card = cards[row[4]] = _card(row)
        shown.append(event_json.listed(row, card))
    body = f"[{','.join(shown)}]"
    return Page(body.encode(), (rows[-1][2], rows[-1][0]) if more else None)


def link(path: str, query: Query, page: Page) -> bytes | None:
    """The `Link` header of a page that is not the last."""
    if page.next_below is None:
        return None
    timestamp, event_id = page.next_below
    cursor = base64.urlsafe_b64encode(f"{timestamp}.{event_id}".encode()).decode().rstrip("=")
    rest = [(name, value) for name, value in query.given if name != "cursor"]
    return f'<{path}?{urlencode([*rest, ("cursor", cursor)])}>; rel="next"'.encode()


def _served(limit: str) -> int:
    """How many are served to who asks for so many, in digits without end."""
    digits = limit.lstrip("0")
    return min(int(digits), bounds.PAGE_MOST) if len(digits) <= len(str(bounds.PAGE_MOST)) else bounds.PAGE_MOST


def _cursor(text: str) -> tuple[int, int] | None:
    try:
        plain = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
        timestamp, event_id = plain.split(".")
        found = int(timestamp), int(event_id)
    except ValueError:
        return None
    return found if all(-(2**62) < number < 2**63 for number in found) else None


def render(row: Row) -> str:
    """One row of `EventLog.page` as JSON text."""
    return event_json.listed(row, _card(row))


def _card(row: Row) -> str:
    return event_json.card(ContactCard(row[4], row[15], row[16], row[17]) if row[4] is not None else None)
