"""The site's tasks, called directly; what they send is caught."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from leaderboard import lifecycle, tasks
from leaderboard.models import Attempt, Board, Submission
from sandbox_runner import protocol
from tests.factories import HostFactory, MembershipFactory, SubmissionFactory
from tests.leaderboard.steps import run, run_everything, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
S = Submission.Status


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str]]:
    """Task messages that would have left the site."""
    caught: list[tuple[str, list[str], str]] = []

    def send_task(name: str, args: list[str], queue: str, **_: Any) -> None:
        caught.append((name, args, queue))

    monkeypatch.setattr(tasks.app, "send_task", send_task)
    return caught


def test_every_idle_host_gets_one_trial_and_only_ids(messages: list[Any]) -> None:
    sent()
    one = HostFactory(name="one", hardware_model="same")
    HostFactory(name="asleep", heartbeat_at=None)
    HostFactory(name="two", hardware_model="same")

    assert tasks.dispatch_trials() == 2
    assert tasks.dispatch_trials() == 0
    attempt = Attempt.objects.get(host=one)
    assert messages[0] == (protocol.START_SUPERVISOR, [str(attempt.pk), str(attempt.lease_id)], "host.one")
    assert [queue for _, _, queue in messages] == ["host.one", "host.two"]


def test_a_broker_that_is_away_costs_a_lease_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    sent()
    HostFactory()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(tasks.app, "send_task", refuse)

    assert tasks.dispatch_trials() == 1
    assert Attempt.objects.get().status == "leased"


def test_a_finished_run_is_published_ranked_and_announced() -> None:
    submission = sent()
    member = MembershipFactory(team=submission.team)
    run_everything(submission)

    tasks.finish_submissions()

    submission.refresh_from_db()
    board = Board.objects.get()
    assert (submission.status, submission.awaits_standings) == (S.PUBLISHED, False)
    assert board.current is not None
    assert [row.submission for row in board.current.standings.all()] == [submission]
    assert [message.to for message in mail.outbox] == [[member.user.email]]


def test_a_withdrawal_changes_the_board() -> None:
    stays, goes = run_everything(sent()), run_everything(sent())
    tasks.finish_submissions()
    first = Board.objects.get().current

    lifecycle.withdraw_submission(goes.pk, actor="shell")
    tasks.refresh_boards()

    board = Board.objects.get()
    assert first is not None
    assert board.current is not None
    assert {row.submission for row in first.standings.all()} == {stays, goes}
    assert [row.submission for row in board.current.standings.all()] == [stays]


def test_lost_leases_are_requeued_only_when_the_site_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    sent()
    attempt = run()
    long_ago = timezone.now() - timedelta(hours=1)
    Attempt.objects.update(lease_expires_at=long_ago)
    lifecycle.requeue_expired_leases(now=timezone.now() - timedelta(seconds=44))
    lifecycle.requeue_expired_leases(now=timezone.now() - timedelta(seconds=88))

    monkeypatch.setattr(tasks, "_site_answers", lambda: False)
    assert tasks.requeue_lost_trials() == 0
    attempt.refresh_from_db()
    assert attempt.status == "running"


def test_checks_that_got_lost_are_started_again(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    stuck = SubmissionFactory(status=S.VALIDATING, changed_at=timezone.now() - timedelta(minutes=10))
    SubmissionFactory(status=S.VALIDATING)
    started: list[int] = []
    monkeypatch.setattr(tasks.check_archive, "delay", started.append)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.finish_submissions()

    assert started == [stuck.pk]


def test_old_drafts_go_and_sent_submissions_stay() -> None:
    old = {"changed_at": timezone.now() - timedelta(days=31)}
    draft, rejected = SubmissionFactory(**old), SubmissionFactory(status=S.REJECTED, **old)
    fresh, kept = SubmissionFactory(), SubmissionFactory(sent=True, status=S.PUBLISHED, **old)

    tasks.clean_up()

    left = set(Submission.objects.all())
    assert left == {fresh, kept}
    assert not left & {draft, rejected}


def test_a_task_that_cannot_be_enqueued_does_not_undo_the_change(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(tasks.dispatch_trials, "delay", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.soon(tasks.dispatch_trials)

    assert "the schedule will catch up" in caplog.text
