"""Two processes at the same row at the same moment: one of them wins, the other is told."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.errors import LeaderboardError
from leaderboard.models import Attempt, AuditEvent, Submission
from tests.factories import HostFactory, SubmissionFactory, TeamFactory
from tests.leaderboard.steps import claim, lease, sent

# With the real locks of the database: on SQLite the default file, on PostgreSQL wherever DATABASE_URL points.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("edition")]


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Runs the steps in threads of their own from one starting signal; results or our errors, in order."""
    results: list[Any] = [None] * len(steps)
    start = threading.Barrier(len(steps))

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = steps[number]()
        except LeaderboardError as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_dispatchers_give_one_trial_to_one_host() -> None:
    sent(workloads=["small"], studies_override=1)
    hosts = [HostFactory(hardware_model="same") for _ in range(4)]
    now = timezone.now()

    leased = at_once(*(lambda host=host: lifecycle.lease_next_trial(host.pk, now=now) for host in hosts))

    assert sum(isinstance(result, Attempt) for result in leased) == 1
    assert Attempt.objects.count() == 1


def test_two_dispatchers_give_one_host_one_trial() -> None:
    sent()
    host, now = HostFactory(), timezone.now()

    leased = at_once(*[lambda: lifecycle.lease_next_trial(host.pk, now=now)] * 4)

    assert sum(isinstance(result, Attempt) for result in leased) == 1
    assert Attempt.objects.live().count() == 1


def test_a_lease_is_claimed_once() -> None:
    sent()
    attempt = lease()

    claims = at_once(*[lambda: claim(attempt)] * 4)

    assert sum(isinstance(result, lifecycle.runs.Claim) for result in claims) == 1


def test_two_drafts_sent_at_once_count_each_other(settings: Any) -> None:
    settings.QUOTA_ACTIVE_PER_TEAM = 1
    team = TeamFactory()
    drafts = [SubmissionFactory(ready=True, team=team) for _ in range(3)]

    at_once(*(lambda draft=draft: lifecycle.send_submission(draft.pk, actor="shell") for draft in drafts))

    assert Submission.objects.active().count() == 1


def test_the_audit_chain_stays_whole_under_many_writers() -> None:
    team = TeamFactory()

    at_once(*[lambda: [lifecycle.record("site", "note", team) for _ in range(5)]] * 6)

    assert lifecycle.verify_chain() == AuditEvent.objects.count() == 30


def test_a_cancellation_and_a_claim_leave_no_run_behind() -> None:
    submission = sent(workloads=["small"], studies_override=1)
    attempt = lease()

    at_once(lambda: lifecycle.cancel_submission(submission.pk, actor="shell"), lambda: claim(attempt))

    attempt.refresh_from_db()
    if attempt.status == Attempt.Status.RUNNING:  # the claim came first: its next heartbeat is told
        assert lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now()) == "cancel"
    else:
        assert attempt.status == Attempt.Status.CANCELLED
    submission.refresh_from_db()
    assert submission.status == Submission.Status.CANCELLED
