"""Who may see and do what: 404 for what is not public, 403 with a sentence for what this person may not do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from leaderboard.models import Membership, Submission, Team, User

View = Callable[..., HttpResponse]


class SignedIn(HttpRequest):
    """A request behind `login_required`: there is an account. Only a type; Django still makes the objects."""

    user: User


def is_insider(user: Any, submission: Submission) -> bool:
    """True for members of the team, reviewers and operators: they see live logs and unpublished pages."""
    if not user.is_authenticated:
        return False
    return bool(user.is_reviewer or user.is_operator or submission.team.has_member(user))


def visible_submission(request: HttpRequest, slug: str) -> tuple[Submission, bool]:
    """The submission and whether the reader is an insider. Raises Http404 for what this reader may not see.

    Finished, public ones are the same for everybody, so for them nobody is asked who they are.
    """
    row = Submission.objects.for_page().filter(slug=slug).first()
    if row is None:
        raise Http404
    if row.status in Submission.FINAL:
        return row, True
    insider = is_insider(request.user, row)
    if not insider and not row.is_public:
        raise Http404
    return row, insider


def member_team(user: User, slug: str) -> Team:
    """The team, for its members. Raises PermissionDenied for others, Http404 where there is none."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise Http404
    if not team.has_member(user):
        raise PermissionDenied(f"Only members of {team.name} can open this page.")
    return team


def own_draft(user: User, pk: int) -> Submission:
    """A submission that was not sent yet, for its team. Raises Http404 for everybody else: drafts are private."""
    rows = Submission.objects.filter(team__memberships__user=user).select_related("team", "previous")
    draft = rows.filter(pk=pk).first()
    if draft is None:
        raise Http404
    return draft


def own_submission(user: User, slug: str) -> Submission:
    """A submission of one's own team. 404 where it is not public, 403 where it is."""
    submission = Submission.objects.filter(slug=slug).select_related("team").first()
    if submission is None:
        raise Http404
    if not Membership.objects.filter(team_id=submission.team_id, user=user).exists():
        if submission.is_public or user.is_reviewer or user.is_operator:
            raise PermissionDenied(f"Only members of {submission.team.name} can do this.")
        raise Http404
    return submission


def reviewers_only(view: View) -> View:
    """Signed in and a reviewer; others get 403 with a sentence."""

    @login_required
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not (isinstance(user, User) and user.is_reviewer):
            raise PermissionDenied("Only reviewers can open this page.")
        return view(request, *args, **kwargs)

    return checked
