"""What runs, what waits and for what, and on which hosts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from leaderboard import estimates, queue_order, results
from leaderboard.models import Attempt, Host, Submission
from workloads import editions
from workloads.spec import Ruleset

S = Submission.Status


def _context() -> dict[str, Any]:
    now = timezone.now()
    active = list(Submission.objects.for_queue())
    attempts = list(Attempt.objects.for_queue())
    hosts = list(Host.objects.for_queue())
    by_host = {attempt.host_id: attempt for attempt in attempts}
    waiting = queue_order.in_order([row for row in active if row.status == S.QUEUED])
    started = [row for row in active if row.status == S.RUNNING]
    alive = [host for host in hosts if host.is_alive(now)]
    return {
        "now": now,
        "running": [_running(attempt, now) for attempt in attempts],
        "entries": _entries(started, waiting, [row for row in active if row.status == S.SCORING], len(alive)),
        "waiting": waiting,
        "hosts": [_host(host, by_host.get(host.pk), now) for host in hosts],
        "any_alive": bool(alive),
        "limits": {"active": settings.QUOTA_ACTIVE_PER_TEAM, "daily": settings.QUOTA_SENT_PER_DAY},
    }


def _entries(
    started: list[Submission], waiting: list[Submission], scoring: list[Submission], hosts: int
) -> list[dict[str, Any]]:
    """Rows of the table: position where one waits, and about how long until it is through.

    The estimate is for the order of the list on the hosts that are up; a fair turn may bring somebody forward.
    """
    left = estimates.left_s(estimates.Pace.of_this_site(), [*started, *waiting]) if started or waiting else {}
    rows: list[dict[str, Any]] = []
    sum_s: float | None = 0.0
    for position, row in [*((None, row) for row in started), *enumerate(waiting, start=1)]:
        own_s = left[row.pk]
        sum_s = None if sum_s is None or own_s is None else sum_s + own_s
        through_s = sum_s / hosts if hosts and sum_s is not None else None
        rows.append({"position": position, "submission": row, "through_s": through_s})
    return rows + [{"position": None, "submission": row, "through_s": None} for row in scoring]


def _running(attempt: Attempt, now: Any) -> dict[str, Any]:
    submission, study = attempt.trial.study.submission, attempt.trial.study
    edition = editions.load(submission.edition)
    budget_s = edition.budget_s(edition.workload(study.workload), Ruleset(submission.ruleset))
    charged_s = attempt.charged_s or 0.0
    silent_s = (now - (attempt.heartbeat_at or attempt.leased_at)).total_seconds()
    return {
        "attempt": attempt,
        "submission": submission,
        "study": study,
        "charged_s": charged_s,
        "budget_s": budget_s,
        "share": min(1.0, charged_s / budget_s),
        "silent_s": silent_s,
        "is_stalled": silent_s > results.STALLED_S,
    }


def _host(host: Host, attempt: Attempt | None, now: Any) -> dict[str, Any]:
    """A host with its state as one word: what it says, unless it was silent for too long."""
    alive = host.is_alive(now)
    state = "lost" if not alive else "draining" if host.is_draining else "busy" if attempt else "idle"
    silent_s = (now - host.heartbeat_at).total_seconds() if host.heartbeat_at else None
    return {"host": host, "state": state, "attempt": attempt, "silent_s": silent_s}


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    return render(request, "leaderboard/queue.html", _context())


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The part that changes by itself."""
    response = render(request, "leaderboard/_queue_live.html", _context())
    response["Cache-Control"] = "public, max-age=0, s-maxage=5"
    return response
