"""How a contact's score came about."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, Instant, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.base import bounds
from ensue.base.errors import Invalid, NotFound
from ensue.base.ids import read, show
from ensue.model.score import LedgerLine
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}", tags=["Scoring"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("scoring:read"))]


class ShownLine(Answer):
    """One line of the ledger: what a rule was asked for, what it gave, and the score before and after."""

    id: str
    rule_id: str
    version: int
    cause: str
    event_id: str | None
    event_at: ShownInstant | None
    at: ShownInstant
    asked: int
    given: int
    before: int
    after: int


class ShownScore(Answer):
    """The score at an instant."""

    at: ShownInstant
    score: int


@router.get("/contacts/{contactId}/score-history", summary="How a contact's score came about")
async def get_score_history(
    request: Request,
    response: Response,
    here: Here,
    caller: Reader,
    contact: Annotated[str, Path(alias="contactId")],
    at: Annotated[Instant | None, Query()] = None,
    limit: Annotated[int, Query(ge=1)] = bounds.PAGE_DEFAULT,
    cursor: Annotated[str | None, Query()] = None,
) -> list[ShownLine] | ShownScore:
    """The ledger, newest first; `Link` leads to the next page. With `at`, only the score at that instant."""
    below = read("led", cursor) if cursor is not None else None
    if cursor is not None and below is None:
        raise Invalid.at("cursor", "is not one that this list gave")
    most = min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> tuple[int, list[LedgerLine]]:
        own = tables.workspace(caller.workspace_id)
        contact_id = _contact(tables, caller.workspace_id, contact)
        if at is not None:
            return own.ledger.score_at(contact_id, at), []
        return 0, own.ledger.of_contact(contact_id, below, most + 1)

    score, lines = await here.services.ask(question)
    if at is not None:
        return ShownScore(at=at, score=score)
    if len(lines) > most:
        url = request.url.include_query_params(cursor=show("led", lines[most - 1].id))
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    return [_shown_line(line) for line in lines[:most]]


def _contact(tables: Tables, workspace_id: int, text: str) -> int:
    contacts = tables.workspace(workspace_id).contacts
    contact_id = read("ct", text)
    if contact_id is not None and not tables.workspace(workspace_id).populations.contacts([contact_id]):
        contact_id = contacts.survivor(contact_id)
    if contact_id is None:
        raise NotFound("There is no such contact in this workspace.")
    return contact_id


def _shown_line(line: LedgerLine) -> ShownLine:
    return ShownLine(
        id=show("led", line.id),
        rule_id=show("sr", line.rule_id),
        version=line.version,
        cause=line.cause,
        event_id=show("evt", line.event_id) if line.event_id is not None else None,
        event_at=line.event_at,
        at=line.at,
        asked=line.asked,
        given=line.given,
        before=line.before,
        after=line.after,
    )
