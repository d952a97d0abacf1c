"""How a workspace sends: the mail server, the signature of webhooks, the pace of each channel."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from ensue.accounts import roles
from ensue.accounts.audit import Recorder
from ensue.api.access import Caller, allow
from ensue.api.bodies import Body, StrictRoute
from ensue.api.context import Context, Here
from ensue.api.sender_json import (
    Channel,
    EmailSender,
    MailTrial,
    PushSender,
    SenderWithSecret,
    ShownSender,
    TelegramSender,
    TrialResult,
    WebhookSender,
    WebhookTrial,
    settings_of,
    shown,
)
from ensue.base import json
from ensue.base.errors import Conflict, Invalid, NotFound
from ensue.base.ids import show
from ensue.base.sealing import SealBroken
from ensue.channels.channel import Accepted, Parcel
from ensue.engine.webhooks import signing
from ensue.model.message import Sender
from ensue.model.template import Rendered
from ensue.store.ports import Tables
from ensue.worker.composition import open_settings

router = APIRouter(prefix="/api/workspaces/{workspaceId}/senders", tags=["Senders"], route_class=StrictRoute)

Admin = Annotated[Caller, Depends(allow(roles.ADMIN))]


@router.get("", summary="List senders")
async def list_senders(here: Here, caller: Admin) -> list[ShownSender]:
    """The channels that were set up, by name."""
    found = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).senders.all())
    return [_shown(here, caller, sender) for sender in found]


@router.get("/{channel}", summary="Get a sender")
async def get_sender(here: Here, caller: Admin, channel: str) -> ShownSender:
    """How the workspace sends on a channel."""
    return _shown(here, caller, await _known(here, caller, channel))


@router.put("/EMAIL", summary="Set the mail server")
async def put_email(here: Here, caller: Admin, wanted: EmailSender) -> ShownSender:
    """Mails go out over this server from now on, those that wait included."""
    secrets = {"password": wanted.password} if "password" in wanted.model_fields_set else {}
    return _shown(here, caller, await _put(here, caller, "EMAIL", wanted, secrets))


@router.put("/WEBHOOK", summary="Set how webhooks of campaigns are signed")
async def put_webhook(here: Here, caller: Admin, wanted: WebhookSender) -> SenderWithSecret:
    """A secret that is made here is in this answer and nowhere else."""
    made = None
    if wanted.signing_secret is not None:
        if not signing.is_secret(wanted.signing_secret):
            raise Invalid.at("signingSecret", "must be whsec_ and 24 to 64 bytes in base64")
        secrets: dict[str, str | None] = {"signingSecret": wanted.signing_secret}
    elif "signing_secret" in wanted.model_fields_set or not await _has_secret(here, caller, "WEBHOOK"):
        made = signing.new_secret()
        secrets = {"signingSecret": made}
    else:
        secrets = {}
    sender = await _put(here, caller, "WEBHOOK", wanted, secrets)
    return SenderWithSecret(**_fields(here, caller, sender), signing_secret=made)


@router.put("/TELEGRAM", summary="Set the pace of bots")
async def put_telegram(here: Here, caller: Admin, wanted: TelegramSender) -> ShownSender:
    """How the workspace's bots send."""
    return _shown(here, caller, await _put(here, caller, "TELEGRAM", wanted, {}))


@router.put("/PUSH", summary="Set what push services are told")
async def put_push(here: Here, caller: Admin, wanted: PushSender) -> ShownSender:
    """How notifications are sent to browsers."""
    return _shown(here, caller, await _put(here, caller, "PUSH", wanted, {}))


@router.delete("/{channel}", status_code=204, summary="Remove a sender")
async def remove_sender(here: Here, caller: Admin, channel: str) -> None:
    """Forget how the workspace sends on a channel, secrets included."""

    def work(tables: Tables) -> None:
        if not tables.workspace(caller.workspace_id).senders.remove(channel):
            raise _nothing_set_up(channel)
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, "sender.remove", channel=channel)

    await here.services.write(work)


@router.post("/EMAIL/test", summary="Try the mail server")
async def test_email(here: Here, caller: Admin, wanted: MailTrial) -> TrialResult:
    """Send one mail now, over a new or a kept connection, and say what the server says."""
    content = Rendered(
        subject="A trial mail from Ensue",
        text="It works: Ensue can send mail as this workspace.\n",
        html="<p>It works: Ensue can send mail as this workspace.</p>\n",
    )
    return await _try(here, caller, "EMAIL", wanted.to, content)


@router.post("/WEBHOOK/test", summary="Try the signature of webhooks")
async def test_webhook(here: Here, caller: Admin, wanted: WebhookTrial) -> TrialResult:
    """Post one signed request now, and say what is answered."""
    body = json.encode_text({"test": True, "workspaceId": show("ws", caller.workspace_id)})
    return await _try(here, caller, "WEBHOOK", wanted.url, Rendered(url=wanted.url, body=body))


async def _put(here: Context, caller: Caller, channel: Channel, wanted: Body, secrets: dict[str, str | None]) -> Sender:
    """Keep a sender. Of `secrets`, None removes one; those that are not named stay."""

    def work(tables: Tables) -> Sender:
        senders = tables.workspace(caller.workspace_id).senders
        both = {**_secrets(here, caller, senders.get(channel)), **secrets}
        kept = {name: value for name, value in both.items() if value is not None}
        sealed = here.services.sealer.seal(caller.workspace_id, json.encode(kept)) if kept else None
        sender = Sender(channel, settings_of(wanted), sealed, here.now)
        senders.put(sender)
        Recorder(tables, here.ids, here.caller(caller)).record(caller.workspace_id, "sender.set", channel=channel)
        return sender

    return await here.services.write(work)


async def _try(here: Context, caller: Caller, channel: Channel, address: str, content: Rendered) -> TrialResult:
    sender = await _known(here, caller, channel)
    try:
        settings = open_settings(here.services.sealer, caller.workspace_id, sender)
    except SealBroken as error:
        raise Conflict(f"Its secrets cannot be read: {error} Set them again.", code="secret_unreadable") from None
    parcel = Parcel(
        message_id=show("msg", here.ids.next()),
        workspace_id=caller.workspace_id,
        channel=channel,
        address=address,
        content=content,
        settings=settings,
        attempt=1,
    )
    handover = await here.services.channels[channel].hand_over(parcel)
    reason = None if isinstance(handover, Accepted) else handover.reason
    return TrialResult.model_validate({"outcome": type(handover).__name__.upper(), "reason": reason})


async def _known(here: Context, caller: Caller, channel: str) -> Sender:
    sender = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).senders.get(channel))
    if sender is None:
        raise _nothing_set_up(channel)
    return sender


async def _has_secret(here: Context, caller: Caller, channel: str) -> bool:
    sender = await here.services.ask(lambda tables: tables.workspace(caller.workspace_id).senders.get(channel))
    return sender is not None and sender.secret is not None


def _secrets(here: Context, caller: Caller, sender: Sender | None) -> dict[str, str]:
    """The secrets of a sender; none, when they were sealed with a key that is lost."""
    if sender is None or sender.secret is None:
        return {}
    try:
        found: dict[str, str] = json.decode(here.services.sealer.open(caller.workspace_id, sender.secret))
    except SealBroken:
        return {}
    return found


def _shown(here: Context, caller: Caller, sender: Sender) -> ShownSender:
    return ShownSender(**_fields(here, caller, sender))


def _fields(here: Context, caller: Caller, sender: Sender) -> dict[str, Any]:
    return shown(sender, sorted(_secrets(here, caller, sender)))


def _nothing_set_up(channel: str) -> NotFound:
    return NotFound(f"Nothing is set up for {channel} in this workspace.")
