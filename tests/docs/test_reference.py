"""The reference says what the program does: its examples are accepted, its tables complete, and its links lead on."""

import json
import os
import re
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ensue import config
from ensue.api.campaigns import NewCampaign
from ensue.api.contacts import NewContact
from ensue.api.incoming_json import Mapping, NewIncoming, Verification
from ensue.api.ingest import EventBody
from ensue.api.message_json import NewMessage
from ensue.api.scoring_json import NewRule
from ensue.api.sender_json import EmailSender, PushSender, TelegramSender, WebhookSender
from ensue.engine.campaigns.editing import STATUSES
from ensue.engine.campaigns.triggers import TRIGGERS
from ensue.engine.campaigns.version import REENTRIES
from ensue.engine.steps import STEPS
from ensue.engine.webhooks.interests import KINDS
from ensue.model.campaign import Campaign
from ensue.model.contact import Contact
from ensue.model.event import Event
from ensue.model.message import CHANNELS as MESSAGE_CHANNELS
from ensue.model.message import STATUSES as MESSAGE_STATUSES
from ensue.model.message import Reason
from ensue.model.template import Content
from ensue.model.webhook import DeliveryStatus, DisabledBy, EndpointStatus
from ensue.model.workspace import Workspace
from ensue.templates.filters import FILTERS
from ensue.templates.liquid import parse
from ensue.templates.mjml import compile_mjml
from ensue.templates.scope import About, scope_of
from ensue.templates.tags import TAGS
from tests.api.house import House

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
# Its examples are checked beside the rules themselves, in tests/rules.
PAGES = sorted(page for page in REFERENCE.glob("*.md") if page.name != "rules.md")
LINKED = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

EXAMPLE = re.compile(r"```json([^\n]*)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_BETWEEN = re.compile(r"(<!-- options:.*?-->\n)(.*?)(<!-- end of options -->)", re.DOTALL)

WAIT = {"nodes": [{"id": "wait", "type": "delay", "data": {"duration": "1d"}}], "edges": []}

SENT = {
    "event": ("/events", 201, lambda value: value),
    "batch": ("/events/batch", 200, lambda value: value),
    "contact": ("/contacts", 201, lambda value: value),
    "segment": ("/segments", 201, lambda value: value),
    "campaign": ("/campaigns", 201, lambda value: {**value, "status": "ACTIVE"}),
    "broadcast": ("/campaigns", 201, lambda value: {**value, "status": "ACTIVE"}),
    "campaign-dry-run": ("/campaigns/dry-run", 202, lambda value: value),
    "message-limits": ("/message-limits", 200, lambda value: value),
    "triggers": ("/campaigns", 201, lambda value: live(triggers=value)),
    "settings": ("/campaigns", 201, lambda value: live(settings=value)),
    "workflow": ("/campaigns", 201, lambda value: live(workflow=value)),
    "scoring-rule": ("/scoring-rules", 201, lambda value: value),
    "dry-run": ("/scoring-rules/dry-run", 200, lambda value: value),
    "webhook": ("/webhooks", 201, lambda value: value),
    "incoming": ("/incoming-webhooks", 201, lambda value: value),
    "incoming-dry-run": ("/incoming-webhooks/dry-run", 200, lambda value: value),
    "rebuild": ("/scoring-rules/rebuild", 202, lambda value: value),
    "form": ("/forms", 201, lambda value: value),
    "suppression": ("/suppressions", 201, lambda value: value),
    "feedback": ("/public/feedback/{token}", 200, lambda value: value),
    "message": ("/messages", 201, lambda value: value),
    "sender-email": ("/senders/EMAIL", 200, lambda value: value),
    "sender-webhook": ("/senders/WEBHOOK", 200, lambda value: value),
    "sender-telegram": ("/senders/TELEGRAM", 200, lambda value: value),
    "sender-push": ("/senders/PUSH", 200, lambda value: value),
    "template": ("/templates", 201, lambda value: value),
    "template-preview": ("/templates/preview", 200, lambda value: value),
}
"""What an example is by its word: where it is sent to, what comes back, and what is sent."""

REPLACED = {"message-limits", "sender-email", "sender-webhook", "sender-telegram", "sender-push"}
"""Examples that take the place of what was there."""


def live(**fields):
    return {"name": "Example", "status": "ACTIVE", "workflow": WAIT, **fields}


def examples():
    return [
        pytest.param(word.strip(), text, id=f"{page.stem}-{place}-{word.strip()}")
        for page in PAGES
        for place, (word, text) in enumerate(EXAMPLE.findall(page.read_text("utf-8")))
    ]


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house.owner()


@pytest.fixture(scope="module")
def ids(owner):
    """A contact and a segment that examples may name, by the prefixes of their ids."""
    rules = {"type": "tag", "operator": "has", "value": "gold"}
    contact = owner.post(owner.w + "/contacts", {}, 201)
    segment = owner.post(owner.w + "/segments", {"name": "Gold", "type": "DYNAMIC", "rules": rules}, 201)
    return {"ct": contact["id"], "seg": segment["id"]}


@pytest.mark.parametrize(("word", "text"), examples())
def test_an_example_is_accepted(owner, ids, word, text):
    path, status, sent = SENT[word]
    text = re.sub(r"\b(ct|seg)_01c5v9s4e0000\b", lambda found: ids[found[1]], text)
    method = "PUT" if word in REPLACED else "POST"
    where = owner.w + path
    if word == "feedback":
        where = path.format(token=owner.post(owner.w + "/feedback-token", None, 201)["url"].rpartition("/")[2])
    answer = owner._expect(status, method, where, sent(json.loads(text)))
    assert all("error" not in item for item in answer.get("results", []))


TEMPLATE_TAGS = {tag.name for tag in TAGS} - {"content", "illegal", "output"}


def template_scope():
    """All names that a template finds."""
    workspace = Workspace(1, "", "", "", 0, 0, 0, 0)
    campaign = Campaign(1, "", "", "", 1, [], {}, {}, None, None, None, 0, 0)
    about = About(0, workspace, Contact(1, 0, 0, 0), event=Event(1, "", 0, 0), campaign=campaign)
    scope = scope_of(about)
    return {*scope, *(name for inner in scope.values() if isinstance(inner, dict) for name in inner)}


def names():
    """What each page must name: fields, node types, statuses and the like."""
    campaign = {field.alias for field in NewCampaign.model_fields.values()}
    contact = {field.alias for field in NewContact.model_fields.values()}
    rule = {field.alias for field in NewRule.model_fields.values()}
    event = {field.encode_name for field in msgspec.structs.fields(EventBody)}
    incoming = {field.alias for model in (NewIncoming, Mapping, Verification) for field in model.model_fields.values()}
    reasons = {value for name, value in vars(Reason).items() if name.isupper()}
    message = {field.alias for field in NewMessage.model_fields.values()}
    senders = (EmailSender, WebhookSender, TelegramSender, PushSender)
    sender = {field.alias for model in senders for field in model.model_fields.values()}
    found: dict[str, AbstractSet[str | None]] = {
        "webhooks": {*KINDS, *incoming, *get_args(DeliveryStatus), *get_args(DisabledBy), *get_args(EndpointStatus)},
        "campaigns": {*campaign, *STEPS, *TRIGGERS, *REENTRIES, *STATUSES},
        "contacts": contact,
        "scoring": rule,
        "events": event,
        "messages": {*MESSAGE_STATUSES, *MESSAGE_CHANNELS, *reasons, *message, *sender},
        "templates": {*FILTERS, *TEMPLATE_TAGS, *Content.__struct_fields__, *template_scope()},
    }
    return [(page, name) for page, words in found.items() for name in sorted(filter(None, words))]


@pytest.mark.parametrize(("page", "name"), names())
def test_a_page_names_everything(page, name):
    text = (REFERENCE / f"{page}.md").read_text("utf-8")
    assert re.search(rf"[`\"]{name}[`\":]", text), f"{page}.md does not say {name}"


def in_fences(language):
    fence = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [
        pytest.param(text, id=f"{page.stem}-{place}")
        for page in sorted(DOCS.rglob("*.md"))
        for place, text in enumerate(fence.findall(page.read_text("utf-8")))
    ]


@pytest.mark.parametrize("text", in_fences("liquid"))
def test_liquid_that_is_shown_is_sound(text):
    parse(text, "TEXT")


@pytest.mark.parametrize("text", in_fences("mjml"))
def test_mjml_that_is_shown_is_sound(text):
    parse(compile_mjml(text), "HTML")


def options():
    """The table of all options."""
    rows = ["| Option | Values | Default | |", "|---|---|---|---|"]
    for option in config.OPTIONS:
        default = "" if option.default is None else f"`{option.default}`"
        values = option.metavar.replace("|", "` `")
        names = [option.name, option.variable] if option.secret else [option.name, option.flag, option.variable]
        rows.append(f"| {', '.join(f'`{name}`' for name in names)} | `{values}` | {default} | {option.help} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_options_is_current():
    page = REFERENCE / "configuration.md"
    text = page.read_text("utf-8")
    if "REWRITE_DOCS" in os.environ:
        text = IN_BETWEEN.sub(lambda found: found[1] + options() + found[3], text)
        page.write_text(text, "utf-8")
    found = IN_BETWEEN.search(text)
    assert found is not None
    assert found[2] == options()


def test_the_example_file_is_one(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", (REFERENCE / "configuration.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / config.FILE).write_text(text, "utf-8")
    assert config.load({}, {}, tmp_path).public_url == "https://ensue.example.com"


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
