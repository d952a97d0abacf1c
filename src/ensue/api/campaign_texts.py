"""The texts that a workflow says itself, in place of a template: as sound as a template's must be."""

from typing import Any

from ensue.base.errors import Invalid
from ensue.model.template import Content
from ensue.templates.render import SHAPES, check

_TEXTS = tuple(name for name in Content.__struct_fields__ if name != "channel")


def refuse_unsound(workflow: dict[str, Any] | None) -> None:
    """Refuse texts of `send` nodes that could not be written for anybody. What else is wrong is for others to say.

    Raises:
        Invalid: naming the node, the text and the line of each.
    """
    faults: list[tuple[str, str]] = []
    nodes = workflow.get("nodes") if workflow is not None else None
    for at, node in enumerate(nodes if isinstance(nodes, list) else []):
        content = _content(node)
        if content is None:
            continue
        try:
            check(content)
        except Invalid as error:
            faults += [(f"workflow.nodes[{at}].data.{detail.path}", detail.message) for detail in error.details]
    if faults:
        raise Invalid.of(faults)


def _content(node: object) -> Content | None:
    """The texts of a node, if it is one that has any, and they are texts."""
    sent = node.get("data") if isinstance(node, dict) and node.get("type") == "send" else None
    if not isinstance(sent, dict) or "templateId" in sent or sent.get("channel") not in SHAPES:
        return None
    texts = {name: sent[name] for name in _TEXTS if sent.get(name) is not None}
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    return Content(sent["channel"], **texts)
