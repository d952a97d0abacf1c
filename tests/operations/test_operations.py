"""The operator's commands, on a store that another connection has open and writes to."""

import io
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from ensue.base import json
from ensue.base.clock import DAY, HOUR, MINUTE
from ensue.base.errors import Conflict, NotFound
from ensue.base.ids import id_at, show
from ensue.operations import backup, doctor, explain, tail, verify
from ensue.store.sqlite.store import SqliteStore
from tests.engine.world import START, World


class Terminal(Console):
    def __init__(self):
        self.said = io.StringIO()
        super().__init__(file=self.said, width=200, color_system=None)

    @property
    def text(self):
        return self.said.getvalue()

    @property
    def lines(self):
        return [json.decode(line) for line in self.text.splitlines()]


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def beside(world, tmp_path):
    """The same file, opened as a command opens it while a server runs, in the middle of a transaction of the server."""
    store = SqliteStore(tmp_path)
    world.store.begin()
    world.store.rollback()
    yield store
    store.close()


class TestVerify:
    def test_a_sound_store(self, world, beside, terminal):
        world.scoring_rule("visit", 5)
        world.post("visit", world.contact())
        assert verify.run(beside, world.engine.ids, terminal) == 0
        assert "1 contact: everything is as the log says." in terminal.text

    def test_differences_are_told_and_fail(self, world, beside, terminal):
        contact = world.contact()
        world.store.write(lambda tables: tables.sql.run("UPDATE standings SET score = 3 WHERE slot = -1"))
        assert verify.run(beside, world.engine.ids, terminal, as_json=True) == 1
        *differences, last = terminal.lines
        assert last == {"contacts": 1, "differences": 2}
        assert {d["what"] for d in differences} == {"LEDGER", "SCORE"}
        assert {d["contactId"] for d in differences} == {show("ct", contact)}
        assert verify.run(beside, world.engine.ids, terminal) == 1

    def test_another_workspace_is_not_looked_at(self, world, beside, terminal):
        world.contact()
        assert verify.run(beside, world.engine.ids, terminal, f"world-{world.workspace}") == 0
        with pytest.raises(NotFound):
            verify.run(beside, world.engine.ids, terminal, "ws_nobody")


class TestExplain:
    @pytest.fixture
    def asked(self, world):
        recent = {
            "type": "event", "eventType": "visit", "aggregate": "count", "operator": "gte", "value": 1,
            "timeWindow": "2d",
        }  # fmt: skip
        plan = {"type": "attribute", "field": "attributes.plan", "operator": "eq", "value": "pro"}
        segment = world.segment({"operator": "AND", "conditions": [recent, plan]}, name="Keen\x1b[2J")
        contact = world.contact(attributes={"plan": "free"})
        event = world.post("visit", contact).event.id
        return show("seg", segment), show("ct", contact), show("evt", event)

    def test_the_tree_says_what_each_condition_saw(self, world, beside, terminal, asked):
        segment, contact, event = asked
        assert explain.run(beside, world.engine.ids, terminal, segment, contact) == 0
        head, *tree = terminal.text.splitlines()
        assert head == f"{contact} is not in Keen�[2J ({segment})"
        assert tree[0].startswith("✘ AND")
        assert f"saw 1 in {event} until 2026-01-17T10:00:00.000Z" in tree[1]
        assert '✘ plan is “pro” — saw "free"' in tree[2]

    def test_as_json(self, world, beside, terminal, asked):
        segment, contact, _ = asked
        explain.run(beside, world.engine.ids, terminal, segment, contact, as_json=True)
        (answer,) = terminal.lines
        assert (answer["member"], answer["rule"]["holds"], answer["contactId"]) == (False, False, contact)

    def test_what_is_not_there(self, world, beside, terminal, asked):
        segment, contact, _ = asked
        with pytest.raises(NotFound, match="no segment"):
            explain.run(beside, world.engine.ids, terminal, "seg_00000000000zz", contact)
        with pytest.raises(NotFound, match="no such contact"):
            explain.run(beside, world.engine.ids, terminal, segment, "ct_00000000000zz")

    def test_a_list_has_no_rule(self, world, beside, terminal):
        segment, contact = world.segment(None), world.contact()
        explain.run(beside, world.engine.ids, terminal, show("seg", segment), show("ct", contact))
        assert "It is a list" in terminal.text


class TestTail:
    def test_the_latest_in_the_order_of_their_commits(self, world, beside, terminal):
        world.scoring_rule("visit", 5)
        contact = world.contact(email="ann@example.com")
        for number in range(25):
            world.post(f"type {number}", contact)
        world.post("visit", contact, timestamp=START - DAY)
        world.post("\x1b[31mred", session_id="s")
        assert tail.run(beside, terminal) == 0
        lines = terminal.text.splitlines()
        assert len(lines) == 20
        assert lines[0].endswith("type 7  ann@example.com")
        assert lines[-2] == "2026-01-14T10:00:00.000Z  visit  ann@example.com  score 0 → 5"
        assert lines[-1].endswith("�[31mred  anonymous")

    def test_following_shows_each_once(self, world, beside, terminal):
        world.post("first")
        later = iter([["second", "third"], [], ["fourth"]])

        def rest():
            for event_type in (types := next(later, ())):
                world.post(event_type)
            return types != ()

        assert tail.run(beside, terminal, follow=True, as_json=True, rest=rest) == 0
        assert [line["type"] for line in terminal.lines] == ["first", "second", "third", "fourth"]

    def test_it_ends_when_interrupted(self, world, beside, terminal):
        def rest():
            raise KeyboardInterrupt

        assert tail.run(beside, terminal, follow=True, rest=rest) == 0


class TestDoctor:
    def test_a_healthy_house(self, world, beside, terminal):
        assert doctor.run(beside, world.clock, terminal, "127.0.0.1", 0, as_json=True) == 0
        (answer,) = terminal.lines
        assert answer["fit"]
        assert [check["check"] for check in answer["checks"]] == [
            "sqlite", "files", "disk", "schema", "port", "clock", "timers", "background", "integrity",
        ]  # fmt: skip

    def test_one_failure_fails(self, world, beside, terminal):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            taken.settimeout(5)
            assert doctor.run(beside, world.clock, terminal, "127.0.0.1", port) == 1
        assert f"✘ port        127.0.0.1:{port} cannot be listened on" in terminal.text

    @pytest.mark.parametrize(
        ("finding", "verdict"),
        [
            (doctor.sqlite("3.51.2"), "FAILED"),
            (doctor.sqlite("3.51.3"), "OK"),
            (doctor.space(255 * 1024 * 1024), "FAILED"),
            (doctor.space(1024 * 1024 * 1024), "WARNING"),
            (doctor.space(2 * 1024 * 1024 * 1024), "OK"),
            (doctor.time(0, 0), "FAILED"),
            (doctor.time(START, id_at(START + HOUR)), "FAILED"),
            (doctor.time(START, id_at(START)), "OK"),
            (doctor.timers(START, None, serving=True), "OK"),
            (doctor.timers(START, START - MINUTE, serving=True), "OK"),
            (doctor.timers(START, START - MINUTE - 1, serving=True), "FAILED"),
            (doctor.timers(START, START - DAY, serving=False), "OK"),
            (doctor.integrity(lambda: ["row 3 missing"]), "FAILED"),
            (doctor.integrity(list), "OK"),
            (doctor.listening("127.0.0.1", 8000, serving=True), "OK"),
        ],
    )
    def test_each_check_by_its_bounds(self, finding, verdict):
        assert finding.verdict == verdict

    def test_work_that_never_ends(self):
        old = SimpleNamespace(kind="SCORES", started_at=START)
        tables: Any = SimpleNamespace(
            workspaces_backfilling=lambda: [1],
            workspace=lambda _: SimpleNamespace(backfills=SimpleNamespace(running=lambda: [old])),
        )
        assert doctor.backfills(START + DAY, tables, serving=True).verdict == "OK"
        assert doctor.backfills(START + DAY + 1, tables, serving=True).verdict == "FAILED"
        assert doctor.backfills(START + DAY + 1, tables, serving=False).verdict == "OK"

    def test_a_file_that_others_may_read_or_change(self, world, beside):
        beside.path.parent.chmod(0o755)
        beside.path.chmod(0o644)
        assert doctor.files(beside.path).verdict == "WARNING"
        beside.path.chmod(0o666)
        assert doctor.files(beside.path).verdict == "FAILED"
        beside.path.parent.chmod(0o700)
        assert doctor.files(beside.path).verdict == "OK"


def test_a_backup_says_where_it_is_and_overwrites_nothing(world, beside, terminal, tmp_path):
    assert backup.run(beside, terminal, tmp_path / "copy.db") == 0
    assert "copy.db is a whole backup" in terminal.text
    with pytest.raises(Conflict):
        backup.run(beside, terminal, tmp_path / "copy.db")
