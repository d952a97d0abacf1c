"""Section 6: mails handed to a local mail server, against building the same mails and doing nothing."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.load import Unsound
from bench.stage import Stage, ask
from bench.table import Line
from bench.workload import Site, Size, build
from ensue.base.clock import SystemClock
from ensue.base.ids import Ids, show
from ensue.base.sealing import Signer
from ensue.channels.channel import Parcel
from ensue.channels.mail import build as build_mail
from ensue.engine.engine import Engine
from ensue.engine.messages.addresses import Addresses
from ensue.engine.messages.orders import Order
from ensue.engine.messages.outbox import queue
from ensue.engine.messages.recipients import of_subject
from ensue.engine.working_set import WorkingSet
from ensue.model.contact import Contact
from ensue.model.message import MARKETING, Message, Sender
from ensue.model.template import Content
from ensue.store.sqlite.store import SqliteStore
from ensue.templates.render import render
from ensue.templates.scope import About, scope_of
from ensue.worker.mail_tracking import MailTracking

_CHUNK = 1_000
_WAIT_SECONDS = 300
_FROM = "shop@example.com"

_SUBJECT = "{{ contact.firstName | default: 'Hello' }}, your week at the shop"
_PARAGRAPH = "<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.</p>\n"
_HTML = (
    "<html><body><h1>Hello {{ contact.firstName | default: 'there' }}</h1>\n"
    + _PARAGRAPH * 12
    + "<ul>{% for n in (1..5) %}<li>Offer {{ n }} for {{ contact.email }}</li>\n{% endfor %}</ul>\n"
    + "".join(f'<p><a href="https://shop.example.com/offers/{number}">Offer {number}</a></p>\n' for number in range(5))
    + '<p><a href="{{ unsubscribeUrl }}">Unsubscribe</a></p></body></html>'
)
_CONTENT = {"subject": _SUBJECT, "html": _HTML}


def mails(stage: Stage) -> list[Line]:
    """Mails a second, from the first that arrived to the last."""
    count = 10_000 if stage.full else 2_000
    site = stage.site("mails", Size(count, 0), lambda folder, size: build(folder, size, defined=False))
    found = stage.interleave({"mails": lambda: _sent(stage, site, count), "built": lambda: _built(site, count)})
    return [
        Line(
            f"mails handed over, {len(_HTML):,} characters each", f"{found['mails']:,.0f}/s",
            f"building the same mails: {found['built']:,.0f}/s", found["mails"] / found["built"], 0.50, at_least=True,
            figures=dict(found),
        )
    ]  # fmt: skip


def _sent(stage: Stage, site: Site, count: int) -> float:
    with _sink() as (port, sink), stage.copy(site) as own:
        _queue(own, port, count)
        with stage.serving("mails", "product", str(own.folder)):
            deadline = time.monotonic() + _WAIT_SECONDS
            while ask(own, "SELECT COUNT(*) FROM messages WHERE status = 'SENT'") < count:
                if time.monotonic() > deadline:
                    raise Unsound("Not all mails were sent.")
                time.sleep(0.2)
        sink.send_signal(signal.SIGTERM)
        assert sink.stdout is not None
        found = json.loads(sink.stdout.readline())
    if (found["mails"], found["different"]) != (count, count):
        raise Unsound(f"{count} mails were to be sent, {found['mails']} came, {found['different']} different ones.")
    return float((count - 1) / (found["last"] - found["first"]))


def _built(site: Site, count: int) -> float:
    """Mails a second of what is needed for a mail beside the store and the network, from contacts in memory."""
    store = SqliteStore(site.folder)
    try:
        workspace = store.read(lambda tables: tables.workspace(site.workspace_id).definitions.workspace())
        own = store.read(lambda tables: [tables.workspace(site.workspace_id).contacts.get(c) for c in site.contacts])
    finally:
        store.close()
    contacts = [contact for contact in own if contact is not None][:count]
    assert workspace is not None
    tracking = MailTracking(Addresses(Signer(b"k" * 32), "http://127.0.0.1:8000"), reads_mailbox=False)
    settings = _settings(25)
    content = Content("EMAIL", **_CONTENT)
    now = SystemClock().now()
    began = time.perf_counter()
    for number, contact in enumerate(contacts):
        message = _message(number, contact, now)
        about = About(
            now=now,
            workspace=workspace,
            contact=contact,
            unsubscribe_url=tracking.unsubscribe_url(workspace.id, message),
            preferences_url=tracking.preferences_url(workspace.id, message),
        )
        rendered, _ = tracking.tracked(workspace.id, message, render(content, scope_of(about)), settings)
        headers = tracking.headers(workspace.id, message, settings)
        parcel = Parcel(
            show("msg", message.id), workspace.id, "EMAIL", contact.email or "", rendered, settings, 1, headers=headers
        )
        build_mail(parcel, lambda: datetime.now(UTC))
    return len(contacts) / (time.perf_counter() - began)


def _message(number: int, contact: Contact, now: int) -> Message:
    return Message(number, "EMAIL", MARKETING, "QUEUED", now, now, contact_id=contact.id, address=contact.email)


def _queue(site: Site, port: int, count: int) -> None:
    """Queue a mail to every contact, as a campaign would."""
    store, clock = SqliteStore(site.folder, synchronous="OFF"), SystemClock()
    engine = Engine(clock, Ids(clock, floor=store.read(lambda tables: tables.largest_id())))
    try:
        contacts = site.contacts[:count]
        sender = Sender("EMAIL", _settings(port), None, clock.now())
        store.write(lambda tables: tables.workspace(site.workspace_id).senders.put(sender))
        for start in range(0, len(contacts), _CHUNK):
            work = partial(_queue_some, contacts=contacts[start : start + _CHUNK])
            store.write(partial(engine.within, workspace_id=site.workspace_id, work=work))
    finally:
        store.close()


def _queue_some(room: WorkingSet, contacts: list[int]) -> None:
    order = Order("EMAIL", MARKETING, dict(_CONTENT))
    for contact_id in contacts:
        subject = room.subject(contact_id)
        assert subject is not None
        queue(room, order, of_subject(subject, "EMAIL")[0])


def _settings(port: int) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "security": "NONE", "fromEmail": _FROM, "fromName": "The shop"}


@contextmanager
def _sink() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.sink", str(port)]
    sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        assert sink.stdout is not None
        if sink.stdout.readline() != "ready\n":
            raise Unsound("The mail server did not start.")
        yield port, sink
    finally:
        sink.kill()
        sink.wait()
