"""Workflows in few words, and what became of an enrolment: what campaign tests stand on."""

from itertools import pairwise
from typing import Any

from ensue.model.campaign import Enrolment, Step
from tests.engine.world import World


def node(node_id: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": node_id, "type": kind, "data": data}


def edge(source: str, target: str, branch: str | None = None) -> dict[str, Any]:
    return {"from": source, "to": target} | ({"branch": branch} if branch is not None else {})


def workflow(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nodes": nodes, "edges": edges}


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Nodes one after the other."""
    return workflow(list(nodes), [edge(a["id"], b["id"]) for a, b in pairwise(nodes)])


def sign_up(world: World, event_type: str = "signup", **fields: Any) -> tuple[int, int]:
    """A new contact that does what the only campaign waits for: (contact, enrolment)."""
    contact = world.contact(**fields)
    (enrolled,) = world.post(event_type, contact).effects.enrolled
    return contact, enrolled.enrolment_id


def run_of(world: World, enrolment_id: int) -> Enrolment:
    enrolment = world.ask(lambda tables: tables.enrolments.get(enrolment_id))
    assert enrolment is not None
    return enrolment


def steps_of(world: World, enrolment_id: int) -> list[Step]:
    return world.ask(lambda tables: tables.enrolments.steps(enrolment_id))
