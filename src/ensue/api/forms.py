"""Forms: made, changed, looked at, and deleted while nobody has sent them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from ensue.api.access import Caller, allow
from ensue.api.bodies import StrictRoute
from ensue.api.context import Here
from ensue.api.form_json import FormChanges, NewForm, ShownForm, form_number, read_content, shown_form
from ensue.base.errors import NotFound
from ensue.engine.forms import editing
from ensue.engine.forms.editing import NO_SUCH_FORM
from ensue.model.form import Form, FormContent
from ensue.store.ports import Tables

router = APIRouter(prefix="/api/workspaces/{workspaceId}/forms", tags=["Forms"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(allow("forms:read"))]
Writer = Annotated[Caller, Depends(allow("forms:write"))]


@router.get("", summary="All forms")
async def list_forms(here: Here, caller: Reader) -> list[ShownForm]:
    """Oldest first."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).forms.all())
    return [shown_form(form, here.base_url) for form in found]


@router.post("", status_code=201, summary="Make a form")
async def create_form(here: Here, caller: Writer, body: NewForm) -> ShownForm:
    """It can be seen and sent once its status is ACTIVE."""
    content = FormContent(**{"minimum_seconds": body.minimum_seconds} | read_content(body))
    made = await here.services.change(
        caller.workspace_id, lambda room: editing.create(room, body.name, body.status, content)
    )
    return shown_form(made, here.base_url)


@router.get("/{formId}", summary="A form")
async def get_form(here: Here, caller: Reader, form_id: Annotated[str, Path(alias="formId")]) -> ShownForm:
    """With where it can be filled in, and the snippet that puts it on a page."""
    return shown_form(await _stored(here, caller, form_number(form_id)), here.base_url)


@router.patch("/{formId}", summary="Change a form")
async def change_form(
    here: Here, caller: Writer, form_id: Annotated[str, Path(alias="formId")], body: FormChanges
) -> ShownForm:
    """What was sent before stays as it was."""
    number, content = form_number(form_id), read_content(body)
    changes = {name: getattr(body, name) for name in ("name", "status") if getattr(body, name) is not None}
    changed = await here.services.change(caller.workspace_id, lambda room: editing.edit(room, number, changes, content))
    return shown_form(changed, here.base_url)


@router.delete("/{formId}", status_code=204, summary="Delete a form")
async def delete_form(here: Here, caller: Writer, form_id: Annotated[str, Path(alias="formId")]) -> Response:
    """Refused with 409 while anything asks about it (`form_in_use`), or it has submissions (`form_has_submissions`)."""
    number = form_number(form_id)
    await here.services.change(caller.workspace_id, lambda room: editing.delete(room, number))
    return Response(status_code=204)


async def _stored(here: Here, caller: Caller, number: int) -> Form:
    def question(tables: Tables) -> Form | None:
        return tables.workspace(caller.workspace_id).forms.get(number)

    form = await here.services.ask(question)
    if form is None:
        raise NotFound(NO_SUCH_FORM)
    return form
