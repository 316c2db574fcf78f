"""What a team does with a submission once it is sent: cancel, withdraw, start a new version."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard import lifecycle, tasks
from leaderboard.errors import LeaderboardError
from leaderboard.models import Submission, User
from leaderboard.views.access import SignedIn, own_submission, visible_submission

S = Submission.Status


@require_safe
def offered(request: HttpRequest, slug: str) -> HttpResponse:
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


def _act(request: SignedIn, row: Submission, change: Callable[..., Submission], done: str) -> HttpResponse:
    try:
        change(row.pk, actor=request.user)
    except LeaderboardError as error:
        messages.error(request, str(error))
    else:
        tasks.soon(tasks.refresh_boards)
        messages.success(request, done)
    return redirect(row)
