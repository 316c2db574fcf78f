"""E-mails: what they say, who gets them, and that they are kept where no mail server is."""

import pytest
from django.core import mail
from django.core.mail import send_mail

from leaderboard import notices
from tests.factories import MembershipFactory, SubmissionFactory, TeamFactory


@pytest.mark.django_db
def test_every_member_hears_when_a_run_has_ended():
    team = TeamFactory()
    people = [MembershipFactory(team=team).user for _ in range(2)]
    row = SubmissionFactory(
        team=team, sent=True, name="AdamW & <b>x</b>", status="incomplete", status_note="Ran 1 of 2 workloads."
    )

    assert notices.send_run_ended(row) == 2

    assert [message.to for message in mail.outbox] == [[person.email] for person in people]
    assert mail.outbox[0].subject == "[AlgoPerf] AdamW & <b>x</b>: incomplete"
    assert "Ran 1 of 2 workloads." in mail.outbox[0].body
    assert f"/submissions/{row.slug}/" in mail.outbox[0].body


@pytest.mark.django_db
def test_a_mail_server_that_is_away_undoes_nothing(monkeypatch, caplog):
    def refuse(*args, **kwargs):
        raise ConnectionRefusedError("no mail server")

    monkeypatch.setattr(notices, "send_mail", refuse)
    row = SubmissionFactory(team=MembershipFactory().team, sent=True)

    assert notices.send_run_ended(row) == 1

    assert "could not be sent" in caplog.text


def test_messages_are_shown_and_kept_where_only_the_owner_can_read_them(settings, tmp_path, capsys):
    settings.EMAIL_BACKEND = "leaderboard.mail.KeptMailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"

    for number in range(2):
        send_mail(f"Message {number}", "Open http://127.0.0.1/x", "a@example.org", ["b@example.org"])

    kept = sorted((tmp_path / "mail").iterdir())
    assert [path.read_text().splitlines()[1] for path in kept] == ["Subject: Message 0", "Subject: Message 1"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    shown = capsys.readouterr().err
    assert "http://127.0.0.1/x" in shown
    assert str(kept[0]) in shown
