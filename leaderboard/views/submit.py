"""From an archive to the queue: the submit page, a draft with its live checks, sending it."""

from __future__ import annotations

from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard import lifecycle, plans, quotas, references, tasks
from leaderboard.errors import LeaderboardError
from leaderboard.forms import ArchiveForm, DraftForm, SendForm, SubmitForm
from leaderboard.models import Finding, Submission, Team
from leaderboard.models.submissions import RULESETS
from leaderboard.views.access import SignedIn, own_draft
from leaderboard.views.caching import not_modified, public_page, version_tag
from workloads import editions
from workloads.spec import Edition, Ruleset


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def submit(request: SignedIn) -> HttpResponse:
    """Team, ruleset, framework and the archive: makes a draft and starts its checks."""
    my_teams = Team.objects.of(request.user)
    edition = editions.load(settings.DEFAULT_EDITION)
    initial = {"team": my_teams.filter(slug=request.GET.get("team", "")).first(), "ruleset": "external"}
    form = SubmitForm(
        request.POST or None, request.FILES or None, teams=my_teams, edition=edition.name, initial=initial
    )
    if request.method == "POST" and form.is_valid() and _may_upload(request, form):
        draft = _make_draft(request, form)
        return redirect("draft", draft.pk)
    context = {
        "form": form,
        "edition": edition,
        "has_team": my_teams.exists(),
        "plans": _plans(edition),
        "quotas": [(team, quotas.quota_of(team, now=timezone.now())) for team in my_teams],
    }
    return render(request, "leaderboard/submit.html", context)


def _plans(edition: Edition) -> list[tuple[str, plans.Plan]]:
    """What can be chosen, by the words of the page."""
    whole = [(name, plans.of_edition(edition, Ruleset(value))) for value, name in RULESETS]
    if not edition.quick_look:
        return whole
    return [*whole, ("Quick look, self-tuning", plans.of_edition(edition, Ruleset.SELF_TUNING, quick=True))]


def _may_upload(request: SignedIn, form: SubmitForm | ArchiveForm) -> bool:
    """Every upload costs a run of the checks, so one account has only so many an hour."""
    if ratelimit.consume(request, action="upload", user=request.user):
        return True
    form.add_error("archive", "You have uploaded very often in the last hour. Try again later.")
    return False


def _make_draft(request: SignedIn, form: SubmitForm) -> Submission:
    values = form.cleaned_data
    draft = lifecycle.create_draft(
        values["team"],
        actor=request.user,
        name=values["name"],
        ruleset=values["ruleset"],
        framework=values["framework"],
        edition=form.edition,
        workloads=values["workloads"],
        studies_override=1 if values["one_study"] else None,
    )
    _attach(request, draft, values["archive"])
    return draft


def _attach(request: SignedIn, draft: Submission, upload: Any) -> None:
    lifecycle.attach_archive(draft.pk, upload.read(), actor=request.user, filename=upload.name)
    tasks.soon(tasks.check_archive, draft.pk)


def _draft_context(draft: Submission) -> dict[str, Any]:
    """What both the page and its live fragment show."""
    checks = list(draft.checks.prefetch_related("findings"))
    failed = [check for check in checks if check.state == Finding.Verdict.REJECTED]
    return {
        "draft": draft,
        "checks": checks,
        "failed": failed,
        "reviewed": [check for check in checks if check.state == Finding.Verdict.REVIEW],
        "is_checking": draft.status == Submission.Status.VALIDATING,
    }


@require_http_methods(["GET", "HEAD"])
@login_required
def draft(request: SignedIn, pk: int) -> HttpResponse:
    """A submission that was not sent yet: checks, words about it, what would run, and the statement."""
    row = own_draft(request.user, pk)
    if row.status not in Submission.UNSENT:
        return redirect(row)
    return _render_draft(request, row)


def _render_draft(request: HttpRequest, row: Submission, **changed: Any) -> HttpResponse:
    context = {
        **_draft_context(row),
        "details": DraftForm(instance=row),
        "archive_form": ArchiveForm(),
        "send_form": SendForm(initial={"accept_licence": row.licence_accepted_at is not None}),
        "plan": plans.of_submission(row),
        "points": plans.sampled_points(row),
        "quota": quotas.quota_of(row.team, now=timezone.now()),
        **changed,
    }
    return render(request, "leaderboard/draft.html", context)


@require_safe
@login_required
def draft_live(request: SignedIn, pk: int) -> HttpResponse:
    """The checks as they are now; once they are through, the whole page is asked for again."""
    row = own_draft(request.user, pk)
    unchanged = not_modified(request, tag := version_tag("draft", row.pk, row.row_version, row.status))
    response = unchanged or render(request, "leaderboard/_draft_live.html", _draft_context(row))
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    if row.status != Submission.Status.VALIDATING and request.GET.get("was") == Submission.Status.VALIDATING:
        response["HX-Refresh"] = "true"
    return response


@require_http_methods(["POST"])
@login_required
def edit(request: SignedIn, pk: int) -> HttpResponse:
    """Keeps the words about a draft."""
    row = own_draft(request.user, pk)
    form = DraftForm(request.POST, instance=row)
    if not form.is_valid():
        return _render_draft(request, own_draft(request.user, pk), details=form, shown_form=form)
    try:
        lifecycle.edit_draft(row.pk, actor=request.user, **form.cleaned_data)
    except LeaderboardError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Saved.")
    return redirect("draft", pk)


@require_http_methods(["POST"])
@login_required
def archive(request: SignedIn, pk: int) -> HttpResponse:
    """Another zip for the same draft; its checks start again."""
    row = own_draft(request.user, pk)
    form = ArchiveForm(request.POST, request.FILES)
    if not form.is_valid() or not _may_upload(request, form):
        return _render_draft(request, row, archive_form=form, shown_form=form)
    try:
        _attach(request, row, form.cleaned_data["archive"])
    except LeaderboardError as error:
        messages.error(request, str(error))
    return redirect("draft", pk)


@require_http_methods(["POST"])
@login_required
def send(request: SignedIn, pk: int) -> HttpResponse:
    """Draft -> queue. Whatever is missing comes back as a list of links; nothing that was typed is lost."""
    row = own_draft(request.user, pk)
    form = SendForm(request.POST)
    form.is_valid()
    problems = _problems(row, accepted=form.cleaned_data.get("accept_licence", False))
    if problems:
        return _render_draft(request, row, send_form=form, problems=problems)
    try:
        lifecycle.accept_licence(row.pk, actor=request.user)
        lifecycle.send_submission(row.pk, actor=request.user)
    except LeaderboardError as error:
        problem = {"text": str(error), "href": "#send"}
        return _render_draft(request, own_draft(request.user, pk), send_form=form, problems=[problem])
    messages.success(request, "Sent. You get an e-mail when it has ended.")
    row.refresh_from_db()
    return redirect(row)


def _problems(row: Submission, *, accepted: bool) -> list[dict[str, str]]:
    """Why a draft cannot be sent, each with the place on the page where to change it."""
    found = []
    if row.status == Submission.Status.VALIDATING:
        found.append({"text": "The checks are still running. Wait until they are through.", "href": "#checks"})
    elif not row.archive_sha256:
        found.append({"text": "There is no archive yet. Choose a zip.", "href": "#id_archive"})
    elif not row.checks_passed:
        failed = row.checks.filter(state=Finding.Verdict.REJECTED)
        found += [{"text": f"{check.title}: failed.", "href": f"#check-{check.pk}"} for check in failed]
        if not failed:
            found.append({"text": "The checks have not passed. Upload the archive again.", "href": "#id_archive"})
    if not accepted:
        found.append({"text": "Accept the licence statement.", "href": "#id_accept_licence"})
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def discard(request: SignedIn, pk: int) -> HttpResponse:
    """Throws a draft away, after asking."""
    row = own_draft(request.user, pk)
    if request.method == "POST":
        try:
            lifecycle.discard_draft(row.pk, actor=request.user)
        except LeaderboardError as error:
            messages.error(request, str(error))
            return redirect(row.page)
        messages.success(request, f"The draft {row.name} is gone.")
        return redirect("account")
    return render(request, "leaderboard/draft_discard.html", {"draft": row})


@require_safe
@public_page
def reference_submissions(request: HttpRequest) -> HttpResponse:
    """The submissions of `algorithms/` as zips to download, upload and change."""
    return render(request, "leaderboard/reference_submissions.html", {"references": references.every()})


@require_safe
def reference_archive(request: HttpRequest, name: str, framework: str) -> HttpResponse:
    """One of them, packed now; the same folder gives the same bytes."""
    reference = references.find(name, framework)
    if reference is None:
        return render(request, "404.html", status=404)
    response = HttpResponse(references.as_zip(reference), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{reference.archive_name}"'
    return response
