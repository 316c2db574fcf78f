"""Studies and single trials: curves, hyperparameters, evaluations, logs, and the whole run as JSON."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from leaderboard import figures, results
from leaderboard.models import Attempt, Evaluation, Submission, Trial
from leaderboard.plans import hyperparameter_rows
from leaderboard.run_document import run_document
from leaderboard.templatetags.shown import by_name
from leaderboard.views.access import visible_submission
from leaderboard.views.caching import public_page
from leaderboard.views.downloads import plain_text


def shown_study(request: HttpRequest, trials: list[results.TrialRow]) -> dict[str, Any] | None:
    """The workload and study whose curves and hyperparameters the page shows; the first one unless asked for."""
    if not trials:
        return None
    keys = list(dict.fromkeys((row.trial.study.workload, row.trial.study.number) for row in trials))
    wanted = (request.GET.get("workload", ""), request.GET.get("study", ""))
    chosen = next((key for key in keys if (key[0], str(key[1])) == wanted), None)
    chosen = chosen or next((key for key in keys if key[0] == wanted[0]), keys[0])
    rows = [row for row in trials if (row.trial.study.workload, row.trial.study.number) == chosen]
    points = [row.trial.hyperparameters for row in rows if row.trial.hyperparameters]
    differing, equal = hyperparameter_rows(points)
    if request.GET.get("show") == "all":
        differing = by_name(points)
    return {
        "workload": rows[0].workload,
        "study": chosen[1],
        "trials": rows,
        "points": points,
        "hyperparameters": differing,
        "equal": equal,
        "shows_all": request.GET.get("show") == "all",
        "axis": "step" if request.GET.get("axis") == "step" else "time",
        "workloads": list(dict.fromkeys(key[0] for key in keys)),
        "numbers": [key[1] for key in keys if key[0] == chosen[0]],
    }


def curve_rows(trials: list[results.TrialRow], evaluations: list[Evaluation]) -> list[dict[str, Any]]:
    """Best value and number of evaluations per trial of the shown study."""
    rows = []
    for row in trials:
        own = [entry for entry in evaluations if row.attempt and entry.attempt_id == row.attempt.pk]
        values = [value for entry in own if (value := results.metric_value(entry, row.workload)) is not None]
        rows.append({"row": row, "best": results.best_of(values, row.workload), "evaluations": len(own)})
    return rows


@require_safe
def trial(request: HttpRequest, slug: str, workload: str, study: int, number: int) -> HttpResponse:
    """One trial: curve, hyperparameters, evaluations, attempts, log; the same for everybody once it is final."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    shown = public_page(_trial) if row.status in Submission.FINAL else _trial
    return shown(request, row, workload, study, number)


def _trial(request: HttpRequest, row: Submission, workload: str, study: int, number: int) -> HttpResponse:
    found = Trial.objects.for_page(row).filter(study__workload=workload, study__number=study, number=number).first()
    if found is None:
        raise Http404
    shown = results.trial_rows(row, [found])[0]
    evaluations = list(Evaluation.objects.for_curves([shown.attempt])) if shown.attempt else []
    metrics = sorted({name for entry in evaluations for name in entry.metrics})
    context = {
        "submission": row,
        "is_ours": row.origin == Submission.Origin.RUN,
        "row": shown,
        "attempts": list(found.attempts.all()),
        "evaluations": evaluations,
        "metrics": metrics,
        "hyperparameters": (found.hyperparameters or {}).items(),
        "curves": figures.curves(row, [shown], evaluations) if evaluations else None,
        "curves_url": _curves_url(row.slug, shown),
        "log": Attempt.objects.log_of(shown.attempt) if shown.attempt else "",
    }
    return render(request, "leaderboard/trial.html", context)


def _curves_url(slug: str, shown: results.TrialRow) -> str:
    """The figure of one trial."""
    study = shown.trial.study
    query: dict[str, Any] = {"workload": study.workload, "study": study.number, "trial": shown.trial.number}
    return f"{reverse('submission_figure', args=[slug, 'curves', 'json'])}?{urlencode(query)}"


@require_safe
def log(request: HttpRequest, slug: str, workload: str, study: int, number: int) -> HttpResponse:
    """The kept log of one trial as plain text."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    found = Trial.objects.for_page(row).filter(study__workload=workload, study__number=study, number=number).first()
    shown = results.trial_rows(row, [found])[0] if found else None
    if shown is None or shown.attempt is None:
        raise Http404
    return plain_text(Attempt.objects.log_of(shown.attempt), f"{slug}-{workload}-{study}-{number}.log")


@require_safe
def run_json(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that was run and measured, in the one shape that the shell prints too."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    shown = public_page(_run_json) if row.status in Submission.FINAL else _run_json
    return shown(request, row)


def _run_json(request: HttpRequest, row: Submission) -> HttpResponse:
    return JsonResponse(run_document(row), json_dumps_params={"indent": 1})
