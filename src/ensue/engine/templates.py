"""Templates made, changed and deleted. That their texts are sound was found out before, outside the transaction."""

import unicodedata
from typing import Any

import msgspec

from ensue.base.errors import Conflict, Detail, Invalid, NotFound
from ensue.base.ids import read, show
from ensue.engine.working_set import WorkingSet
from ensue.model.template import Content, Template

NO_SUCH_TEMPLATE = "There is no such template in this workspace."
NO_SUCH_VERSION = "There is no such version of this template."


def name_key(name: str) -> str:
    """What two spellings of one name have in common: composed, one space between words, no case."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def create(room: WorkingSet, name: str, content: Content) -> Template:
    """A new template at its first version.

    Raises:
        Conflict: there is one of that name.
    """
    template = Template(room.ids.next(), name, 1, content, room.now, room.now)
    _put(room, template)
    return template


def edit(room: WorkingSet, template_id: int, name: str | None, content: Content, seen: int) -> Template:
    """Change a template that was seen at a version. Other texts make a new version; no name leaves it as it is.

    Raises:
        NotFound: there is no such template. Conflict: there is another one of that name, or the texts have been changed
            since they were seen.
    """
    old = room.tables.templates.get(template_id)
    if old is None:
        raise NotFound(NO_SUCH_TEMPLATE)
    if old.version != seen:
        raise Conflict("The template was changed in the meantime; look at it again.", code="template_changed")
    template = msgspec.structs.replace(
        old,
        name=old.name if name is None else name,
        version=old.version if content == old.content else old.version + 1,
        content=content,
        updated_at=room.now,
    )
    _put(room, template)
    return template


def delete(room: WorkingSet, template_id: int) -> Template:
    """Delete a template, and say which it was. Its versions are kept, since messages name them.

    Raises:
        NotFound: there is no such template. Conflict: a campaign sends it; each is named.
    """
    template = room.tables.templates.get(template_id)
    if template is None:
        raise NotFound(NO_SUCH_TEMPLATE)
    campaigns = using(room, template_id)
    if campaigns:
        raise Conflict(
            f"{template.name!r} is sent by {', '.join(repr(name) for _, name in campaigns)}.",
            [Detail(show("cmp", campaign_id), f"the campaign {name!r} sends it") for campaign_id, name in campaigns],
            code="template_in_use",
        )
    room.tables.templates.remove(template_id)
    return template


def unfit(room: WorkingSet, template_id: int | None, channel: str) -> str | None:
    """What is wrong with naming this template for a channel; None when nothing is, or none is named."""
    template = room.tables.templates.get(template_id) if template_id is not None else None
    if template is None:
        return "is no template of this workspace" if template_id is not None else None
    if template.content.channel != channel:
        return f"is a template for {template.content.channel}, not for {channel}"
    return None


def refuse_unfit(room: WorkingSet, workflow: dict[str, Any]) -> None:
    """Refuse a workflow, sound otherwise, that sends templates which are not there or are for another channel.

    Raises:
        Invalid: naming each by its path.
    """
    faults = []
    for at, node in enumerate(workflow.get("nodes") or ()):
        sent = node["data"] if node["type"] == "send" else {}
        named = read("tpl", sent.get("templateId", ""))
        if (fault := unfit(room, named, sent.get("channel", ""))) is not None:
            faults.append((f"workflow.nodes[{at}].data.templateId", fault))
    if faults:
        raise Invalid.of(faults)


def using(room: WorkingSet, template_id: int) -> list[tuple[int, str]]:
    """(id, name) of the campaigns that send a template.

    Those that are not archived by their newest version, and all by an older one that somebody still runs through.
    """
    text = show("tpl", template_id)
    running = set(room.tables.definitions.running_mentions(text))
    return [
        (campaign.id, campaign.name)
        for campaign in room.definitions.campaigns.values()
        if campaign.id in running or (campaign.status != "ARCHIVED" and _sends(campaign.workflow, text))
    ]


def _sends(workflow: object, text: str) -> bool:
    nodes = workflow.get("nodes", []) if isinstance(workflow, dict) else []
    return any(node.get("data", {}).get("templateId") == text for node in nodes if node.get("type") == "send")


def _put(room: WorkingSet, template: Template) -> None:
    key = name_key(template.name)
    if room.tables.templates.called(key) not in {None, template.id}:
        raise Conflict(
            f"There is a template called {template.name!r} already.",
            [Detail("name", "is taken")],
            code="template_name_taken",
        )
    room.tables.templates.put(template, key)
