"""A message put into words: on a reader's thread and one snapshot, before the transaction that leases it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ensue.base import json
from ensue.base.errors import Invalid
from ensue.base.ids import show
from ensue.base.sealing import SealBroken, Sealer
from ensue.engine.messages.dispatch import Composed
from ensue.model.message import Message, Reason, Sender
from ensue.model.template import Content, Rendered
from ensue.model.workspace import Workspace
from ensue.store.ports import Tables, WorkspaceTables
from ensue.templates.render import render
from ensue.templates.scope import About, scope_of
from ensue.worker.mail_tracking import MailTracking
from ensue.worker.own_secrets import own_secrets

_log = logging.getLogger(__name__)

_NEED_A_SENDER = ("EMAIL", "WEBHOOK")
_BY_DEVICE = ("TELEGRAM", "PUSH")


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one workspace and channel in words.

    `settings` are the sender's, its secrets opened. By the id of a message: `details` is what belongs to its address,
    `headers` what its mail says to machines.
    """

    composed: list[Composed]
    settings: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    headers: Mapping[int, dict[str, str]] = field(default_factory=dict)


class Composer:
    """Puts messages into words."""

    def __init__(self, sealer: Sealer, tracking: MailTracking) -> None:
        self._sealer = sealer
        self._tracking = tracking

    def compose(
        self, tables: Tables, workspace_id: int, sender: Sender | None, messages: list[Message], now: int
    ) -> Batch:
        """Messages of one workspace and channel in words. What cannot be written says why."""
        own = tables.workspace(workspace_id)
        workspace = own.definitions.workspace()
        if workspace is None or not messages:
            return Batch([])
        channel = messages[0].channel
        if sender is None and channel in _NEED_A_SENDER:
            return _without_sender(messages, f"This workspace has no sender for {channel}.")
        try:
            settings = open_settings(self._sealer, workspace_id, sender) | own_secrets(self._sealer, own, channel)
        except SealBroken:
            return _without_sender(messages, "Its secrets cannot be read with this server's key; enter them again.")
        composed = [self._composed(own, workspace, message, settings, now) for message in messages]
        headers = {message.id: self._tracking.headers(workspace_id, message, settings) for message in messages}
        return Batch(composed, settings, _details(own, messages), headers)

    def _composed(
        self, own: WorkspaceTables, workspace: Workspace, message: Message, settings: Mapping[str, Any], now: int
    ) -> Composed:
        if message.rendered is not None:
            rendered = msgspec.convert(message.rendered, Rendered)
            return Composed(message, rendered, message.template_version, _address(message, rendered))
        content, version = _content(own, message)
        if content is None:
            return Composed(message, None, fault=(Reason.NO_TEMPLATE, "The template is not there any more."))
        try:
            rendered = render(content, scope_of(self._about(own, workspace, message, now)))
        except Invalid as error:
            return Composed(message, None, version, fault=(Reason.NOT_RENDERED, error.message))
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this message alone
            _log.exception("%s cannot be put into words", show("msg", message.id))
            return Composed(message, None, version, fault=(Reason.NOT_RENDERED, f"{type(error).__name__}: {error}"))
        rendered, targets = self._tracking.tracked(own.workspace_id, message, rendered, settings)
        return Composed(message, rendered, version, _address(message, rendered), targets=targets)

    def _about(self, own: WorkspaceTables, workspace: Workspace, message: Message, now: int) -> About:
        contact = own.contacts.get(message.contact_id) if message.contact_id is not None else None
        found = own.events.get(message.event_id) if message.event_id is not None else None
        campaign = own.definitions.campaign(message.campaign_id) if message.campaign_id is not None else None
        return About(
            now=now,
            workspace=workspace,
            contact=contact,
            tags=own.contacts.tags(contact.id) if contact is not None else (),
            consents=own.contacts.consents(contact.id) if contact is not None else {},
            event=found[0] if found is not None else None,
            campaign=campaign,
            unsubscribe_url=self._tracking.unsubscribe_url(own.workspace_id, message),
            preferences_url=self._tracking.preferences_url(own.workspace_id, message),
            values=message.values or {},
        )


def _without_sender(messages: list[Message], sentence: str) -> Batch:
    return Batch([Composed(message, None, fault=(Reason.NO_SENDER, sentence)) for message in messages])


def open_settings(sealer: Sealer, workspace_id: int, sender: Sender | None) -> dict[str, Any]:
    """The settings of a sender, with its secrets among them.

    Raises:
        SealBroken: they were sealed with another key.
    """
    if sender is None:
        return {}
    secrets = json.decode(sealer.open(workspace_id, sender.secret)) if sender.secret is not None else {}
    return {**sender.settings, **secrets}


def _content(own: WorkspaceTables, message: Message) -> tuple[Content | None, int | None]:
    """The texts, and the version of the template that they are of. What the order itself says goes before it."""
    given = message.content or {}
    if message.template_id is None:
        return Content(channel=message.channel, **given), None
    template = own.templates.get(message.template_id)
    if template is None:
        return None, None
    return msgspec.structs.replace(template.content, **given), template.version


def _address(message: Message, rendered: Rendered) -> str | None:
    """Where a message goes whose address is one of its texts."""
    return rendered.url if message.channel == "WEBHOOK" else None


def _details(own: WorkspaceTables, messages: list[Message]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for message in messages:
        if message.channel in _BY_DEVICE and message.address is not None:
            device = own.devices.by_address(message.channel, message.address)
            found[message.id] = device.detail if device is not None else {}
    return found
