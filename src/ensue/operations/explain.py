"""`ensue explain`: why a contact is, or is not, in a segment, and when that changes by itself."""

from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ensue.base import json
from ensue.base.errors import NotFound
from ensue.base.ids import Ids, read, show
from ensue.engine.view import View, view
from ensue.operations.opened import Opened, chosen, printable
from ensue.rules.explain import explain
from ensue.store.ports import Tables

_MORE = 5


def run(
    store: Opened,
    ids: Ids,
    console: Console,
    segment: str,
    contact: str,
    workspace: str | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Print the segment's rule as a tree with what each condition saw; 0.

    Raises:
        NotFound: no such workspace, segment or contact.
    """
    found = store.read(lambda tables: _explained(tables, ids, segment, contact, workspace))
    if as_json:
        console.out(json.encode_text(found), highlight=False)
        return 0
    is_in = Text("is in", "bold green") if found["member"] else Text("is not in", "bold yellow")
    console.print(Text.assemble(contact, " ", is_in, f" {printable(found['segment']['name'])} ({segment})"))
    if found["rule"] is None:
        console.print("It is a list: people and campaigns decide who is in it.")
    else:
        console.print(_branch(None, found["rule"]))
    return 0


def _explained(tables: Tables, ids: Ids, segment: str, contact: str, workspace: str | None) -> dict[str, Any]:
    segment_id, contact_id = read("seg", segment), read("ct", contact)
    for workspace_id in chosen(tables, workspace):
        if segment_id is not None and tables.workspace(workspace_id).definitions.segment(segment_id) is not None:
            return _in_workspace(view(tables, workspace_id, ids), segment_id, contact_id)
    raise NotFound(f"There is no segment {segment}.")


def _in_workspace(room: View, segment_id: int, contact_id: int | None) -> dict[str, Any]:
    subject = room.look_at(contact_id) if contact_id is not None else None
    if subject is None:
        raise NotFound("There is no such contact in the segment's workspace.")
    compiled = room.definitions.segments[segment_id]
    now = max(room.now, subject.as_of)
    subject.as_of = now
    return {
        "segment": {"id": show("seg", segment_id), "name": compiled.segment.name, "version": compiled.segment.version},
        "contactId": show("ct", subject.id),
        "member": subject.in_segment(segment_id),
        "rule": explain(compiled.rule, subject, now) if compiled.rule is not None else None,
    }


def _branch(parent: Tree | None, node: dict[str, Any]) -> Tree:
    label = Text("✔ " if node["holds"] else "✘ ", "green" if node["holds"] else "red")
    if "operator" in node:
        label.append(node["operator"], "bold")
    else:
        label.append(printable(node["sentence"]), "default")
        label.append(f" — saw {printable(json.encode_text(node['observed']))}", "cyan")
        evidence = node["evidence"]
        if evidence:
            more = f" and {len(evidence) - _MORE} more" if len(evidence) > _MORE else ""
            label.append(f" in {', '.join(evidence[:_MORE])}{more}", "dim")
    if node["flipsAt"] is not None:
        label.append(f" until {node['flipsAt']} at least", "magenta")
    tree = Tree(label) if parent is None else parent.add(label)
    for child in node.get("conditions", ()):
        _branch(tree, child)
    return tree
