"""Two workspaces never see each other: every statement names its workspace, and what one writes the other lacks."""

import ast
import re
from pathlib import Path

import pytest

import ensue.store.sql
from ensue.model.campaign import Step
from ensue.model.message import Device
from ensue.model.suppression import Suppression
from ensue.model.telegram import Bot
from ensue.model.webhook import IncomingEndpoint, IncomingRequest, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from ensue.store.sql.engagement import Engagement
from ensue.store.sql.push_keys import PushKey
from ensue.store.sql.suppressions import Wanted
from ensue.store.sql.webhooks import Filter
from tests.contract.conftest import ONE, TWO
from tests.contract.test_contacts import bare
from tests.contract.test_definitions import CAMPAIGN, RULE, SEGMENT
from tests.contract.test_enrolments import enrolment
from tests.contract.test_events import row
from tests.contract.test_standing import WHO, line, stay

ENDPOINT = WebhookEndpoint(61, "https://x.org", None, ["*"], "ACTIVE", None, b"s", None, None, None, None, 1, 1)
DELIVERY = WebhookDelivery(62, 61, "contact.created", WHO, None, "{}", "QUEUED", 5, 0, 0, 1)
TRIED = WebhookAttempt(62, 1, 1, 1, "FAILED", "no", "https://x.org", {})
INCOMING = IncomingEndpoint(ONE, 63, "Shop", "ACTIVE", b"d", "inw_", {}, {}, None, 1, 1)
REQUEST = IncomingRequest(64, 63, 1, "REFUSED", "invalid", "no", None, WHO, None, "{}")

STATEMENTS = Path(ensue.store.sql.__file__).parent

# Read or written across workspaces, by function, each for its reason.
ACROSS = {
    "workspaces_due": "the timer loop asks which workspaces have work, without a lock",
    "next_due": "the timer loop asks when any workspace has work next",
    "largest_id": "ids are unique in the whole store",
    "key_by_digest": "a key says which workspace it belongs to",
    "webhooks_waiting": "the worker asks which endpoints have something to be told",
    "webhook_workspaces": "the worker asks which workspaces have somebody to tell",
    "incoming_by_digest": "a token says which workspace it belongs to",
    "invitation_by_digest": "an invitation says which workspace it belongs to",
    "owner_and_form": "a public request names a form, and not whose it is",
    "workspaces_forgetting": "the worker asks which workspaces have what must be forgotten",
    "bot_by_id": "an incoming update says which bot it is for",
    "bot_owner": "Telegram knows one webhook for each bot, whichever workspace it speaks for",
    "of_user": "a person asks which workspaces they are in",
    "remove_rows": "bound by the subquery that chooses the rows",
    "workspaces_backfilling": "the worker asks which workspaces have work",
    "workspaces_with_campaign_work": "the worker asks which workspaces have work",
    "next_campaign_work": "the worker asks when any workspace has work next",
    "lanes_due": "the worker asks which workspaces have messages to hand over",
    "owner_of_message": "a mail that comes back says which message it is about, and not whose",
    "end_leases": "a server that is alone ends those of one that was killed",
    "next_message": "the worker asks when any workspace has a message next",
    "sweeps": "the worker asks which campaigns have work",
}


def test_what_one_workspace_writes_the_other_does_not_see(write, read):
    def fill(one):
        kind = one.events.add_type("buy", 1)
        one.events.count_types([(kind, 1, 1)])
        one.sessions.add(3, "s", None, 1)
        one.events.append([row(7, type_id=kind, session=3), row(8, type_id=kind, session=3, contact=None)])
        one.keys.claim(b"k", b"f", 7)
        one.contacts.add(bare(WHO), "a@x.org")
        one.contacts.advance([(1, 1, 5, 41, WHO)])
        one.contacts.add_tag(21, "vip", 1)
        one.contacts.tag(WHO, 21, 1)
        one.contacts.set_consent(WHO, "EMAIL", "OPTED_IN", "form", 1)
        one.erasures.keep_key(b"secret", 1)
        one.erasures.add(b"hash", 1)
        one.suppressions.add(Suppression(61, "EMAIL", "a@x.org", "MANUAL", None, None, 1), "a@x.org")
        one.message_links.keep(62, ["https://a.example"])
        one.message_links.count(62, "opens")
        one.feedback_tokens.put(b"digest", 1)
        one.tallies.put([(WHO, kind, "a")])
        one.memberships.enter([stay(31)])
        one.timers.arm([(WHO, 2, 1, 5)])
        one.ledger.write([(WHO, None, line(41))])
        one.enrolments.put([enrolment(51)])
        one.enrolments.log([Step(51, 0, "a", "exit", "DONE", None, 1)])
        one.definitions.put_segment(SEGMENT)
        one.definitions.put_scoring_rule(RULE)
        one.definitions.put_campaign(CAMPAIGN)
        one.webhook_endpoints.put(ENDPOINT)
        one.webhook_deliveries.add([DELIVERY])
        one.webhook_deliveries.note([TRIED])
        one.incoming.put(INCOMING)
        one.incoming.note(REQUEST, 10)
        one.telegram.put(Bot(ONE, 71, 700, "b", "B", b"t", b"s", None, "https://x.example", "CONNECTED", None, 1, 1))
        one.telegram.use_link(72, 3, 99)
        one.push_keys.add(PushKey("public", b"sealed"), 1)
        one.visitor_devices.put(73, 3, "PUSH", "https://p.example", {}, 1)
        one.devices.put(Device(74, WHO, "PUSH", "https://q.example", {}, 1))

    questions = {
        "events": lambda one: one.events.get(7),
        "event rows": lambda one: one.events.row(7),
        "history": lambda one: one.events.of_contact(WHO, ["buy"], None, 99),
        "session events": lambda one: one.events.unattributed(3, 0),
        "pages": lambda one: one.events.page(None, None, None, None, None, None, 10),
        "pages of a contact": lambda one: one.events.page(WHO, None, None, None, None, None, 10),
        "stream": lambda one: one.events.committed_after(0, 10),
        "newest": lambda one: one.events.latest_id(),
        "types": lambda one: one.events.types(),
        "type": lambda one: one.events.type_id("buy"),
        "keys": lambda one: one.keys.find(b"k"),
        "sessions": lambda one: one.sessions.find("s"),
        "contact": lambda one: one.contacts.lock(WHO),
        "address": lambda one: one.contacts.id_by_email("a@x.org"),
        "contacts": lambda one: one.contacts.after(0, 10),
        "due": lambda one: one.contacts.due(99, 10),
        "tags": lambda one: one.contacts.tags(WHO),
        "tag": lambda one: one.contacts.tag_id("vip"),
        "consents": lambda one: dict(one.contacts.consents(WHO)),
        "erasure key": lambda one: one.erasures.key(),
        "erasures": lambda one: one.erasures.has(b"hash"),
        "suppressed": lambda one: one.suppressions.has("EMAIL", "a@x.org"),
        "suppression by address": lambda one: one.suppressions.find("EMAIL", "a@x.org"),
        "suppression": lambda one: one.suppressions.get(61),
        "suppressions": lambda one: one.suppressions.page(Wanted(), 10, 0)[1],
        "link": lambda one: one.message_links.target(62, 1),
        "links": lambda one: one.message_links.of_message(62),
        "engagement": lambda one: one.message_links.engagement(62) != Engagement(),
        "feedback token": lambda one: one.feedback_tokens.digest(),
        "tallies": lambda one: one.tallies.get(WHO, 1),
        "stays": lambda one: one.memberships.current(WHO),
        "timers": lambda one: one.timers.next_due(WHO),
        "ledger": lambda one: one.ledger.of_contact(WHO, None, 10),
        "ledger of a rule": lambda one: one.ledger.of_rule(WHO, 1),
        "enrolment": lambda one: one.enrolments.get(51),
        "enrolments": lambda one: one.enrolments.active(WHO),
        "steps": lambda one: one.enrolments.steps(51),
        "segments": lambda one: one.definitions.segments(),
        "segment": lambda one: one.definitions.segment(1),
        "scoring rules": lambda one: one.definitions.scoring_rules(),
        "campaigns": lambda one: one.definitions.campaigns(),
        "versions": lambda one: one.definitions.campaign_versions([(4, 1)]),
        "webhooks": lambda one: one.webhook_endpoints.all(),
        "webhook": lambda one: one.webhook_endpoints.get(61),
        "webhook wishes": lambda one: one.definitions.webhook_wishes(),
        "delivery": lambda one: one.webhook_deliveries.get(62),
        "deliveries": lambda one: one.webhook_deliveries.page(61, Filter(), 0, 10)[1],
        "deliveries due": lambda one: one.webhook_deliveries.due(61, 99, 10),
        "next delivery": lambda one: one.webhook_deliveries.next_due(61, 0),
        "waiting deliveries": lambda one: one.webhook_deliveries.waiting(61, 10),
        "attempts": lambda one: one.webhook_deliveries.attempts(62),
        "incoming webhooks": lambda one: one.incoming.all(),
        "incoming webhook": lambda one: one.incoming.get(63),
        "incoming requests": lambda one: one.incoming.requests(63, 10),
        "bots": lambda one: one.telegram.bots(),
        "bot": lambda one: one.telegram.bot(71),
        "link used": lambda one: one.telegram.link_used_by(72),
        "session of a link": lambda one: one.telegram.session(3),
        "push key": lambda one: one.push_keys.get(),
        "devices": lambda one: one.devices.all_of(WHO),
        "devices of a channel": lambda one: one.devices.of_contact(WHO, "PUSH"),
        "device": lambda one: one.devices.by_address("PUSH", "https://q.example"),
    }
    write(fill, ONE)
    for name, question in questions.items():
        assert read(question, ONE), f"{name}: the question finds nothing even at home"
        assert not read(question, TWO), f"{name}: another workspace's row was seen"


def test_what_one_workspace_changes_stays_as_it_was_in_the_other(write, read):
    def fill(one):
        one.contacts.add(bare(WHO), None)
        one.sessions.add(3, "s", None, 1)
        one.events.append([row(7, contact=None, type_id=one.events.add_type("buy", 1), session=3)])
        one.memberships.enter([stay(31)])
        one.timers.arm([(WHO, 2, 1, 5)])
        one.tallies.put([(WHO, 1, "a")])
        one.contacts.add_tag(21, "vip", 1)
        one.contacts.tag(WHO, 21, 1)
        one.enrolments.put([enrolment(51)])
        one.definitions.put_segment(SEGMENT)

    def meddle(two):
        two.contacts.change(bare(WHO), "b@x.org")
        two.contacts.advance([(99, 99, 99, None, WHO)])
        two.contacts.remove(WHO)
        two.contacts.untag(WHO, 21)
        two.sessions.link(3, 99, 1)
        two.events.attribute(7, 99)
        two.events.keep_effects(7, "[]")
        two.memberships.exit([(31, 9, "TIME")])
        two.timers.take(WHO, 99)
        two.timers.cancel(WHO, 2, 1)
        two.timers.arm([(WHO, 2, 1, 1)])
        two.tallies.put([(WHO, 1, "z")])
        two.tallies.clear(WHO)
        two.definitions.remove_segment(SEGMENT.id)
        two.definitions.bump(99)

    def state(one):
        return (
            one.contacts.lock(WHO), one.contacts.tags(WHO), one.sessions.find("s"), one.events.get(7),
            one.memberships.current(WHO), one.timers.next_due(WHO), one.tallies.get(WHO, 1), one.enrolments.get(51),
            one.definitions.segments(), one.definitions.version(),
        )  # fmt: skip

    write(fill, ONE)
    before = read(state, ONE)
    write(meddle, TWO)
    assert read(state, ONE) == before


def test_an_enrolment_s_id_is_no_way_into_another_workspace(write, read):
    from msgspec.structs import replace

    write(lambda one: one.enrolments.put([enrolment(51)]), ONE)
    write(lambda two: two.enrolments.put([replace(enrolment(51), status="EXITED", ended_at=9)]), TWO)
    assert read(lambda one: one.enrolments.get(51), ONE) == enrolment(51)


def test_the_same_keys_live_side_by_side(write, read):
    for workspace in (ONE, TWO):
        write(lambda one: one.contacts.add_tag(1, "vip", 1), workspace)
        write(lambda one, number=workspace: one.sessions.add(number + 1, "s", None, 1), workspace)
        write(lambda one, number=workspace: one.contacts.add(bare(number + 2), "a@x.org"), workspace)
        assert write(lambda one, number=workspace: one.keys.claim(b"k", b"f", number), workspace)
        write(lambda one: one.definitions.put_segment(SEGMENT), workspace)
    for workspace in (ONE, TWO):
        assert read(lambda one: one.keys.find(b"k"), workspace) == (b"f", workspace)
        assert read(lambda one: one.contacts.id_by_email("a@x.org"), workspace) == workspace + 2


# Every statement


def bound_tables(store):
    columns = store.read(lambda tables: tables.sql.columns())
    return {column.table for column in columns if column.name == "workspace_id"}


def statements():
    """(file, function, its source, statement) of every literal in `store/sql` that looks like SQL."""
    for path in sorted(STATEMENTS.glob("*.py")):
        module = ast.parse(path.read_text("utf-8"))
        constants = literals(module, {})
        for function in ast.walk(module):
            if isinstance(function, ast.FunctionDef):
                known = constants | literals(function, constants)
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and call.args:
                        text = text_of(call.args[0], known)
                        if text and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", text):
                            yield path.name, function.name, ast.unparse(function), " ".join(text.split())


def literals(scope, known):
    """The texts that names of a module or a function stand for."""
    found: dict[str, str] = {}
    for node in scope.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = text_of(node.value, known | found) or ""
    return found


def text_of(node, known):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                parts.append(known.get(ast.unparse(part.value), "{…}"))
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        return "".join(parts)
    return None


TABLE = re.compile(
    r"\b(?:FROM|JOIN|INTO|(?<!DO )UPDATE)\s+(\w+)"
    r"(?:\s+(?!SET\b|WHERE\b|ON\b|LEFT\b|JOIN\b|ORDER\b|VALUES\b|GROUP\b|LIMIT\b|SELECT\b|UNION\b)(\w+))?"
)
BOUND = re.compile(r"workspace_id (=|IN) \?|INTO (\w+|\{\w+\}) \(workspace_id\b")


def unbound(statement, bound):
    """The tables of a statement that it ties neither to a workspace nor to one that is tied."""
    loose = []
    for table, alias in TABLE.findall(statement):
        if table not in bound or re.search(rf"INTO {table} \(workspace_id\b", statement):
            continue
        if alias:
            tied = rf"\b{alias}\.workspace_id (=|IN) |= {alias}\.workspace_id\b"
        else:
            tied = rf"(?<![.\w])(?:{table}\.)?workspace_id = (\?|excluded)"
        if not re.search(tied, statement):
            loose.append(table)
    return loose


def test_every_statement_names_its_workspace(store):
    bound = bound_tables(store)
    found = list(statements())
    assert len(found) > 80, "the scan no longer finds the statements"
    loose = [
        (file, function, statement)
        for file, function, source, statement in found
        if function not in ACROSS
        and (
            unbound(statement, bound)
            or (any(table in bound for table, _ in TABLE.findall(statement)) and not BOUND.search(source + statement))
        )
    ]
    assert loose == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM contacts WHERE id = ?",
        "SELECT e.id FROM events e JOIN sessions s ON s.id = e.session_id WHERE e.workspace_id = ?",
        "UPDATE standings SET score = ? WHERE contact_id = ?",
        "DELETE FROM timers WHERE contact_id = ?",
        "INSERT INTO tags (id, name) VALUES (?, ?)",
    ],
)
def test_the_scan_sees_a_statement_that_does_not(store, statement):
    assert unbound(statement, bound_tables(store))
