"""EMAIL: mails over SMTP, on connections that are kept open between them.

A mail that may have been taken is handed over again: its Message-ID is the same, and two are better than none.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aiosmtplib import SMTPException, SMTPResponseException
from aiosmtplib.errors import SMTPRecipientRefused, SMTPSenderRefused, SMTPServerDisconnected

from ensue.channels.channel import Accepted, Deferred, Handover, Parcel, Rejected, Unknown
from ensue.channels.mail import Mail, Unfit, build
from ensue.channels.smtp_pool import Connection, SmtpPool

_ENHANCED = re.compile(r"\b(5)\.(\d{1,3})\.(\d{1,3})\b")
# Of X.1.Y: bad mailbox, bad domain, bad syntax, moved without a trace, a domain that takes no mail.
_BAD_ADDRESS = (1, 2, 3, 6, 10)


class EmailChannel:
    """Mail servers of the workspaces' own choice. `now` is the wall clock, for the Date of a mail."""

    name = "EMAIL"
    resends_unknown = True

    def __init__(
        self,
        now: Callable[[], datetime],
        tls: ssl.SSLContext | None = None,
        allowed: Callable[[str], bool] = lambda _address: True,
    ) -> None:
        """`tls` and `allowed`: see `SmtpPool`."""
        self._now = now
        self._pool = SmtpPool(tls, allowed)

    async def hand_over(self, parcel: Parcel) -> Handover:
        """Try once; see `Channel`."""
        try:
            # On a thread: putting a mail together takes milliseconds, in which nobody else would be answered.
            mail = await asyncio.to_thread(build, parcel, self._now)
        except Unfit as error:
            return Rejected(f"The mail cannot be made: {error}.", "INVALID")
        return await self._send(parcel.workspace_id, parcel.settings, mail)

    async def _send(self, workspace_id: int, settings: Mapping[str, Any], mail: Mail) -> Handover:
        while True:
            try:
                connection = await self._pool.take(workspace_id, settings)
            except (SMTPException, OSError, ValueError) as error:
                return Deferred(f"The mail server cannot be used: {_said(error)}")
            try:
                handover = await _transfer(connection, mail)
            except BaseException:
                # Also when it is cancelled in the middle: what comes on it next would answer this mail.
                connection.broken = True
                raise
            finally:
                self._pool.give_back(connection)
            # A server ends what was idle for long: nothing was begun, so another connection may carry it.
            if handover is not None:
                return handover

    async def close(self) -> None:
        """Say goodbye to the servers."""
        await self._pool.close()


async def _transfer(connection: Connection, mail: Mail) -> Handover | None:
    """One mail on a connection; None when the connection, used before, had ended meanwhile."""
    smtp = connection.smtp
    try:
        await smtp.mail(mail.sender)
        await smtp.rcpt(mail.recipient)
    except (SMTPSenderRefused, SMTPRecipientRefused) as error:
        await _reset(connection)
        return _refused(error, of_recipient=isinstance(error, SMTPRecipientRefused))
    except (SMTPException, OSError) as error:
        connection.broken = True
        ended = connection.mails > 0 and isinstance(error, SMTPServerDisconnected)
        return None if ended else Deferred(_said(error))
    try:
        response = await smtp.data(mail.body)
    except SMTPResponseException as error:
        await _reset(connection)
        return _refused(error, of_recipient=False)
    except (SMTPException, OSError) as error:
        connection.broken = True
        return Unknown(f"The connection ended before the answer came: {_said(error)}")
    connection.mails += 1
    return Accepted(response.message[:200])


async def _reset(connection: Connection) -> None:
    """Make a connection ready for the next mail after a refusal."""
    try:
        await connection.smtp.rset()
    except (SMTPException, OSError):
        connection.broken = True


def _refused(error: SMTPResponseException, *, of_recipient: bool) -> Handover:
    """What a refusal means. A 4xx may be otherwise later; a 5xx will not."""
    sentence = _said(error)
    if not 500 <= error.code < 600:
        return Deferred(sentence)
    return Rejected(sentence, "BOUNCED" if _no_such_mailbox(error, of_recipient=of_recipient) else "INVALID")


def _no_such_mailbox(error: SMTPResponseException, *, of_recipient: bool) -> bool:
    """Whether it is the address that is refused, and not the sender or what the mail says (RFC 3463)."""
    enhanced = _ENHANCED.search(error.message)
    if enhanced is not None:
        subject, detail = int(enhanced[2]), int(enhanced[3])
        return (subject == 1 and detail in _BAD_ADDRESS) or (subject, detail) == (2, 1)
    return of_recipient and error.code in (550, 551, 553)


def _said(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
