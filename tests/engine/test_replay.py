"""P16: a run is its seed. Two runs leave the same rows, ids included, also under another order of hashing."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.engine.contacts import changes
from ensue.model.cause import Cause
from tests.engine.world import World

SEEDS = range(20)
STEPS = 40


def counted(event_type, operator, value, window=None):
    condition = {
        "type": "event", "eventType": event_type, "aggregate": "count", "operator": operator, "value": value,
    }  # fmt: skip
    return condition | ({"timeWindow": window} if window else {})


def define(world):
    for conditions in (
        [counted("buy", "gte", 1, "3h"), counted("view", "lte", 2, "1d")],
        [counted("buy", "gte", 3)],
        [{"type": "attribute", "field": "score", "operator": "gte", "value": 8}],
        [{"type": "tag", "operator": "has", "value": "vip"}, counted("view", "gte", 1, "90m")],
        [
            {
                "type": "sequence", "steps": [{"eventType": "view"}, {"eventType": "buy"}], "within": "2h",
                "lastStep": "absent",
            }
        ],
    ):  # fmt: skip
        world.segment({"operator": "AND", "conditions": conditions})
    world.scoring_rule("buy", 5, decay_points=2, decay_period=2 * HOUR)
    world.scoring_rule("view", 1, max_score=4, cooldown=HOUR)
    workflow = {
        "nodes": [
            {"id": "wait", "type": "delay", "data": {"for": "45m"}},
            {"id": "tag", "type": "tag", "data": {"add": ["vip"]}},
            {"id": "end", "type": "exit", "data": {}},
        ],
        "edges": [{"from": "wait", "to": "tag"}, {"from": "tag", "to": "end"}],
    }
    world.campaign({"type": "EVENT", "eventType": "buy"}, workflow=workflow)


def run(world, seed):
    random = Random(seed)
    define(world)
    people = [world.contact(email=f"{number}@x.org") for number in range(5)]
    for _ in range(STEPS):
        match random.randint(0, 5):
            case 0 | 1 | 2:
                late = random.choice([0, 0, random.randint(0, DAY)])
                world.post(
                    random.choice(["buy", "view"]), random.choice([None, *people]), {"n": random.random()},
                    timestamp=world.now - late, session_id=random.choice([None, "s", "t"]),
                )  # fmt: skip
            case 3:
                work = random.choice([changes.add_tag, changes.remove_tag])
                world.on(random.choice(people), lambda subject, work=work: work(subject, "vip", Cause("CHANGE")))
            case _:
                world.forward(random.choice([MINUTE, HOUR, 5 * HOUR, DAY, -HOUR]))
    world.forward(7 * DAY)


def trace(seed):
    """A digest of everything that is stored after a run."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            run(world, seed)
            names = world.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            digest = hashlib.sha256()
            for (table,) in names:
                digest.update(repr((table, sorted(world.rows(f"SELECT * FROM {table}"), key=repr))).encode())
            return digest.hexdigest()
        finally:
            world.close()


def traces():
    return [trace(seed) for seed in SEEDS]


def test_twenty_runs_twice_leave_the_same_under_any_order_of_hashing():
    here = traces()
    assert len(set(here)) == len(here), "runs of different seeds are the same: they do too little"
    environment = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])}
    again = subprocess.run(
        [sys.executable, "-c", "from tests.engine.test_replay import traces; print(*traces())"],
        check=True, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert again.stdout.split() == here
