"""Forms for everybody: the hosted page, the script for other sites, sending, and confirming an address."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ensue.api import problems
from ensue.api.bodies import StrictRoute, read_bounded
from ensue.api.context import Context, Here
from ensue.api.public import form_page, origins
from ensue.api.public.form_body import Posted, read_posted
from ensue.api.public.rate import Rate
from ensue.base import bounds
from ensue.base.errors import Conflict, Detail, EnsueError, Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.forms import confirmation_mail, confirming, submitting, tokens
from ensue.engine.forms.confirming import Standing
from ensue.engine.forms.submitting import NOT_OPEN, Attempt
from ensue.engine.forms.values import read_values
from ensue.model.form import ACTIVE, Form, Sent, Submission

router = APIRouter(tags=["Forms"], route_class=StrictRoute)

_PUBLIC: dict[str, Any] = {"security": []}
_NO_FORM: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such form, or it is not open", "content": {"text/html": {}}}
}
_NO_LINK: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link leads nowhere, or not any more", "content": {"text/html": {}}}
}
_KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_POSTED: dict[str, Any] = {
    **_PUBLIC,
    "requestBody": {
        "required": True,
        "description": "As JSON: `values` by the keys of the fields, and optionally `sessionId`, `pageUrl`, "
        "`referrer`, `utmSource`, `utmMedium`, `utmCampaign`, `submissionId`, `token`. From an HTML form: the fields "
        "by their keys, and these with a `_` before.",
        "content": {kind: {"schema": {"type": "object"}} for kind in _KINDS},
    },
}
_FROM_QUERY = {
    "sessionId": "sessionId", "utm_source": "utmSource", "utm_medium": "utmMedium", "utm_campaign": "utmCampaign",
}  # fmt: skip

Token = Annotated[str, Path(max_length=bounds.TEXT)]


@router.get("/forms/form.css", include_in_schema=False)
async def style() -> Response:
    """How the pages look."""
    return Response(form_page.style_sheet(), media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.get(
    "/forms/confirm/{token}",
    summary="What a confirmation link leads to",
    response_class=HTMLResponse,
    responses=_NO_LINK,
    openapi_extra=_PUBLIC,
)
async def show_confirmation(here: Here, token: Token) -> HTMLResponse:
    """Shows what was sent, and a button. Looking confirms nothing: programs that scan mails look at every link."""
    found = tokens.read_confirmation(here.services.signer, token)
    if found is None:
        return _no_such_link(here)
    standing = await here.services.glance(
        lambda tables: confirming.look(tables.workspace(found[0]), found[1], here.services.engine.clock.now())
    )
    return _confirmation(here, token, standing)


@router.post(
    "/forms/confirm/{token}",
    summary="Confirm an address",
    response_class=HTMLResponse,
    responses=_NO_LINK,
    openapi_extra=_PUBLIC,
)
async def confirm(here: Here, token: Token) -> HTMLResponse:
    """Accepts what was sent: the contact, the consent, the event. Once; doing it again is answered alike."""
    found = tokens.read_confirmation(here.services.signer, token)
    if found is None:
        return _no_such_link(here)
    try:
        standing = await here.services.change(found[0], lambda room: confirming.confirm(room, found[1]))
    except NotFound:
        # The workspace itself is gone.
        return _no_such_link(here)
    return _confirmation(here, token, standing)


@router.get(
    "/forms/{formId}", summary="A form's page", response_class=HTMLResponse, responses=_NO_FORM, openapi_extra=_PUBLIC
)
async def show_form(request: Request, here: Here, form_id: Annotated[str, Path(alias="formId")]) -> HTMLResponse:
    """Works without scripts. `?sessionId=` and `?utm_source=…` go along with what is sent."""
    try:
        _, form = await _open(here, form_id)
    except NotFound:
        return _closed(here)
    own = {name: request.query_params.get(asked, "")[: bounds.TEXT] for asked, name in _FROM_QUERY.items()}
    own["pageUrl"] = f"{here.base_url}/forms/{show('frm', form.id)}"
    own["referrer"] = request.headers.get("referer", "")[: bounds.TEXT]
    own["token"] = _page_token(here, form)
    sound = {name: value for name, value in own.items() if value and "\0" not in value}
    return form_page.form_page(form, _prefix(here), sound)


@router.get(
    "/forms/{formId}/embed.js",
    summary="A form for other sites",
    response_class=Response,
    responses={200: {"content": {"text/javascript": {}}}, 404: {"description": "No such form, or it is not open"}},
    openapi_extra=_PUBLIC,
)
async def embed(here: Here, form_id: Annotated[str, Path(alias="formId")]) -> Response:
    """`<script src="…/embed.js" async></script>` builds the form where it stands."""
    _, form = await _open(here, form_id)
    return form_page.embed_script(form, _page_token(here, form))


@router.options("/api/forms/{formId}/submit", include_in_schema=False)
@router.options("/forms/{formId}/submit", include_in_schema=False)
async def before_submit(request: Request, here: Here, form_id: Annotated[str, Path(alias="formId")]) -> Response:
    """What a browser asks before it sends from another site."""
    _, form = await _open(here, form_id)
    return Response(status_code=204, headers=origins.preflight(request, form, here.access.public_origin))


@router.post(
    "/api/forms/{formId}/submit",
    status_code=201,
    summary="Send a form",
    responses={
        200: {"description": "To a browser that asks for HTML: a page", "content": {"text/html": {}}},
        202: {"description": "Counts once the address is confirmed"},
        303: {"description": "To a browser that asks for HTML: the way to `redirectUrl`"},
        429: {"description": "Too many requests"},
    },
    openapi_extra=_POSTED,
)
@router.post("/forms/{formId}/submit", include_in_schema=False)
async def submit(request: Request, here: Here, form_id: Annotated[str, Path(alias="formId")]) -> Response:
    """The same answer whoever is known: 201 `{"status": "ACCEPTED"}`, or 202 `PENDING` until the mail is confirmed."""
    as_page = _wants_page(request)
    try:
        workspace_id, form = await _open(here, form_id)
    except NotFound:
        if as_page:
            return _closed(here)
        raise
    headers: origins.Headers = {}
    posted: Posted | None = None
    try:
        headers = origins.cors(request, form, here.access.public_origin)
        _rate(request).count(here.address, form.id)
        body = await read_bounded(request, bounds.BODY)
        posted = read_posted(request.headers.get("content-type", ""), body)
        attempt = _attempt(request, here, form, posted)
        await here.services.change(
            workspace_id, lambda room: submitting.submit(room, form.id, attempt, _ask_to_confirm(here))
        )
    except EnsueError as error:
        response = _refused_page(here, form, posted, error) if as_page else _refused(error)
    else:
        response = _taken_page(here, form) if as_page else _taken(form)
    response.headers.update(headers)
    return response


async def _open(here: Context, form_id: str) -> tuple[int, Form]:
    """(workspace, form) of a form that can be sent now.

    Raises:
        NotFound: there is none, or it is not open; nobody learns which.
    """
    number = read("frm", form_id)
    found = await here.services.glance(lambda tables: tables.owner_and_form(number)) if number is not None else None
    if found is None or found[1].status != ACTIVE:
        raise NotFound(NOT_OPEN)
    return found


def _attempt(request: Request, here: Context, form: Form, posted: Posted) -> Attempt:
    """What was posted, sound.

    Raises:
        Invalid: naming each field by where it stood.
    """
    own = posted.own
    _check_page(here, form, own.get("token"))
    name = own.get("submissionId") or request.headers.get("idempotency-key")
    if name is None and "token" in own:
        # A page of ours is sent once.
        name = f"\0page {own['token']}"
    if "homepage" in own:
        return Attempt(Sent(), name, trapped=True)
    values, faults = read_values(form, posted.values, typed=posted.typed)
    if faults:
        raise Invalid.of([(posted.path(key), sentence) for key, sentence in faults])
    sent = Sent(
        values,
        own.get("sessionId"),
        own.get("pageUrl"),
        own.get("referrer"),
        own.get("utmSource"),
        own.get("utmMedium"),
        own.get("utmCampaign"),
    )
    return Attempt(sent, name)


def _check_page(here: Context, form: Form, token: str | None) -> None:
    """Refuse what was not filled in on a page, where one is asked for or named.

    Raises:
        Invalid: code `page_required`, `page_too_old` or `too_fast`.
    """
    now = here.services.engine.clock.now()
    if token is None:
        if form.content.own_pages_only:
            raise Invalid("This form can only be sent from its page or its script.", code="page_required")
        return
    opened = tokens.read_page(here.services.signer, token)
    if opened is None or opened.form_id != form.id or tokens.too_old(opened, now):
        raise Invalid("The page was open for too long. Please send it again.", code="page_too_old")
    if tokens.too_fast(opened, now, form.content.minimum_seconds):
        raise Invalid("That was quicker than anybody can be. Please send it again.", code="too_fast")


def _ask_to_confirm(here: Context) -> submitting.AskToConfirm:
    """Sends the mail. Its link is made from the configuration: what a request calls this server is anybody's word."""
    base = here.services.config.reached_at

    def ask(room: Any, form: Form, submission: Submission) -> None:
        token = tokens.for_confirmation(here.services.signer, room.tables.workspace_id, submission.id)
        confirmation_mail.queue(room, form, submission, f"{base}/forms/confirm/{token}")

    return ask


def _taken(form: Form) -> Response:
    waits = form.content.double_opt_in
    answer = {
        "status": "PENDING" if waits else "ACCEPTED",
        "message": form_page.answer_to(form),
        "redirectUrl": form.content.redirect_url,
    }
    return JSONResponse(answer, 202 if waits else 201)


def _taken_page(here: Context, form: Form) -> Response:
    if form.content.redirect_url is not None:
        return RedirectResponse(form.content.redirect_url, 303)
    return form_page.message_page(form.content.title or form.name, form_page.answer_to(form), _prefix(here))


def _refused(error: EnsueError) -> Response:
    response = Response(problems.body(error), problems.status_of(error), media_type="application/json")
    response.headers.update({name.decode(): value.decode() for name, value in problems.headers(error)})
    return response


def _refused_page(here: Context, form: Form, posted: Posted | None, error: EnsueError) -> Response:
    status = problems.status_of(error)
    if posted is None or isinstance(error, Conflict):
        title, link = form.content.title or form.name, f"{_prefix(here)}/forms/{show('frm', form.id)}"
        response = form_page.message_page(title, error.message, _prefix(here), status, (link, "Open the form again"))
    else:
        own = {name: value for name, value in posted.own.items() if name != "homepage"}
        if error.code in {"page_too_old", "page_required"}:
            own["token"] = _page_token(here, form)
        faults = error.details or [Detail("$", error.message)]
        response = form_page.form_page(form, _prefix(here), own, status, posted.values, faults)
    response.headers.update({name.decode(): value.decode() for name, value in problems.headers(error)})
    return response


def _confirmation(here: Context, token: str, standing: Standing) -> HTMLResponse:
    form, submission = standing.form, standing.submission
    title = form.content.title or form.name if form is not None else "Confirmation"
    match standing.state:
        case "OPEN":
            assert form is not None
            assert submission is not None
            return form_page.confirm_page(form, submission, _prefix(here), token)
        case "CONFIRMED":
            return form_page.message_page(title, "Thank you. This is confirmed.", _prefix(here))
        case "GONE":
            return _no_such_link(here)


def _no_such_link(here: Context) -> HTMLResponse:
    sentence = "This link does not lead anywhere, or not any more. Please send the form again."
    return form_page.message_page("Nothing to confirm", sentence, _prefix(here), 404)


def _closed(here: Context) -> HTMLResponse:
    return form_page.message_page("No form here", form_page.CLOSED, _prefix(here), 404)


def _page_token(here: Context, form: Form) -> str:
    return tokens.for_page(here.services.signer, form.id, here.services.engine.clock.now(), here.ids.next())


def _prefix(here: Context) -> str:
    """The path below which the outside reaches us."""
    return urlsplit(here.base_url).path.rstrip("/")


def _wants_page(request: Request) -> bool:
    """Whether a browser shows the answer to somebody."""
    is_json = request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"
    return not is_json and "text/html" in request.headers.get("accept", "")


def _rate(request: Request) -> Rate:
    rate: Rate = request.app.state.form_rate
    return rate
