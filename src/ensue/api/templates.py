"""Templates: made, changed, looked at, and deleted while no campaign sends them."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import TemplateRoute
from ensue.api.context import Context, Here
from ensue.api.paging import PageNumber, PageSize, place
from ensue.api.template_json import (
    Channel,
    NewTemplate,
    ShownTemplate,
    ShownVersion,
    TemplateChanges,
    TemplatePage,
    VersionPage,
    changed,
    content_of,
    listed,
    shown,
    shown_version,
    template_number,
)
from ensue.base import bounds
from ensue.base.errors import NotFound
from ensue.engine import templates as keeping
from ensue.engine.templates import NO_SUCH_TEMPLATE, NO_SUCH_VERSION
from ensue.engine.working_set import WorkingSet
from ensue.model.template import Content, Template
from ensue.store.ports import Tables, WorkspaceTables
from ensue.templates.render import check

router = APIRouter(prefix="/api/workspaces/{workspaceId}/templates", tags=["Templates"], route_class=TemplateRoute)

Reader = Annotated[Caller, Depends(allow("templates:read"))]
Writer = Annotated[Caller, Depends(allow("templates:write"))]


@router.get("", summary="All templates")
async def list_templates(
    here: Here,
    caller: Reader,
    page: PageNumber = 1,
    limit: PageSize = bounds.PAGE_DEFAULT,
    channel: Annotated[Channel | None, Query(description="Only those of a channel")] = None,
) -> TemplatePage:
    """Oldest first, without their texts."""
    size = min(limit, bounds.PAGE_MOST)

    def question(tables: Tables) -> TemplatePage:
        total, found = tables.workspace(caller.workspace_id).templates.page(channel, (page - 1) * size, size)
        return TemplatePage(data=[listed(card) for card in found], pagination=place(page, size, total))

    return await here.services.ask(question)


@router.post("", status_code=201, summary="Make a template")
async def create_template(here: Here, caller: Writer, body: NewTemplate) -> ShownTemplate:
    """Refused when a text is not sound, naming the text and the line; and when there is one of that name (409)."""
    content = content_of(body.channel, body)
    # Compiling takes its time, so it happens beside the event loop and before the transaction.
    await here.services.ask(lambda _tables: check(content))
    return shown(await _changed(here, caller, "template.create", lambda room: keeping.create(room, body.name, content)))


@router.get("/{templateId}", summary="A template")
async def get_template(here: Here, caller: Reader, number: Annotated[int, Depends(template_number)]) -> ShownTemplate:
    """With the texts of its newest version."""
    return shown(await here.services.ask(lambda tables: known(tables.workspace(caller.workspace_id), number)))


@router.patch("/{templateId}", summary="Change a template")
async def change_template(
    here: Here, caller: Writer, number: Annotated[int, Depends(template_number)], body: TemplateChanges
) -> ShownTemplate:
    """Other texts make a new version, which every message that is written from now on takes."""

    def sound(tables: Tables) -> tuple[Content, int]:
        old = known(tables.workspace(caller.workspace_id), number)
        content = changed(old.content, body)
        check(content)
        return content, old.version

    content, seen = await here.services.ask(sound)
    return shown(
        await _changed(here, caller, "template.edit", lambda room: keeping.edit(room, number, body.name, content, seen))
    )


@router.delete("/{templateId}", status_code=204, summary="Delete a template")
async def delete_template(here: Here, caller: Writer, number: Annotated[int, Depends(template_number)]) -> Response:
    """Refused with 409 while a campaign sends it; the answer names each. What was sent stays as it was."""
    await _changed(here, caller, "template.delete", lambda room: keeping.delete(room, number))
    return Response(status_code=204)


@router.get("/{templateId}/versions", summary="Every version of a template")
async def list_versions(
    here: Here,
    caller: Reader,
    number: Annotated[int, Depends(template_number)],
    page: PageNumber = 1,
    limit: Annotated[int, Query(ge=1, description=f"At most {bounds.SAMPLE}")] = bounds.SAMPLE,
) -> VersionPage:
    """Newest first, with their texts."""
    size = min(limit, bounds.SAMPLE)

    def question(tables: Tables) -> VersionPage:
        own = tables.workspace(caller.workspace_id)
        known(own, number)
        total, found = own.templates.versions(number, (page - 1) * size, size)
        return VersionPage(data=[shown_version(version) for version in found], pagination=place(page, size, total))

    return await here.services.ask(question)


@router.get("/{templateId}/versions/{version}", summary="One version of a template")
async def get_version(
    here: Here,
    caller: Reader,
    number: Annotated[int, Depends(template_number)],
    version: Annotated[int, Path(ge=1, le=2**31)],
) -> ShownVersion:
    """Also of a template that was deleted since: a message names the version that it was written from."""
    found = await here.services.ask(
        lambda tables: tables.workspace(caller.workspace_id).templates.version(number, version)
    )
    if found is None:
        raise NotFound(NO_SUCH_VERSION)
    return shown_version(found)


async def _changed(here: Context, caller: Caller, action: str, work: Callable[[WorkingSet], Template]) -> Template:
    """Change a template, with a line in the audit log."""

    def recorded(tables: Tables) -> Template:
        template = here.services.engine.within(tables, caller.workspace_id, work)
        Recorder(tables, here.ids, here.caller(caller)).record(
            caller.workspace_id, action, ("tpl", template.id), version=template.version
        )
        return template

    return await here.services.write(recorded)


def known(tables: WorkspaceTables, number: int) -> Template:
    """A template.

    Raises:
        NotFound: there is none.
    """
    template = tables.templates.get(number)
    if template is None:
        raise NotFound(NO_SUCH_TEMPLATE)
    return template
