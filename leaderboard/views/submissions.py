"""Submissions: the list, one's page with its live part, single trials, code and logs, cancel and withdraw."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard import figures, files, highlight, lifecycle, queue_order, results, sentences, tasks
from leaderboard.errors import LeaderboardError
from leaderboard.models import Attempt, Evaluation, Finding, Host, Standing, Submission, Trial, User
from leaderboard.models.submissions import FRAMEWORKS, RULESETS
from leaderboard.plans import hyperparameter_rows
from leaderboard.run_document import run_document
from leaderboard.templatetags.shown import by_name
from leaderboard.views.access import SignedIn, is_insider, own_submission
from leaderboard.views.caching import PUBLIC, not_modified, public_page, version_tag
from workloads import editions

S = Submission.Status
LIVE = (S.QUEUED, S.RUNNING, S.SCORING)
FINAL = (S.PUBLISHED, S.INCOMPLETE, S.WITHDRAWN, S.DISQUALIFIED)
ROWS_A_PAGE = 100
SHORT_BUDGET_S = 600  # an edition with trials this short moves faster on its pages


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


def visible_submission(request: HttpRequest, slug: str) -> tuple[Submission, bool]:
    """The submission and whether the reader is an insider. Raises Http404 for what this reader may not see.

    Finished, public ones are the same for everybody, so for them nobody is asked who they are.
    """
    row = Submission.objects.for_page().filter(slug=slug).first()
    if row is None:
        raise Http404
    if row.status in FINAL:
        return row, True
    insider = is_insider(request.user, row)
    if not insider and not row.is_public:
        raise Http404
    return row, insider


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one submission; live while it runs, the same for everybody once it is final."""
    row, insider = visible_submission(request, slug)
    if row.status in Submission.UNSENT:
        if isinstance(request.user, User) and row.team.has_member(request.user):
            return redirect(row.page)
        raise PermissionDenied(f"This is a draft of {row.team.name}; it has not been sent yet.")
    if row.status in FINAL:
        return public_page(_final_page)(request, row)
    return render(request, "leaderboard/submission.html", _page_context(request, row, insider=insider))


def _final_page(request: HttpRequest, row: Submission) -> HttpResponse:
    return render(request, "leaderboard/submission.html", _page_context(request, row, insider=True))


def _page_context(request: HttpRequest, row: Submission, *, insider: bool) -> dict[str, Any]:
    trials = results.trial_rows(row, Trial.objects.for_page(row))
    standings = list(Standing.objects.for_submission(row)) if row.status == S.PUBLISHED else []
    standing = standings[0] if standings else None
    shown = _shown_study(request, trials)
    context = {
        "submission": row,
        "insider": insider,
        "is_live": row.status in LIVE,
        "is_final": row.status in FINAL,
        "standing": standing,
        "board": standing.snapshot.board if standing else None,
        "standing_row": standing.snapshot.document["ranks"].get(row.slug) if standing else None,
        "ranked": len(standing.snapshot.document["submissions"]) if standing else 0,
        "workload_rows": results.workload_rows(row, trials, standing),
        "trials": trials,
        "totals": _totals(trials),
        "shown": shown,
        "studies": sorted({(t.trial.study.workload, t.trial.study.number) for t in trials}),
        "checks": list(row.checks.all()),
        "code": _code(row, "submission.py") if insider else None,
        "newer": [later for later in row.next_versions.all() if later.is_public],
        "steps": _steps(row),
        **_live_context(row, insider=insider, standings=standings),
    }
    if insider and shown:
        evaluations = list(Evaluation.objects.for_curves([t.attempt for t in shown["trials"] if t.attempt]))
        context["curves"] = figures.curves(row, shown["trials"], evaluations, axis=shown["axis"])
        query = {"workload": shown["workload"].name, "study": shown["study"], "axis": shown["axis"]}
        context["curves_url"] = f"{reverse('submission_curves', args=[row.slug])}?{urlencode(query)}"
        context["curve_rows"] = _curve_rows(shown["trials"], evaluations)
    return context


def _totals(trials: list[results.TrialRow]) -> dict[str, Any]:
    ended = [row for row in trials if row.trial.status not in Trial.OPEN]
    return {
        "trials": len(trials),
        "ended": len(ended),
        "reached": sum(row.trial.time_to_target_s is not None for row in trials),
        "charged_s": sum(row.trial.charged_s or 0.0 for row in trials),
        "raced": sum(row.trial.is_raced for row in trials),
        "retries": sum(row.retries for row in trials),
    }


def _shown_study(request: HttpRequest, trials: list[results.TrialRow]) -> dict[str, Any] | None:
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


def _curve_rows(trials: list[results.TrialRow], evaluations: list[Evaluation]) -> list[dict[str, Any]]:
    """Best value and number of evaluations per trial of the shown study."""
    rows = []
    for row in trials:
        own = [entry for entry in evaluations if row.attempt and entry.attempt_id == row.attempt.pk]
        values = [value for entry in own if (value := results.metric_value(entry, row.workload)) is not None]
        rows.append({"row": row, "best": results.best_of(values, row.workload), "evaluations": len(own)})
    return rows


def _steps(row: Submission) -> list[dict[str, Any]]:
    """Its history as steps: what was done, what is now, what is to come."""
    done = [("Sent", row.sent_at), ("Checked", row.checked_at), ("Started", row.started_at),
            ("Runs ended", row.finished_at), ("Published", row.published_at)]  # fmt: skip
    steps = [{"name": name, "at": at, "css": "" if at else "todo"} for name, at in done]
    for entry in steps:
        if entry["css"] == "todo":
            entry["css"] = "now" if row.status in LIVE or row.status == S.IN_REVIEW else "todo"
            break
    if row.status in (S.WITHDRAWN, S.DISQUALIFIED, S.CANCELLED):
        steps = [entry for entry in steps if entry["at"]]
        at = row.closed_at or row.finished_at
        steps.append({"name": row.get_status_display().capitalize(), "at": at, "css": "stop"})
    return steps


# --- the live part --------------------------------------------------------------------------------------------------


def _live_context(row: Submission, *, insider: bool, standings: list[Standing]) -> dict[str, Any]:
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
        "is_live": row.status in LIVE,
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
    insider = row.status in FINAL or is_insider(request.user, row)
    if not insider and not row.is_public:
        raise Http404
    if request.headers.get("HX-Request") and request.GET.get("was", row.status) != row.status:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    tag = version_tag("live", row.pk, row.row_version, row.status, insider)
    if row.status != S.QUEUED and (unchanged := not_modified(request, tag)):
        return unchanged
    response = render(request, "leaderboard/_live.html", _live_context(row, insider=insider, standings=[]))
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    return response


@require_safe
def trials_fragment(request: HttpRequest, slug: str) -> HttpResponse:
    """The table of all trials while a submission runs."""
    row, insider = visible_submission(request, slug)
    tag = version_tag("trials", row.pk, row.row_version, row.status)
    if unchanged := not_modified(request, tag):
        return unchanged
    trials = results.trial_rows(row, Trial.objects.for_page(row))
    context = {"submission": row, "trials": trials, "totals": _totals(trials), "is_live": row.status in LIVE,
               "insider": insider}  # fmt: skip
    response = render(request, "leaderboard/_trials.html", context)
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    return response


@require_safe
def curves(request: HttpRequest, slug: str) -> HttpResponse:
    """The curves of one study, or of one of its trials, as a figure; colours are tokens that the page resolves."""
    row, insider = visible_submission(request, slug)
    shown = _shown_study(request, results.trial_rows(row, Trial.objects.for_page(row))) if insider else None
    if shown is None:
        raise Http404
    wanted = request.GET.get("trial", "")
    rows = [entry for entry in shown["trials"] if str(entry.trial.number) == wanted] or shown["trials"]
    evaluations = list(Evaluation.objects.for_curves([entry.attempt for entry in rows if entry.attempt]))
    return JsonResponse(figures.curves(row, rows, evaluations, axis=shown["axis"]).figure)


@require_safe
def actions(request: HttpRequest, slug: str) -> HttpResponse:
    """What the signed-in person may do with a submission: a fragment, so that the page is the same for everybody."""
    row, _ = visible_submission(request, slug)
    return render(request, "leaderboard/_submission_actions.html", {"submission": row, **_allowed(request, row)})


@require_safe
@login_required
def manage(request: SignedIn, slug: str) -> HttpResponse:
    """The same as a page, for browsers without scripts."""
    row, _ = visible_submission(request, slug)
    return render(request, "leaderboard/submission_manage.html", {"submission": row, **_allowed(request, row)})


def _allowed(request: HttpRequest, row: Submission) -> dict[str, bool]:
    user = request.user if isinstance(request.user, User) else None
    member, operator = row.team.has_member(user), user is not None and user.is_operator
    return {
        "can_cancel": (member or operator) and row.status in (S.QUEUED, S.RUNNING),
        "can_withdraw": member and row.status in (S.PUBLISHED, S.INCOMPLETE, S.IN_REVIEW),
        "can_renew": member and row.sent_at is not None,
        "can_review": user is not None and user.is_reviewer,
    }


# --- single trials, code, logs --------------------------------------------------------------------------------------


@require_safe
def trial(request: HttpRequest, slug: str, workload: str, study: int, number: int) -> HttpResponse:
    """One trial: curve, hyperparameters, evaluations, attempts, log."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    found = Trial.objects.for_page(row).filter(study__workload=workload, study__number=study, number=number).first()
    if found is None:
        raise Http404
    shown = results.trial_rows(row, [found])[0]
    evaluations = list(Evaluation.objects.for_curves([shown.attempt])) if shown.attempt else []
    metrics = sorted({name for entry in evaluations for name in entry.metrics})
    context = {
        "submission": row,
        "row": shown,
        "attempts": list(found.attempts.all()),
        "evaluations": evaluations,
        "metrics": metrics,
        "hyperparameters": (found.hyperparameters or {}).items(),
        "curves": figures.curves(row, [shown], evaluations) if evaluations else None,
        "curves_url": f"{reverse('submission_curves', args=[row.slug])}?{urlencode(_one_trial(shown))}",
        "log": Attempt.objects.log_of(shown.attempt) if shown.attempt else "",
    }
    return render(request, "leaderboard/trial.html", context)


def _one_trial(shown: results.TrialRow) -> dict[str, Any]:
    study = shown.trial.study
    return {"workload": study.workload, "study": study.number, "trial": shown.trial.number}


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
    return _plain_text(Attempt.objects.log_of(shown.attempt), f"{slug}-{workload}-{study}-{number}.log")


def _plain_text(content: str | bytes, name: str) -> HttpResponse:
    """A stranger's bytes, never to be taken for a page: always a download, always plain text."""
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _code(row: Submission, path: str) -> dict[str, Any] | None:
    """One file of the bundle as lines, with the findings about it beside them."""
    kept = next((entry for entry in row.files.all() if entry.path == path), None)
    if kept is None:
        return None
    notes: dict[int, list[Finding]] = {}
    for check in row.checks.all():
        for finding in check.findings.all():
            if finding.path == path and finding.line and finding.verdict != Finding.Verdict.PASSED:
                notes.setdefault(finding.line, []).append(finding)
    try:
        content = files.read(kept.sha256)
    except FileNotFoundError:
        return None
    return {"file": kept, "lines": highlight.shown_lines(path, content, notes), "notes": notes}


@require_safe
def code(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """One file with line anchors."""
    row, insider = visible_submission(request, slug)
    shown = _code(row, path) if insider else None
    if shown is None:
        raise Http404
    response = render(request, "leaderboard/code.html", {"submission": row, "code": shown})
    if row.status in FINAL:
        response["Cache-Control"] = PUBLIC
    return response


@require_safe
def raw(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """One file as it was uploaded, as plain text."""
    row, insider = visible_submission(request, slug)
    kept = next((entry for entry in row.files.all() if entry.path == path), None) if insider else None
    if kept is None:
        raise Http404
    return _plain_text(files.read(kept.sha256), path.rsplit("/", 1)[-1])


@require_safe
def run_json(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that was run and measured, in the one shape that the shell prints too."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    return JsonResponse(run_document(row), json_dumps_params={"indent": 1})


@require_safe
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """The normalised bundle that the trainers got, as a tar; its SHA-256 stands on the page."""
    row, insider = visible_submission(request, slug)
    if not insider or not row.bundle_sha256:
        raise Http404
    response = HttpResponse(files.read(row.bundle_sha256), content_type="application/x-tar")
    response["Content-Disposition"] = f'attachment; filename="{row.slug}.tar"'
    return response


# --- what a team does -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def cancel(request: SignedIn, slug: str) -> HttpResponse:
    """Queue or run -> cancelled, after asking. A running container is killed with the host's next heartbeat."""
    row = _for_action(request, slug)
    if request.method == "POST":
        return _act(request, row, lifecycle.cancel_submission, "Cancelled. A running trial stops within seconds.")
    counts = Submission.objects.for_live().get(pk=row.pk)
    return render(request, "leaderboard/submission_cancel.html", {"submission": row, "counts": counts})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def withdraw(request: SignedIn, slug: str) -> HttpResponse:
    """Published -> withdrawn, after asking."""
    row = own_submission(request.user, slug)
    if request.method == "POST":
        return _act(request, row, lifecycle.withdraw_submission, "Withdrawn. The board is computed again.")
    return render(request, "leaderboard/submission_withdraw.html", {"submission": row})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def renew(request: SignedIn, slug: str) -> HttpResponse:
    """A new version: a draft with the same words and no archive yet."""
    row = own_submission(request.user, slug)
    if request.method == "POST":
        try:
            draft = lifecycle.new_version(row.pk, actor=request.user)
        except LeaderboardError as error:
            messages.error(request, str(error))
            return redirect(row.page)
        messages.success(request, "This is the draft of the new version. Upload its archive.")
        return redirect("draft", draft.pk)
    return render(request, "leaderboard/submission_renew.html", {"submission": row})


def _for_action(request: SignedIn, slug: str) -> Submission:
    """For members, and for operators, who may cancel any run."""
    if getattr(request.user, "is_operator", False):
        row = Submission.objects.filter(slug=slug).select_related("team").first()
        if row is None:
            raise Http404
        return row
    return own_submission(request.user, slug)


def _act(request: SignedIn, row: Submission, change: Any, done: str) -> HttpResponse:
    try:
        change(row.pk, actor=request.user)
    except LeaderboardError as error:
        messages.error(request, str(error))
    else:
        tasks.soon(tasks.refresh_boards)
        messages.success(request, done)
    return redirect(row)
