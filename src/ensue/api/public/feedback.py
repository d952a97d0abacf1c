"""Reports of bounces and complaints, without an account: the token in the address says which workspace, and lets in."""

import hmac
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field, model_validator

from ensue.accounts import tokens
from ensue.api.bodies import Answer, Body, Instant, StrictRoute
from ensue.api.context import Context, Here
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.base.ids import read
from ensue.engine.messages import bounces
from ensue.engine.messages.bounces import Report, ReportKind
from ensue.engine.messages.reports import message_named_in
from ensue.engine.working_set import WorkingSet

router = APIRouter(prefix="/api/public/feedback", tags=["Public"], route_class=StrictRoute)

_PUBLIC: dict[str, Any] = {"security": []}
_ID_LETTERS = len("fb_") + 13


class FeedbackReport(Body):
    """What became of a message. `messageId` is its id or the Message-ID that its mail had."""

    type: Literal["BOUNCE", "COMPLAINT", "DELIVERED"]
    bounce_type: Literal["HARD", "SOFT"] | None = None
    message_id: Annotated[str, Field(max_length=bounds.TEXT)] | None = None
    email: Annotated[str, Field(max_length=bounds.EMAIL)] | None = None
    reason: Annotated[str, Field(max_length=bounds.TEXT)] | None = None
    timestamp: Instant | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> "FeedbackReport":
        if (self.type == "BOUNCE") != (self.bounce_type is not None):
            raise ValueError("bounceType is required of a BOUNCE, and of nothing else")
        if self.message_id is None and self.email is None:
            raise ValueError("messageId or email is required")
        return self


class Feedback(Body):
    """Reports, in their order."""

    reports: Annotated[list[FeedbackReport], Field(min_length=1, max_length=bounds.FEEDBACK_REPORTS)]


class FeedbackResult(Answer):
    """Whether anybody here was meant."""

    applied: bool


class FeedbackAnswer(Answer):
    """A result for each report, in their order."""

    results: list[FeedbackResult]


@router.post("/{token}", summary="Report bounces and complaints", openapi_extra=_PUBLIC)
async def report(here: Here, token: Annotated[str, Path(max_length=200)], feedback: Feedback) -> FeedbackAnswer:
    """Reports of one or more messages. Sending them again changes nothing."""
    workspace_id = await _admitted(here, token)
    now = here.services.engine.clock.now()
    reports = [_report(one, now) for one in feedback.reports]

    def work(room: WorkingSet) -> list[bool]:
        return [one is not None and bounces.apply(room, one) for one in reports]

    applied = await here.services.change(workspace_id, work)
    return FeedbackAnswer(results=[FeedbackResult(applied=one) for one in applied])


async def _admitted(here: Context, token: str) -> int:
    """The workspace that a token belongs to.

    Raises:
        NotFound: it is nobody's; which part of it is wrong is not said.
    """
    workspace_id = read("fb", token[:_ID_LETTERS]) or 0
    digest = await here.services.glance(lambda tables: tables.workspace(workspace_id).feedback_tokens.digest())
    if digest is None or not hmac.compare_digest(digest, tokens.digest(token)):
        raise NotFound("Nobody takes reports at this address.")
    return workspace_id


def _report(one: FeedbackReport, now: int) -> Report | None:
    """What the engine makes of a report; None when it names a message that cannot be ours."""
    message_id = message_named_in(one.message_id) if one.message_id is not None else None
    if one.message_id is not None and message_id is None:
        return None
    kind: ReportKind
    match one.type, one.bounce_type:
        case "BOUNCE", "HARD":
            kind = "HARD_BOUNCE"
        case "BOUNCE", _:
            kind = "SOFT_BOUNCE"
        case "COMPLAINT", _:
            kind = "COMPLAINT"
        case _:
            kind = "DELIVERED"
    at = min(one.timestamp, now) if one.timestamp is not None else now
    return Report(kind, message_id, one.email, one.reason, at)
