"""Sections 1 and 2: single posts and batches, against the floor, one commit each, and bare loops."""

from contextlib import ExitStack

from bench import load
from bench.bare import BestSchema, SameRows, record
from bench.stage import BATCH, Stage, group_size, newest
from bench.table import Line
from bench.workload import Size

MAIN = Size()


def single(stage: Stage) -> list[Line]:
    """`POST events` with 64 and 256 connections."""
    site = stage.site("main", MAIN)
    sent = stage.bodies(site)
    with ExitStack() as stack:
        floor = stack.enter_context(stage.serving("floor", "floor"))
        server, own = stack.enter_context(stage.product("post", site))
        one, alone = stack.enter_context(stage.product("post, one commit each", site, "single"))
        start = newest(own)
        stage.post(server, own, sent, 64)
        rows = stack.enter_context(stage.copy(site))
        group, events = group_size(own, start), 1_000 * stage.rounds * (4 if stage.full else 2)
        with stage.copy(site) as scratch:
            transactions = record(scratch, events, group)
        same = SameRows(rows, transactions, events, stage.rounds)
        stack.callback(same.close)
        found = stage.interleave(
            {
                "floor64": lambda: load.run(floor, own, sent, 64, stage.seconds).rate,
                "post64": lambda: stage.post(server, own, sent, 64).rate,
                "floor256": lambda: load.run(floor, own, sent, 256, stage.seconds).rate,
                "post256": lambda: stage.post(server, own, sent, 256).rate,
                "single64": lambda: stage.post(one, alone, sent, 64).rate,
                "same": same.rate,
            }
        )
    each = "a commit for each request"
    return [
        _line("POST, 64 connections", found["post64"], "floor", found["floor64"], 0.30),
        _line("POST, 256 connections", found["post256"], "floor", found["floor256"], 0.35),
        _line("POST, 64 connections", found["post64"], each, found["single64"], 3.0),
        _line("POST, 64 connections", found["post64"], f"the same rows bare, {group} a commit", found["same"], 0.40),
    ]


def batches(stage: Stage) -> list[Line]:
    """`POST events/batch`, 100 events each."""
    site = stage.site("main", MAIN)
    with ExitStack() as stack:
        server, own = stack.enter_context(stage.product("batches", site))
        sent = stage.batches(own)
        best = BestSchema(own.folder / "best", MAIN.contacts)
        stack.callback(best.close)
        found = stage.interleave(
            {
                "batch": lambda: BATCH * stage.post(server, own, sent, 8, BATCH, own.path + "/batch").rate,
                "best": lambda: best.rate(stage.seconds),
            }
        )
    return [_line("batches of 100", found["batch"], "best schema bare, 256 a commit", found["best"], 0.60)]


def _line(name: str, measured: float, against: str, other: float, bar: float) -> Line:
    return Line(
        name, f"{measured:,.0f}/s", f"{against}: {other:,.0f}/s", measured / other, bar, at_least=True,
        figures={"measured": measured, "against": other},
    )  # fmt: skip
