"""The bounce mailbox: files that a mail server delivers into, read by the real loop."""

import mailbox

import pytest

from ensue.base import bounds
from ensue.engine.messages.addresses import Addresses
from ensue.worker.mailbox_loop import MailboxLoop
from ensue.worker.mailboxes import Maildir, Mbox, opened
from tests.engine.test_reports import FAILED, ORIGINAL, arf, dsn
from tests.engine.test_reports import MSG as QUOTED


def bounce(message, said="550 5.1.1 no such user", to="bob@example.org"):
    block = FAILED.format(status="5.1.1", said=said).replace("jane@example.com", to)
    return dsn(block).replace(QUOTED.encode(), message.encode())


OTHER = b"From: jane@example.com\nSubject: A question\n\nDo you ship to Wien?\n"


def maildir(path):
    return mailbox.Maildir(path)


def mbox(path):
    return mailbox.mbox(path)


KINDS = pytest.mark.parametrize("make", [maildir, mbox])


@pytest.fixture
def read(mailing, tmp_path):
    """Take in what is in a mailbox, as the server does; returns how many mails were there."""

    def read(path):
        services = mailing.house.services
        addresses = Addresses(services.signer, services.config.reached_at)
        loop = MailboxLoop(path, services.engine, services.commits, addresses)
        return mailing.house.call(loop.turn)

    return read


@KINDS
def test_mails_are_applied_and_taken_out(mailing, read, tmp_path, make):
    message = mailing.mail()
    box = make(tmp_path / "bounces")
    box.add(bounce(message))
    box.add(OTHER)
    box.close()
    assert read(tmp_path / "bounces") == 2
    assert mailing.message(message)["status"] == "BOUNCED"
    assert [event["type"] for event in mailing.events()] == ["message.bounce"]
    assert [one["address"] for one in mailing.owner.get(f"{mailing.w}/suppressions")["data"]] == ["bob@example.org"]
    assert read(tmp_path / "bounces") == 0
    # What nobody understood is kept for a person.
    kept = list((tmp_path / "bounces" / "cur").iterdir()) if make is maildir else [tmp_path / "bounces.kept"]
    assert [b"Do you ship to Wien?" in path.read_bytes() for path in kept] == [True]
    assert list((tmp_path / "bounces" / "new").iterdir() if make is maildir else ()) == []


@KINDS
def test_a_mail_that_comes_again_changes_nothing(mailing, read, tmp_path, make):
    message = mailing.mail()
    for _ in range(2):
        box = make(tmp_path / "bounces")
        for _ in range(2):
            box.add(bounce(message))
        box.close()
        assert read(tmp_path / "bounces") == 2
    assert len(mailing.events()) == 1


def test_a_complaint_by_mail(mailing, read, tmp_path):
    message = mailing.mail()
    maildir(tmp_path / "bounces").add(arf().replace(QUOTED.encode(), message.encode()))
    read(tmp_path / "bounces")
    assert [event["type"] for event in mailing.events()] == ["message.complaint"]
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}


def test_who_writes_to_leave_has_left(mailing, read, tmp_path):
    mailing.mail()
    token = mailing.unsubscribe.rpartition("/")[2]
    box = maildir(tmp_path / "bounces")
    box.add(f"From: bob@example.org\nSubject: unsubscribe {token}\n\n".encode())
    box.add(f"From: bob@example.org\nSubject: unsubscribe {token[:-2]}\n\n".encode())
    assert read(tmp_path / "bounces") == 2
    assert mailing.consents() == {"EMAIL": "OPTED_OUT"}
    assert len(list((tmp_path / "bounces" / "cur").iterdir())) == 1


def test_a_report_about_nobody_here_is_kept(mailing, read, tmp_path):
    maildir(tmp_path / "bounces").add(dsn(FAILED.format(status="5.1.1", said="gone"), ORIGINAL))
    assert read(tmp_path / "bounces") == 1
    assert len(list((tmp_path / "bounces" / "cur").iterdir())) == 1


def test_what_was_taken_and_not_settled_comes_again(tmp_path):
    box = mbox(tmp_path / "bounces")
    for number in range(5):
        box.add(f"Subject: {number}\n\n".encode())
    box.close()
    first = Mbox(tmp_path / "bounces")
    assert len(first.take(2)) == 2
    first.close()
    # Killed here; a mail comes meanwhile.
    box = mbox(tmp_path / "bounces")
    box.add(b"Subject: 5\n\n")
    box.close()
    second = opened(tmp_path / "bounces")
    assert [mail.body.splitlines()[0] for mail in second.take(10)] == [f"Subject: {n}".encode() for n in range(5)]
    assert second.take(10) == []
    assert [mail.body.splitlines()[0] for mail in second.take(10)] == [b"Subject: 5"]
    assert second.take(10) == []
    assert second.take(10) == []


def test_a_file_that_the_mail_server_is_writing_is_left_alone(tmp_path):
    box = mbox(tmp_path / "bounces")
    box.add(OTHER)
    box.close()
    (tmp_path / "bounces.lock").touch()
    assert Mbox(tmp_path / "bounces").take(10) == []
    (tmp_path / "bounces.lock").unlink()
    free = Mbox(tmp_path / "bounces")
    assert len(free.take(10)) == 1
    free.close()


def test_only_whole_files_are_mails(tmp_path):
    maildir(tmp_path / "bounces").add(OTHER)
    (tmp_path / "bounces" / "tmp" / "half").write_bytes(b"Subject: ")
    (tmp_path / "bounces" / "new" / "folder").mkdir()
    (tmp_path / "bounces" / "new" / "link").symlink_to("/etc/hostname")
    assert [mail.body for mail in Maildir(tmp_path / "bounces").take(10)] == [OTHER]


def test_of_an_endless_mail_the_beginning_is_read(tmp_path):
    maildir(tmp_path / "bounces").add(OTHER + b"x" * (2 * bounds.MAIL_READ))
    (mail,) = Maildir(tmp_path / "bounces").take(10)
    assert len(mail.body) == bounds.MAIL_READ


def test_a_mailbox_that_is_not_there_is_empty(read, tmp_path):
    assert read(tmp_path / "nothing") == 0


def test_mails_offer_to_leave_by_mail_when_somebody_reads_it(tmp_path):
    from tests.api.house import House
    from tests.sending.post_office import PostOffice
    from tests.tracking.mailing import Mailing

    mailbox.Maildir(tmp_path / "bounces")
    with (
        PostOffice() as office,
        House(tmp_path / "data", public_url="http://shop.example/ensue", bounce_mailbox=tmp_path / "bounces") as house,
    ):
        mailing = Mailing(house, office)
        mailing.set_sender(bounceAddress="bounces@example.com")
        mailing.mail()
        token = mailing.unsubscribe.rpartition("/")[2]
        ways = mailing.office.letters[-1].mail["List-Unsubscribe"]
        assert ways.split(", ")[1] == f"<mailto:bounces@example.com?subject=unsubscribe%20{token}>"
