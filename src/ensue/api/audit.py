"""The audit log of a workspace."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query

from ensue.api.access import Caller, allow
from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.base import bounds, ids
from ensue.base.errors import Invalid
from ensue.model.account import AuditLine
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/audit", tags=["Audit"], route_class=StrictRoute)

_ABOVE_ALL = 2**63 - 1


class Who(Answer):
    """Who did it: a person or a key; neither, when nobody knows."""

    user_id: str | None
    email: str | None
    key_id: str | None


class Line(Answer):
    """Who did what, to what, from where, and how it ended."""

    id: str
    at: ShownInstant
    who: Who
    address: str
    action: str
    target: str | None
    result: str
    detail: dict[str, object] | None


class Bounds(NamedTuple):
    """Which lines: those below an id, and at most so many."""

    before: int
    limit: int


async def _bounds(
    before: Annotated[
        str | None, Query(description="The id of the last line seen; lines older than it follow.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=bounds.PAGE_MOST)] = bounds.PAGE_DEFAULT,
) -> Bounds:
    below = ids.read("aud", before) if before is not None else _ABOVE_ALL
    if below is None:
        raise Invalid.at("before", "must be the id of a line")
    return Bounds(below, limit)


Page = Annotated[Bounds, Depends(_bounds)]


@router.get("")
async def list_lines(here: Here, caller: Annotated[Caller, Depends(allow("admin"))], page: Page) -> list[Line]:
    """What was done in this workspace, newest first."""
    return await here.services.ask(
        lambda tables: lines(tables, tables.accounts.of(caller.workspace_id).audit.before(*page))
    )


def lines(tables: Tables, kept: list[AuditLine]) -> list[Line]:
    """Lines as they are shown, with the addresses of the people in them."""
    people = {line.user_id: tables.accounts.users.get(line.user_id) for line in kept if line.user_id is not None}
    emails = {user_id: user.email for user_id, user in people.items() if user is not None}
    return [_line(line, emails) for line in kept]


def _line(line: AuditLine, emails: dict[int, str]) -> Line:
    return Line(
        id=ids.show("aud", line.id),
        at=line.at,
        who=Who(
            user_id=ids.show("usr", line.user_id) if line.user_id is not None else None,
            email=emails.get(line.user_id) if line.user_id is not None else None,
            key_id=ids.show("key", line.key_id) if line.key_id is not None else None,
        ),
        address=line.address,
        action=line.action,
        target=line.target,
        result=line.result,
        detail=line.detail,
    )
