"""What was sent with a form: a list, one by one, counted, and as a table for a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from ensue.api.bodies import Answer, ShownInstant, StrictRoute
from ensue.api.context import Here
from ensue.api.form_json import ShownSubmission, form_number, shown_submission
from ensue.api.forms import Reader, Writer
from ensue.api.paging import PageNumber, PageSize, Place, place
from ensue.base import bounds
from ensue.base.clock import to_iso
from ensue.base.errors import NotFound
from ensue.base.ids import read, show
from ensue.engine.forms.editing import NO_SUCH_FORM
from ensue.model.form import ACCEPTED, DISCARDED, PENDING, Form, Submission
from ensue.store.ports import Tables, WorkspaceTables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/forms/{formId}", tags=["Forms"], route_class=StrictRoute)

Which = Annotated[Literal["ACCEPTED", "PENDING", "DISCARDED"], Query(description="Which ones")]

_NO_SUCH_SUBMISSION = "There is no such submission of this form."
_EXPORTED_AT_ONCE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS = ("submissionId", "status", "createdAt", "acceptedAt", "contactId", "pageUrl", "referrer", "utmSource",
            "utmMedium", "utmCampaign")  # fmt: skip


class Submissions(Answer):
    """A page of submissions, newest first."""

    data: list[ShownSubmission]
    pagination: Place


class Day(Answer):
    """How many were accepted on a day, in UTC."""

    day: ShownInstant
    accepted: int


class Statistics(Answer):
    """How many there are of each status, and how many were accepted on each of the last 30 days that had any."""

    accepted: int
    pending: int
    discarded: int
    last_submitted_at: ShownInstant | None
    days: list[Day]


@router.get("/submissions", summary="What was sent with a form")
async def list_submissions(
    here: Here,
    caller: Reader,
    form_id: Annotated[str, Path(alias="formId")],
    status: Which = "ACCEPTED",
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
) -> Submissions:
    """Newest first."""
    number, limit = form_number(form_id), min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> Submissions:
        own = tables.workspace(caller.workspace_id)
        _known(own, number)
        total, found = own.form_submissions.page(number, status, (page - 1) * limit, limit)
        return Submissions(data=[shown_submission(one) for one in found], pagination=place(page, limit, total))

    return await here.services.ask(question)


@router.get("/submissions.csv", summary="What was sent with a form, as CSV", response_class=Response)
async def export_submissions(
    here: Here, caller: Reader, form_id: Annotated[str, Path(alias="formId")], status: Which = "ACCEPTED"
) -> StreamingResponse:
    """Oldest first, a column for each field. A text that a spreadsheet would take for a formula begins with `'`."""
    number = form_number(form_id)
    form = await here.services.ask(lambda tables: _known(tables.workspace(caller.workspace_id), number))

    async def rows() -> AsyncIterator[str]:
        yield _line([*_COLUMNS, *(field.key for field in form.content.fields)])
        after = 0
        while True:
            found = await here.services.ask(
                lambda tables, after=after: tables.workspace(caller.workspace_id).form_submissions.after(  # type: ignore[misc]
                    number, status, after, _EXPORTED_AT_ONCE
                )
            )
            if not found:
                return
            after = found[-1].id
            yield "".join(_line(_row(form, one)) for one in found)

    headers = {"content-disposition": f'attachment; filename="{show("frm", number)}.csv"'}
    return StreamingResponse(rows(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/submissions/{submissionId}", summary="One submission")
async def get_submission(
    here: Here,
    caller: Reader,
    form_id: Annotated[str, Path(alias="formId")],
    submission_id: Annotated[str, Path(alias="submissionId")],
) -> ShownSubmission:
    """What was sent, from where, whose it is and which event it became."""
    number, submission = form_number(form_id), _submission_number(submission_id)

    def question(tables: Tables) -> Submission | None:
        return tables.workspace(caller.workspace_id).form_submissions.get(submission)

    found = await here.services.ask(question)
    if found is None or found.form_id != number:
        raise NotFound(_NO_SUCH_SUBMISSION)
    return shown_submission(found)


@router.delete("/submissions/{submissionId}", status_code=204, summary="Delete a submission")
async def delete_submission(
    here: Here,
    caller: Writer,
    form_id: Annotated[str, Path(alias="formId")],
    submission_id: Annotated[str, Path(alias="submissionId")],
) -> Response:
    """The event and the contact that it became stay."""
    number, submission = form_number(form_id), _submission_number(submission_id)

    def work(tables: Tables) -> None:
        if not tables.workspace(caller.workspace_id).form_submissions.remove(number, submission):
            raise NotFound(_NO_SUCH_SUBMISSION)

    await here.services.write(work)
    return Response(status_code=204)


@router.get("/stats", summary="How often a form was sent")
async def form_statistics(here: Here, caller: Reader, form_id: Annotated[str, Path(alias="formId")]) -> Statistics:
    """DISCARDED are those that fell into the trap for robots, asked for too many mails, or are of somebody erased."""
    number, since = form_number(form_id), here.now - bounds.FORM_STATISTICS

    def question(tables: Tables) -> Statistics:
        own = tables.workspace(caller.workspace_id)
        _known(own, number)
        counts = own.form_submissions.counts(number)
        return Statistics(
            accepted=counts.get(ACCEPTED, 0),
            pending=counts.get(PENDING, 0),
            discarded=counts.get(DISCARDED, 0),
            last_submitted_at=own.form_submissions.latest(number),
            days=[Day(day=day, accepted=count) for day, count in own.form_submissions.accepted_by_day(number, since)],
        )

    return await here.services.ask(question)


def _known(own: WorkspaceTables, number: int) -> Form:
    form = own.forms.get(number)
    if form is None:
        raise NotFound(NO_SUCH_FORM)
    return form


def _submission_number(text: str) -> int:
    number = read("sub", text)
    if number is None:
        raise NotFound(_NO_SUCH_SUBMISSION)
    return number


def _row(form: Form, submission: Submission) -> list[Any]:
    sent = submission.sent
    values = sent.values if sent is not None else {}
    where = [sent.page_url, sent.referrer, sent.utm_source, sent.utm_medium, sent.utm_campaign] if sent else [None] * 5
    return [
        show("sub", submission.id),
        submission.status,
        to_iso(submission.created_at),
        to_iso(submission.accepted_at) if submission.accepted_at is not None else None,
        show("ct", submission.contact_id) if submission.contact_id is not None else None,
        *where,
        *(values.get(field.key) for field in form.content.fields),
    ]


def _line(cells: list[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([_cell(cell) for cell in cells])
    return written.getvalue()


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(_FORMULA):
            # A number, which cannot do anything, is none of these: only what somebody typed as a text is.
            return f"'{value}"
        case _:
            return value
