"""One transaction over all tables, opened to the engine workspace by workspace."""

from ensue.model.form import Form
from ensue.model.message import CHANNELS
from ensue.model.telegram import Bot
from ensue.model.webhook import IncomingEndpoint
from ensue.store.sql.accounts import Accounts
from ensue.store.sql.backfills import Backfills
from ensue.store.sql.belongings import Belongings
from ensue.store.sql.connection import Sql
from ensue.store.sql.contact_list import ContactList
from ensue.store.sql.contacts import Contacts
from ensue.store.sql.definitions import DefinitionTables
from ensue.store.sql.devices import Devices
from ensue.store.sql.dry_runs import DryRuns
from ensue.store.sql.engagement import MessageLinks, owner_of_message
from ensue.store.sql.enrolments import Enrolments
from ensue.store.sql.erasures import Erasures
from ensue.store.sql.events import EventLog, IdempotencyKeys, Sessions
from ensue.store.sql.feedback import FeedbackTokens
from ensue.store.sql.forms import Forms, FormSubmissions, owner_and_form
from ensue.store.sql.incoming import IncomingEndpoints, incoming_by_digest
from ensue.store.sql.inspection import Inspection
from ensue.store.sql.launches import Launches, Schedules
from ensue.store.sql.messages import Messages
from ensue.store.sql.populations import Populations
from ensue.store.sql.push_keys import PushKeys
from ensue.store.sql.senders import Senders
from ensue.store.sql.split_tests import SplitTests
from ensue.store.sql.standing import Ledger, Memberships, Tallies, Timers
from ensue.store.sql.suppressions import Suppressions
from ensue.store.sql.telegram import Telegram, bot_by_id, bot_owner
from ensue.store.sql.templates import Templates
from ensue.store.sql.timeline import Timeline
from ensue.store.sql.visitor_devices import VisitorDevices
from ensue.store.sql.webhooks import WebhookDeliveries, WebhookEndpoints

# What the engine hands out is kept with the workspace. Accounts are written past the engine, and an older schema kept
# nothing, so the tables are asked as well.
_UNIQUE_IN_STORE = (
    "workspaces",
    "users",
    "user_sessions",
    "contacts",
    "sessions",
    "events",
    "memberships",
    "enrolments",
    "score_ledger",
    "messages",
)
_UNIQUE_IN_WORKSPACE = (
    "tags", "segments", "scoring_rules", "campaigns", "enrolment_skips", "backfills", "invitations", "api_keys",
    "telegram_bots", "devices",
    "audit_log", "forms", "form_submissions", "templates", "suppressions", "launches", "dry_runs",
)  # fmt: skip

# Asked channel by channel, each answer is the end of an index.
_CHANNELS = " UNION ALL ".join(f"SELECT '{channel}' AS name" for channel in CHANNELS)

# A workspace that is being removed must not act any more, above all not send.
_NOT_CLOSED = "w.id NOT IN (SELECT workspace FROM workspace_removals)"


class WorkspaceTables:
    """The tables of one workspace: nothing reached from here can see another's rows."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self.definitions = DefinitionTables(sql, workspace_id)
        self.events = EventLog(sql, workspace_id)
        self.keys = IdempotencyKeys(sql, workspace_id)
        self.sessions = Sessions(sql, workspace_id)
        self.contacts = Contacts(sql, workspace_id)
        self.belongings = Belongings(sql, workspace_id)
        self.contact_list = ContactList(sql, workspace_id)
        self.timeline = Timeline(sql, workspace_id)
        self.erasures = Erasures(sql, workspace_id)
        self.tallies = Tallies(sql, workspace_id)
        self.memberships = Memberships(sql, workspace_id)
        self.timers = Timers(sql, workspace_id)
        self.ledger = Ledger(sql, workspace_id)
        self.enrolments = Enrolments(sql, workspace_id)
        self.backfills = Backfills(sql, workspace_id)
        self.populations = Populations(sql, workspace_id)
        self.inspection = Inspection(sql, workspace_id)
        self.templates = Templates(sql, workspace_id)
        self.forms = Forms(sql, workspace_id)
        self.form_submissions = FormSubmissions(sql, workspace_id)
        self.launches = Launches(sql, workspace_id)
        self.schedules = Schedules(sql, workspace_id)
        self.split_tests = SplitTests(sql, workspace_id)
        self.dry_runs = DryRuns(sql, workspace_id)
        self.messages = Messages(sql, workspace_id)
        self.message_links = MessageLinks(sql, workspace_id)
        self.suppressions = Suppressions(sql, workspace_id)
        self.feedback_tokens = FeedbackTokens(sql, workspace_id)
        self.devices = Devices(sql, workspace_id)
        self.senders = Senders(sql, workspace_id)
        self.telegram = Telegram(sql, workspace_id)
        self.push_keys = PushKeys(sql, workspace_id)
        self.visitor_devices = VisitorDevices(sql, workspace_id)
        self.webhook_endpoints = WebhookEndpoints(sql, workspace_id)
        self.webhook_deliveries = WebhookDeliveries(sql, workspace_id)
        self.incoming = IncomingEndpoints(sql, workspace_id)
        self.forms = Forms(sql, workspace_id)
        self.form_submissions = FormSubmissions(sql, workspace_id)


class Tables:
    """All tables, inside one transaction (or one read snapshot)."""

    def __init__(self, sql: Sql) -> None:
        self.sql = sql
        self.accounts = Accounts(sql)
        self._workspaces: dict[int, WorkspaceTables] = {}

    def workspace(self, workspace_id: int) -> WorkspaceTables:
        """The tables of one workspace."""
        tables = self._workspaces.get(workspace_id)
        if tables is None:
            tables = self._workspaces[workspace_id] = WorkspaceTables(self.sql, workspace_id)
        return tables

    def owner_of_message(self, message_id: int) -> int | None:
        """The workspace of a message that a mail from outside names."""
        return owner_of_message(self.sql, message_id)

    def telegram_bot(self, number: int) -> Bot | None:
        """The bot that a public request names."""
        return bot_by_id(self.sql, number)

    def telegram_bot_owner(self, bot_id: int) -> int | None:
        """The workspace that a bot, by Telegram's id, speaks for."""
        return bot_owner(self.sql, bot_id)

    def owner_and_form(self, form_id: int) -> tuple[int, Form] | None:
        """(workspace, form) of a form that a public request names."""
        return owner_and_form(self.sql, form_id)

    def workspaces_due(self, now: int) -> list[int]:
        """Workspaces that have a contact for which time alone may have changed something."""
        rows = self.sql.rows(
            f"""SELECT id FROM workspaces w WHERE {_NOT_CLOSED} AND EXISTS
              (SELECT 1 FROM standings n WHERE n.workspace_id = w.id AND n.due_at <= ?)""",
            (now,),
        )
        return [row[0] for row in rows]

    def workspaces_backfilling(self) -> list[int]:
        """Workspaces that have work running in the background."""
        rows = self.sql.rows(
            f"""SELECT id FROM workspaces w WHERE {_NOT_CLOSED} AND EXISTS
              (SELECT 1 FROM backfills b WHERE b.workspace_id = w.id AND b.status = 'RUNNING')"""
        )
        return [row[0] for row in rows]

    def workspaces_with_campaign_work(self, now: int) -> list[int]:
        """Workspaces in which a launch, a schedule, a test, a dry-run or the arming of dates goes on now.

        Asked of the work and not of the workspaces: there is little of it, however many they are.
        """
        rows = self.sql.rows(
            """SELECT workspace_id FROM (
              SELECT workspace_id FROM schedules WHERE next_at <= ?
              UNION SELECT workspace_id FROM launches WHERE status = 'RUNNING' AND next_at <= ?
              UNION SELECT workspace_id FROM split_tests WHERE look_at IS NOT NULL AND look_at <= ?
              UNION SELECT workspace_id FROM dry_runs WHERE status = 'RUNNING'
              UNION SELECT workspace_id FROM backfills WHERE status = 'RUNNING' AND kind = 'DATES') found
            WHERE workspace_id NOT IN (SELECT workspace FROM workspace_removals) ORDER BY workspace_id""",
            (now, now, now),
        )
        return [row[0] for row in rows]

    def next_campaign_work(self) -> int | None:
        """The earliest instant at which a launch, a schedule or a test wants to go on."""
        row = self.sql.row(
            """SELECT MIN(at) FROM (
              SELECT workspace_id, next_at AS at FROM schedules
              UNION ALL SELECT workspace_id, look_at AS at FROM split_tests WHERE look_at IS NOT NULL
              UNION ALL SELECT l.workspace_id, l.next_at AS at FROM launches l
                JOIN campaigns c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id AND c.status = 'ACTIVE'
                WHERE l.status = 'RUNNING') coming
            WHERE workspace_id NOT IN (SELECT workspace FROM workspace_removals)"""
        )
        return row[0] if row else None

    def workspaces_forgetting(self, now: int) -> list[int]:
        """Workspaces that have forms waiting whose address nobody confirmed in time."""
        rows = self.sql.rows(
            f"""SELECT id FROM workspaces w WHERE {_NOT_CLOSED} AND EXISTS
              (SELECT 1 FROM form_submissions f
              WHERE f.workspace_id = w.id AND f.status = 'PENDING' AND f.expires_at <= ?)""",
            (now,),
        )
        return [row[0] for row in rows]

    def next_due(self) -> int | None:
        """The earliest instant at which time alone may change something anywhere."""
        row = self.sql.row(
            f"""SELECT MIN((SELECT MIN(due_at) FROM standings n WHERE n.workspace_id = w.id AND n.due_at IS NOT NULL))
            FROM workspaces w WHERE {_NOT_CLOSED}"""
        )
        return row[0] if row else None

    def sweeps(self) -> list[tuple[int, int]]:
        """(workspace, campaign) of the campaigns whose enrolments are being let go or ended."""
        rows = self.sql.rows(
            f"""SELECT c.workspace_id, c.id FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
            WHERE c.sweep IS NOT NULL AND {_NOT_CLOSED} ORDER BY c.workspace_id, c.id"""
        )
        return [(row[0], row[1]) for row in rows]

    def lanes_due(self, now: int) -> list[tuple[int, str]]:
        """(workspace, channel) that have a message to be handed over, or one that nobody came back from."""
        rows = self.sql.rows(
            f"""SELECT w.id, c.name FROM workspaces w CROSS JOIN ({_CHANNELS}) c
            WHERE {_NOT_CLOSED} AND EXISTS
              (SELECT 1 FROM messages m WHERE m.workspace_id = w.id AND m.channel = c.name AND m.due_at <= ?)""",
            (now,),
        )
        return [(row[0], row[1]) for row in rows]

    def next_message(self) -> int | None:
        """The earliest instant at which a message must be looked at."""
        row = self.sql.row(
            f"""SELECT MIN((SELECT MIN(due_at) FROM messages m
              WHERE m.workspace_id = w.id AND m.channel = c.name AND m.due_at IS NOT NULL))
            FROM workspaces w CROSS JOIN ({_CHANNELS}) c WHERE {_NOT_CLOSED}"""
        )
        return row[0] if row else None

    def webhook_workspaces(self) -> list[int]:
        """Workspaces that have endpoints to tell what happens, or ones that are being removed."""
        rows = self.sql.rows(
            f"""SELECT id FROM workspaces w WHERE {_NOT_CLOSED} AND EXISTS
              (SELECT 1 FROM webhook_endpoints e WHERE e.workspace_id = w.id)"""
        )
        return [row[0] for row in rows]

    def webhooks_waiting(self) -> list[tuple[int, int, int]]:
        """(workspace, endpoint, instant) of the endpoints that are told things, and when the next try is due there."""
        rows = self.sql.rows(
            """SELECT e.workspace_id, e.id,
              (SELECT MIN(d.due_at) FROM webhook_deliveries d
               WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id AND d.due_at IS NOT NULL)
            FROM webhook_endpoints e
            WHERE e.status = 'ACTIVE' AND e.workspace_id NOT IN (SELECT workspace FROM workspace_removals)"""
        )
        return [(row[0], row[1], row[2]) for row in rows if row[2] is not None]

    def incoming_by_digest(self, digest: bytes) -> IncomingEndpoint | None:
        """The incoming endpoint of a token, in whichever workspace."""
        return incoming_by_digest(self.sql, digest)

    def end_leases(self, now: int) -> None:
        """Let every message that was being handed over be looked at now. For who knows that nobody else serves."""
        self.sql.run("UPDATE messages SET due_at = ? WHERE due_at IS NOT NULL AND leased = 1", (now,))

    def largest_id(self) -> int:
        """The largest id in use, so that new ones go on above it even when the clock stepped back."""
        questions = ["SELECT MAX(latest_id) FROM workspaces", "SELECT MAX(latest_id) FROM nodes"]
        questions += [f"SELECT MAX(id) FROM {table}" for table in _UNIQUE_IN_STORE]
        # Asked workspace by workspace, each answer is the end of an index.
        questions += [
            f"""SELECT MAX((SELECT MAX(id) FROM {table} t WHERE t.workspace_id = w.id))
            FROM (SELECT id FROM workspaces UNION SELECT 0) w"""
            for table in _UNIQUE_IN_WORKSPACE
        ]
        rows = [self.sql.row(question) for question in questions]
        return max(row[0] or 0 for row in rows if row is not None)
