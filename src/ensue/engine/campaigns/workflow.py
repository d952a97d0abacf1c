"""A campaign's workflow: nodes and the edges between them, read from JSON and checked before it goes live.

    {"nodes": [{"id", "type", "data": {…}, "name"?, "position"?}], "edges": [{"from", "to", "branch"?}]}

The entry is the node that no edge reaches. A branch without an edge ends the enrolment. Reading refuses what can never
be right; `check` refuses what must be right to go live, so that a draft can be saved half done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ensue.base import bounds
from ensue.engine.campaigns.node import Node
from ensue.engine.steps import STEPS
from ensue.rules.facts import MISSING
from ensue.rules.faults import Faults, Reader


@dataclass(frozen=True, slots=True)
class Place:
    """A node where it stands: its path in the JSON, and where each branch leads."""

    id: str
    type: str
    path: str
    node: Node
    next: dict[str | None, str]


@dataclass(frozen=True, slots=True)
class Workflow:
    """The nodes by id; `entry` is None when there is not exactly one."""

    places: dict[str, Place]
    entry: str | None

    def beyond(self, node_id: str) -> frozenset[str]:
        """The nodes that can be reached from one, itself only by a circle."""
        found: set[str] = set()
        waiting = list(self.places[node_id].next.values()) if node_id in self.places else []
        while waiting:
            step = waiting.pop()
            if step not in found:
                found.add(step)
                waiting += self.places[step].next.values()
        return frozenset(found)

    def segments(self) -> Iterator[tuple[str, int]]:
        """(path, segment id) of every segment that a node changes or asks about."""
        for place in self.places.values():
            node = place.node
            for segment_id in node.segments:
                yield f"{place.path}.data.segmentId", segment_id
            rules = [*node.rules, *(c.rule for c in (node.awaits, node.target) if c is not None and c.rule is not None)]
            for rule in rules:
                for segment_id in rule.segments:
                    yield f"{place.path}.data", segment_id


def read_workflow(value: object, path: str, faults: Faults) -> Workflow | None:
    """The workflow of a decoded JSON value. Notes faults and returns None when there are any."""
    if not isinstance(value, dict):
        faults.add(path, "must be an object with nodes and edges")
        return None
    reader = Reader(value, path, faults)
    nodes = _list(reader, "nodes", bounds.WORKFLOW_NODES)
    edges = _list(reader, "edges", bounds.WORKFLOW_EDGES)
    reader.close()
    places: dict[str, Place] = {}
    for at, one in enumerate(nodes):
        _read_place(one, f"{path}.nodes[{at}]", faults, places)
    if reader.sound:
        for at, one in enumerate(edges):
            _read_edge(one, f"{path}.edges[{at}]", faults, places)
    if not reader.sound:
        return None
    reached = {to for place in places.values() for to in place.next.values()}
    entries = [node_id for node_id in places if node_id not in reached]
    return Workflow(places, entries[0] if len(entries) == 1 else None)


def check(workflow: Workflow, path: str, faults: Faults) -> None:
    """Note everything that keeps a workflow from going live."""
    places = workflow.places
    if not places:
        faults.add(f"{path}.nodes", "must have at least one node")
        return
    for place in places.values():
        branches = place.node.branches
        for branch in branches if len(branches) > 1 else ():
            if branch not in place.next:
                faults.add(place.path, f"has no edge for {_named(branch)}; every branch must lead on")
    if workflow.entry is None:
        reached = {to for place in places.values() for to in place.next.values()}
        entries = [node_id for node_id in places if node_id not in reached]
        found = f"these have: {', '.join(entries)}" if entries else "there is none"
        faults.add(f"{path}.nodes", f"must have exactly one node that no edge reaches, where everyone enters; {found}")
        return
    reachable = {workflow.entry} | workflow.beyond(workflow.entry)
    for node_id, place in places.items():
        if node_id not in reachable:
            faults.add(place.path, "cannot be reached from the entry")
    _check_circles(workflow, faults)


def _check_circles(workflow: Workflow, faults: Faults) -> None:
    """A circle in which nothing waits would never come to rest: look for one among the nodes that may pass at once."""
    hasty = {node_id: place for node_id, place in workflow.places.items() if not place.node.always_waits}
    incoming = dict.fromkeys(hasty, 0)
    for place in hasty.values():
        for to in set(place.next.values()) & hasty.keys():
            incoming[to] += 1
    free = [node_id for node_id, count in incoming.items() if count == 0]
    while free:
        place = hasty.pop(free.pop())
        for to in set(place.next.values()) & hasty.keys():
            incoming[to] -= 1
            if incoming[to] == 0:
                free.append(to)
    if hasty:
        # What is left lies on a circle or behind one; only the former reaches itself.
        for place in hasty.values():
            if _returns(place.id, hasty):
                faults.add(place.path, "lies on a circle without a delay, which would never come to rest")


def _returns(node_id: str, places: dict[str, Place]) -> bool:
    return node_id in Workflow({i: _within(p, places) for i, p in places.items()}, None).beyond(node_id)


def _within(place: Place, places: dict[str, Place]) -> Place:
    return Place(place.id, place.type, place.path, place.node, {b: to for b, to in place.next.items() if to in places})


def _read_place(value: object, path: str, faults: Faults, places: dict[str, Place]) -> None:
    if not isinstance(value, dict):
        faults.add(path, "must be an object with id, type and data")
        return
    reader = Reader(value, path, faults)
    node_id = reader.text("id", bounds.NODE_ID)
    kind = reader.one_of("type", list(STEPS))
    data = reader.optional("data")
    _read_drawing(reader)
    reader.close()
    if node_id in places:
        reader.fault("id", "is the id of another node already")
    if data is MISSING:
        data = {}
    if not isinstance(data, dict):
        reader.fault("data", "must be an object")
    elif kind is not None:
        inner = Reader(data, reader.at("data"), faults)
        node = STEPS[kind](inner)
        inner.close()
        if node is not None and node_id is not None and node_id not in places:
            places[node_id] = Place(node_id, kind, path, node, {})


def _read_drawing(reader: Reader) -> None:
    """What only the one who draws the workflow cares about."""
    if reader.optional("name") is not MISSING:
        reader.text("name", bounds.NAME)
    position = reader.optional("position")
    if position is not MISSING and (
        not isinstance(position, dict)
        or set(position) != {"x", "y"}
        or any(type(number) not in (int, float) for number in position.values())
    ):
        reader.fault("position", "must be an object with the numbers x and y")


def _read_edge(value: object, path: str, faults: Faults, places: dict[str, Place]) -> None:
    if not isinstance(value, dict):
        faults.add(path, "must be an object with from, to and perhaps branch")
        return
    reader = Reader(value, path, faults)
    source, target = reader.text("from", bounds.NODE_ID), reader.text("to", bounds.NODE_ID)
    branch = None if reader.optional("branch") is MISSING else reader.text("branch", bounds.NODE_ID)
    reader.close()
    for name, node_id in (("from", source), ("to", target)):
        if node_id is not None and node_id not in places:
            reader.fault(name, f"names a node that is not there: {node_id}")
    if not reader.sound or source is None or target is None:
        return
    place = places[source]
    if branch not in place.node.branches:
        known = ", ".join(_named(one) for one in place.node.branches) or "no branch, for it ends here"
        reader.fault("branch", f"{_named(branch)} is none of node {source}, which has {known}")
    elif branch in place.next:
        reader.fault("branch", f"{_named(branch)} of node {source} has an edge already")
    else:
        place.next[branch] = target


def _list(reader: Reader, name: str, most: int) -> list[Any]:
    value = reader.optional(name)
    if value is MISSING:
        return []
    if not isinstance(value, list) or len(value) > most:
        reader.fault(name, f"must be a list of at most {most}")
        return []
    return value


def _named(branch: str | None) -> str:
    return "the edge without a branch" if branch is None else f"the branch {branch}"
