"""Submissions: the list, and everything about one on its page."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from leaderboard import board_figures, figures, results
from leaderboard.models import Evaluation, Standing, Submission, Trial, User
from leaderboard.models.submissions import FRAMEWORKS, RULESETS
from leaderboard.views.access import visible_submission
from leaderboard.views.caching import public_page
from leaderboard.views.code import shown_file
from leaderboard.views.live import MOST_TRIALS, lately, live_context
from leaderboard.views.studies import curve_rows, shown_study
from workloads import editions

S = Submission.Status
ROWS_A_PAGE = 100


@require_safe
@public_page
def index(request: HttpRequest) -> HttpResponse:
    """All public submissions, searchable; unknown filters are ignored."""
    rows = Submission.objects.for_list()
    words = request.GET.get("q", "")[:100]
    for word in words.split()[:5]:
        rows = rows.containing(word)
    filters = {
        "ruleset": dict(RULESETS),
        "framework": dict(FRAMEWORKS),
        "edition": {name: name for name in editions.names()},
        "status": {value: name for value, name in S.choices if value in (*Submission.PUBLIC, S.IN_REVIEW)},
    }
    chosen = {name: value for name, known in filters.items() if (value := request.GET.get(name, "")) in known}
    page = Paginator(rows.filter(**chosen), ROWS_A_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    choices = [
        {"name": name, "label": name.capitalize() if name != "status" else "State", "chosen": chosen.get(name, ""),
         "options": list(known.items())}
        for name, known in filters.items()
    ]  # fmt: skip
    context = {"page": page, "q": words, "filters": choices, "query": query.urlencode()}
    return render(request, "leaderboard/submissions.html", context)


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one submission; live while it runs, the same for everybody once it is final."""
    row, insider = visible_submission(request, slug)
    if row.status in Submission.UNSENT:
        if isinstance(request.user, User) and row.team.has_member(request.user):
            return redirect(row.page)
        raise PermissionDenied(f"This is a draft of {row.team.name}; it has not been sent yet.")
    if row.status in Submission.FINAL:
        return public_page(_final_page)(request, row)
    return render(request, "leaderboard/submission.html", _page_context(request, row, insider=insider))


def _final_page(request: HttpRequest, row: Submission) -> HttpResponse:
    return render(request, "leaderboard/submission.html", _page_context(request, row, insider=True))


def _page_context(request: HttpRequest, row: Submission, *, insider: bool) -> dict[str, Any]:
    trials = results.trial_rows(row, Trial.objects.for_page(row))
    own = Standing.objects.for_submission(row).defer("snapshot__document")
    standings = list(own) if row.status == S.PUBLISHED else []
    standing = standings[0] if standings else None
    if standing is not None:
        standing.submission = row  # the same row, without asking for it again
    shown = shown_study(request, trials)
    totals = results.totals(trials)
    context = {
        "submission": row,
        "insider": insider,
        "is_live": row.status in Submission.ACTIVE,
        "is_final": row.status in Submission.FINAL,
        "is_ours": row.origin == Submission.Origin.RUN,
        "standing": standing,
        "ranked": standing.snapshot.head.get("ranked") if standing else 0,
        **_rows(results.workload_rows(row, trials, standing)),
        "trials": lately(trials) if row.status in Submission.ACTIVE else _listed(trials, shown),
        "totals": totals,
        "effort": _effort(standing, totals),
        "shown": shown,
        "checks": list(row.checks.all()),
        "code": shown_file(row, "submission.py") if insider else None,
        "newer": _newer(row),
        "steps": _steps(row),
        **live_context(row, insider=insider, standings=standings),
    }
    if standing is not None and not standing.snapshot.is_printed:
        context["held_out"] = board_figures.held_out_of(standing.snapshot, standing)
    if insider and shown:
        evaluations = list(Evaluation.objects.for_curves([t.attempt for t in shown["trials"] if t.attempt]))
        context["curves"] = figures.curves(row, shown["trials"], evaluations, axis=shown["axis"])
        query = {"workload": shown["workload"].name, "study": shown["study"], "axis": shown["axis"]}
        context["curves_url"] = f"{reverse('submission_figure', args=[row.slug, 'curves', 'json'])}?{urlencode(query)}"
        context["curve_rows"] = curve_rows(shown["trials"], evaluations)
    return context


def _newer(row: Submission) -> Submission | None:
    """The version that followed, as far as a link needs it. `row` is from `for_page`."""
    names = ("slug", "name", "version")
    found = {name: getattr(row, f"newer_{name}") for name in names}
    return Submission(**found) if found["slug"] else None


def _rows(rows: list[results.WorkloadRow]) -> dict[str, Any]:
    """Base workloads with the time on their held-out variant beside them, and the variants themselves."""
    base = [row for row in rows if not row.is_held_out]
    held_out = [row for row in rows if row.is_held_out]
    variant = {row.workload.base: row for row in held_out}
    return {
        "workload_rows": [(row, variant.get(row.workload.base)) for row in base],
        "held_out_rows": held_out,
        "passed": sum(row.state[1] == "ok" for row in held_out),
        "counting": sum(row.cell is not None and row.cell.counts for row in base),
    }


def _listed(trials: list[results.TrialRow], shown: dict[str, Any] | None) -> list[results.TrialRow]:
    """The trials in the table: all of them, or those of the shown workload where all would be too long."""
    if shown is None or len(trials) <= MOST_TRIALS:
        return trials
    return [row for row in trials if row.workload.name == shown["workload"].name]


def _effort(standing: Standing | None, totals: dict[str, float]) -> dict[str, Any]:
    """Hours used, and what racing saved or would have saved; shares are of what it would have cost without."""
    stored = (standing.facts.get("effort") if standing else None) or {}
    charged, saved, raced = stored.get("charged_s") or totals["charged_s"], stored.get("saved_s"), stored.get("raced")
    whole = charged + saved if raced and saved else charged
    return {
        "charged_s": charged,
        "saved_s": saved or None,
        "share": saved / whole if saved and whole else None,
        "is_raced": bool(raced),
    }


def _steps(row: Submission) -> list[dict[str, Any]]:
    """Its history as steps: what was done, what is now, what is to come."""
    done = [("Sent", row.sent_at), ("Checked", row.checked_at), ("Started", row.started_at),
            ("Runs ended", row.finished_at), ("Published", row.published_at)]  # fmt: skip
    if row.origin != Submission.Origin.RUN:
        done = [("Published", row.published_at)]  # the rest happened elsewhere
    steps = [{"name": name, "at": at, "css": "" if at else "todo"} for name, at in done]
    for entry in steps:
        if entry["css"] == "todo":
            entry["css"] = "now" if row.status in Submission.ACTIVE or row.status == S.IN_REVIEW else "todo"
            break
    if row.status in (S.WITHDRAWN, S.DISQUALIFIED, S.CANCELLED):
        steps = [entry for entry in steps if entry["at"]]
        at = row.closed_at or row.finished_at
        steps.append({"name": row.get_status_display().capitalize(), "at": at, "css": "stop"})
    return steps
