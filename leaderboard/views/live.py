"""The parts of a submission's page that change by themselves: fragments, polled while something runs."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from leaderboard import queue_order, results, sentences
from leaderboard.models import Attempt, Host, Standing, Submission, Trial
from leaderboard.views.access import is_insider, visible_submission
from leaderboard.views.caching import not_modified, version_tag
from workloads import editions

S = Submission.Status
MOST_TRIALS = 60  # in one table
SHORT_BUDGET_S = 600  # an edition with trials this short moves faster on its pages
QUIET_S = 15  # after this long a fragment is made anew although no row has changed: silence is news, too


def live_context(row: Submission, *, insider: bool, standings: list[Standing]) -> dict[str, Any]:
    """State, position or progress, and the running trials; what the page and its fragment share."""
    now = timezone.now()
    running: list[results.LiveTrial] = []
    sentence, counts = sentences.final(row, standings), row
    if row.status == S.QUEUED:
        sentence = sentences.queued(row, queue_order.position_of(row), list(Host.objects.for_queue()), now)
    if row.status == S.RUNNING:
        if not hasattr(row, "trials_total"):
            counts = Submission.objects.for_live().get(pk=row.pk)
        running = results.live_trials(row, Attempt.objects.for_live(row), now=now)
        sentence = sentences.running(counts.trials_ended, counts.trials_total)  # type: ignore[attr-defined]
    silent = next((trial for trial in running if trial.is_stalled), None)
    budgets = [workload.max_runtime_s for workload in editions.load(row.edition).workloads]
    return {
        "submission": row,
        "insider": insider,
        "is_live": row.status in Submission.ACTIVE,
        "sentence": sentence,
        "stalled": sentences.stalled(silent.attempt.host, silent.silent_s or 0) if silent else "",
        "chip": "stalled" if silent else row.status,
        "running": running,
        "counts": counts,
        "every_s": 3 if max(budgets, default=0) <= SHORT_BUDGET_S else 10,
    }


@require_safe
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of a page that changes by itself. When the state has changed, the whole page is asked for again."""
    row = Submission.objects.for_live().filter(slug=slug).first()
    if row is None:
        raise Http404
    insider = row.status in Submission.FINAL or is_insider(request.user, row)
    if not insider and not row.is_public:
        raise Http404
    if request.headers.get("HX-Request") and request.GET.get("was", row.status) != row.status:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    quiet = timezone.now().timestamp() // QUIET_S
    tag = version_tag("live", row.pk, row.row_version, row.status, insider, quiet)
    if row.status != S.QUEUED and (unchanged := not_modified(request, tag)):
        return unchanged
    response = render(request, "leaderboard/_live.html", live_context(row, insider=insider, standings=[]))
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    return response


def lately(trials: list[results.TrialRow]) -> list[results.TrialRow]:
    """Of more than fit one table, those that run and those that ended last, in the order of the table."""
    if len(trials) <= MOST_TRIALS:
        return trials
    begun = [row for row in trials if row.trial.status != Trial.Status.QUEUED]
    begun.sort(key=lambda row: (row.trial.finished_at is None, row.trial.finished_at))
    shown = {row.trial.pk for row in begun[-MOST_TRIALS:]}
    return [row for row in trials if row.trial.pk in shown]


@require_safe
def trials_fragment(request: HttpRequest, slug: str) -> HttpResponse:
    """The table of all trials while a submission runs."""
    row, insider = visible_submission(request, slug)
    tag = version_tag("trials", row.pk, row.row_version, row.status)
    if unchanged := not_modified(request, tag):
        return unchanged
    trials = results.trial_rows(row, Trial.objects.for_page(row))
    context = {
        "submission": row,
        "trials": lately(trials),
        "totals": results.totals(trials),
        "is_live": row.status in Submission.ACTIVE,
        "insider": insider,
    }
    response = render(request, "leaderboard/_trials.html", context)
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    return response
