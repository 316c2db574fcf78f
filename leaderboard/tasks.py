"""The site's Celery tasks: entrances like views, ids in, a few calls, no decisions. Each lasts seconds."""

import logging
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from leaderboard import files, intake, lifecycle, notices, standings
from leaderboard.errors import IllegalTransition
from leaderboard.models import Attempt, Host, Submission
from sandbox_runner import protocol
from webapp.celery import app

log = logging.getLogger(__name__)
STUCK_CHECKS = timedelta(minutes=3)


def soon(task: Task, *args: Any) -> None:
    """Enqueues a task once the open transaction is through. A broker that is away only costs time: beat comes by."""

    def send() -> None:
        try:
            task.delay(*args)
        except (OperationalError, OSError):
            log.warning("no broker for %s; the schedule will catch up", task.name)

    transaction.on_commit(send)


@shared_task(throws=(IllegalTransition,))
def check_archive(submission_id: int) -> None:
    """Runs the checks of a fresh upload in a child process; findings appear one by one."""
    checked = intake.check_submission(submission_id)
    log.info("the checks of submission %s are through: %s", submission_id, checked.get_status_display())


@shared_task
def dispatch_trials() -> int:
    """Leases the next trial in fair order to every idle host and tells its worker; returns how many."""
    leased = 0
    now = timezone.now()
    for host in Host.objects.idle(now):
        attempt = lifecycle.lease_next_trial(host.pk, now=now)
        if attempt is not None:
            log.info("%s goes to host %s as attempt %s", attempt.trial, host.name, attempt.pk)
            send_start(host, attempt)
            leased += 1
    return leased


def send_start(host: Host, attempt: Attempt) -> None:
    """Ids only: the host worker claims everything else. A message that is lost costs one lease."""
    ids = [str(attempt.pk), str(attempt.lease_id)]
    try:
        app.send_task(protocol.START_SUPERVISOR, args=ids, queue=host.queue, expires=settings.LEASE_S)
    except (OperationalError, OSError):
        log.exception("attempt %s could not be announced to host %s", attempt.pk, host.name)


@shared_task
def requeue_lost_trials() -> int:
    """Leases nobody renewed go back to the queue; returns how many."""
    requeued = lifecycle.requeue_expired_leases(now=timezone.now(), site_answers=_site_answers())
    if requeued:
        log.warning("%s attempts were lost and are queued again", requeued)
    return requeued


def _site_answers() -> bool:
    """Whether hosts can reach the site just now: the leases of those that cannot must not run out."""
    try:
        # Straight there: a proxy named in the environment must not be asked.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{settings.INTERNAL_URL}/healthz", timeout=3) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


@shared_task
def finish_submissions() -> None:
    """Everything that waits for its next step without a host: finished runs, stale boards, checks that got lost."""
    for submission in Submission.objects.filter(status=Submission.Status.SCORING):
        try:
            settled = lifecycle.settle_submission(submission.pk)
        except IllegalTransition:
            continue  # the same task, woken by a report, was faster
        log.info("%s is %s", settled, settled.get_status_display())
        if settled.status != Submission.Status.SCORING:
            notices.send_run_ended(settled)
    refresh_boards()
    stuck = timezone.now() - STUCK_CHECKS
    for submission in Submission.objects.filter(status=Submission.Status.VALIDATING, changed_at__lt=stuck):
        soon(check_archive, submission.pk)


@shared_task
def refresh_boards() -> int:
    """Computes the boards that a published, withdrawn, disqualified or reinstated submission has made stale."""
    stale = list(Submission.objects.filter(awaits_standings=True))
    for submission in stale:
        with transaction.atomic():
            # First, so that a change that comes meanwhile marks it again; a failure takes the mark back.
            Submission.objects.filter(pk=submission.pk).update(awaits_standings=False)
            standings.recompute_board_of(submission, reason=f"{submission} is {submission.get_status_display()}.")
    return len(stale)


@shared_task
def clean_up() -> None:
    """Drafts nobody touched for a month, files nothing refers to any more, and sessions that have ended."""
    long_ago = timezone.now() - timedelta(days=settings.DRAFT_DAYS)
    for draft in Submission.objects.filter(status__in=Submission.UNSENT, changed_at__lt=long_ago):
        lifecycle.discard_draft(draft.pk, actor="site")
    files.remove_unused(Submission.objects.stored_files(), older_than=timezone.now() - timedelta(days=1))
    call_command("clearsessions")
