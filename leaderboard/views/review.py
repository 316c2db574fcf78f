"""Review: the queue of submissions with findings; a case with evidence, code, decision, effect and audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard import files, highlight, lifecycle, notices, rule_book, standings, tasks
from leaderboard.errors import LeaderboardError, NotAllowed
from leaderboard.forms import DecisionForm
from leaderboard.lifecycle.actors import require_reviewer
from leaderboard.models import AuditEvent, Decision, Finding, Standing, Submission
from leaderboard.views.access import SignedIn, reviewers_only

S = Submission.Status
FILTERS = {"open": "Waiting", "all": "All", "disqualified": "Disqualified"}


def _queue(chosen: str) -> Any:
    rows = Submission.objects.for_review()
    if chosen == "open":
        return rows.waiting_for_review()
    if chosen == "disqualified":
        return rows.filter(status=S.DISQUALIFIED)
    return rows


@require_safe
@reviewers_only
def queue(request: SignedIn) -> HttpResponse:
    """Everything that was sent, what waits for a reviewer first."""
    chosen = request.GET.get("show", "open")
    chosen = chosen if chosen in FILTERS else "open"
    page = Paginator(_queue(chosen), 100).get_page(request.GET.get("page"))
    context = {"page": page, "chosen": chosen, "filters": FILTERS.items()}
    return render(request, "leaderboard/review.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@reviewers_only
def case(request: SignedIn, slug: str) -> HttpResponse:
    """One submission as a case: a decision is shown once more before anything is published."""
    row = Submission.objects.for_page().filter(slug=slug, sent_at__isnull=False).first()
    if row is None:
        raise Http404
    form = _form(request, row)
    if request.method == "POST" and form.is_valid():
        if "confirm" not in request.POST:
            return render(request, "leaderboard/review_confirm.html", _confirm_context(row, form))
        if (done := _decide(request, row, form)) is not None:
            return done
    return render(request, "leaderboard/case.html", _case_context(request, row, form))


def _form(request: HttpRequest, row: Submission) -> DecisionForm:
    return DecisionForm(request.POST or None, outcomes=_outcomes(row), rules=rule_book.choices())


def _outcomes(row: Submission) -> list[tuple[str, str]]:
    if row.status == S.DISQUALIFIED:
        return [(Decision.Outcome.REINSTATED.value, "Reinstate the submission")]
    outcomes = [(Decision.Outcome.DISQUALIFIED.value, "Disqualify the submission")]
    if row.needs_review:
        outcomes.insert(0, (Decision.Outcome.NO_VIOLATION.value, "No violation"))
    return outcomes if row.status != S.CANCELLED else []


def _decide(request: SignedIn, row: Submission, form: DecisionForm) -> HttpResponse | None:
    """Carries the decision out and goes back to the case; None leaves the error with the form."""
    values = form.cleaned_data
    words = {"public_note": values["public_note"], "internal_reason": values["internal_reason"]}
    try:
        if values["outcome"] == Decision.Outcome.DISQUALIFIED:
            made = lifecycle.disqualify(row.pk, actor=request.user, rule=values["rule"], **words)
        elif values["outcome"] == Decision.Outcome.REINSTATED:
            made = lifecycle.reinstate(row.pk, actor=request.user, **words)
        else:
            made = lifecycle.clear_findings(row.pk, actor=request.user, **words)
    except LeaderboardError as error:
        form.add_error(None, str(error))
        return None
    tasks.soon(tasks.refresh_boards)
    notices.send_decision(row, f"Decision: {made.get_outcome_display()}. {made.public_note}")
    messages.success(request, f"Decided: {made.get_outcome_display()}. It is public now.")
    return redirect("case", row.slug)


def _confirm_context(row: Submission, form: DecisionForm) -> dict[str, Any]:
    outcome = dict(form.fields["outcome"].choices)[form.cleaned_data["outcome"]]  # type: ignore[attr-defined]
    return {"submission": row, "form": form, "values": form.cleaned_data, "outcome": outcome, "effect": _effect(row)}


def _effect(row: Submission) -> list[standings.Move]:
    """How the others on its board would move if it went."""
    standing = Standing.objects.for_submission(row).first() if row.status == S.PUBLISHED else None
    return standings.preview_removal(standing.snapshot, row) if standing else []


def _case_context(request: SignedIn, row: Submission, form: DecisionForm) -> dict[str, Any]:
    findings = [finding for check in row.checks.all() for finding in check.findings.all()]
    flagged = [finding for finding in findings if finding.verdict in (Finding.Verdict.REVIEW, Finding.Verdict.NOTE)]
    try:
        require_reviewer(request.user, row)
        barred = ""
    except NotAllowed as error:
        barred = str(error)
    return {
        "submission": row,
        "form": form,
        "barred": barred,
        "flagged": flagged,
        "waiting": [finding for finding in flagged if finding.verdict == "review" and not finding.cleared_at],
        "passed": [check for check in row.checks.all() if check.state == Finding.Verdict.PASSED],
        "excerpts": _excerpts(row, flagged),
        "decisions": row.shown_decisions,  # type: ignore[attr-defined]
        "effect": _effect(row),
        "events": AuditEvent.objects.for_case(row),
        "queue": _queue("open")[:12],
    }


def _excerpts(row: Submission, flagged: list[Finding]) -> list[dict[str, Any]]:
    """The lines around every finding, per file, marked and annotated."""
    excerpts = []
    for kept in row.files.all():
        notes: dict[int, list[Finding]] = {}
        for finding in flagged:
            if finding.path == kept.path and finding.line:
                notes.setdefault(finding.line, []).append(finding)
        if not notes:
            continue
        lines = highlight.shown_lines(kept.path, files.read(kept.sha256), notes)
        wanted = {number for line in notes for number in range(line - 4, line + 5)}
        excerpts.append({"path": kept.path, "lines": [line for line in lines if line.number in wanted]})
    return excerpts
