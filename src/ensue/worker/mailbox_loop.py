"""The one reader of the bounce mailbox: what mail servers and providers report by mail, and who leaves by mail.

Each mail is applied in a transaction before it is taken out of the mailbox. Killed in between, it is applied again,
which changes nothing.
"""

import asyncio
import logging
from functools import partial
from pathlib import Path

from ensue.base import bounds
from ensue.base.errors import NotFound, Unavailable
from ensue.engine.engine import Engine
from ensue.engine.messages import bounces, tracking
from ensue.engine.messages.addresses import Addresses
from ensue.engine.messages.bounces import Report
from ensue.engine.messages.reports import Leave, MailReport, read_mail
from ensue.store.ports import Tables
from ensue.worker import mailboxes
from ensue.worker.group_commit import GroupCommit
from ensue.worker.mailboxes import Mail, Mailbox

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0
_BY_MAIL = "unsubscribe mail"


class MailboxLoop:
    """Looks every ten seconds into the mailbox at a path."""

    def __init__(self, path: Path, engine: Engine, commits: GroupCommit, addresses: Addresses) -> None:
        self._path = path
        self._engine = engine
        self._commits = commits
        self._addresses = addresses
        self._box: Mailbox | None = None
        self._complaint = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="bounce mailbox")

    async def close(self) -> None:
        """Stop between two mails."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._let_go()

    async def turn(self) -> int:
        """Take in what is there; returns how many mails were."""
        if self._box is None:
            self._box = await asyncio.to_thread(mailboxes.opened, self._path)
        box = self._box
        count = 0
        while mails := await asyncio.to_thread(box.take, bounds.MAILS_AT_ONCE):
            for mail in mails:
                understood = await self._understood(mail)
                await asyncio.to_thread(partial(box.settle, mail, understood=understood))
            count += len(mails)
        return count

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
                self._complaint = ""
            except (OSError, Unavailable) as error:
                self._let_go()
                self._say(f"the bounce mailbox {self._path} waits: {error}")
            except Exception:  # noqa: BLE001  a loop that ends by itself would leave every bounce unread
                self._let_go()
                _log.exception("the bounce mailbox failed")
            await asyncio.sleep(_LOOK_SECONDS)

    def _let_go(self) -> None:
        """What was taken and not settled is taken again."""
        if self._box is not None:
            self._box.close()
        self._box = None

    def _say(self, sentence: str) -> None:
        """Once, and not every ten seconds."""
        if sentence != self._complaint:
            _log.warning("%s", sentence)
        self._complaint = sentence

    async def _understood(self, mail: Mail) -> bool:
        """Apply what a mail says; whether it said anything to us."""
        found = await asyncio.to_thread(read_mail, mail.body)
        try:
            applied = [await self._commits.run(partial(self._apply, said), own=True) for said in found]
        except (OSError, Unavailable):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it concerns this mail alone, which is kept
            _log.exception("a mail in the bounce mailbox cannot be applied")
            return False
        return any(applied)

    def _apply(self, said: MailReport | Leave, tables: Tables) -> bool:
        now = self._engine.ids.instant()
        if isinstance(said, Leave):
            token = self._addresses.read_unsubscribe(said.token)
            if token is None:
                return False
            try:
                self._engine.within(
                    tables,
                    token.workspace_id,
                    lambda room: tracking.unsubscribed(room, token.message_id, token.contact_id, now, _BY_MAIL),
                )
            except NotFound:
                # The workspace is gone.
                return False
            return True
        workspace_id = tables.owner_of_message(said.message_id)
        if workspace_id is None:
            return False
        report = Report(said.kind, said.message_id, said.address, said.reason, now)
        return self._engine.within(tables, workspace_id, lambda room: bounces.apply(room, report))
