"""Teams: the public page, members and invitations."""

from __future__ import annotations

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leaderboard import notices, quotas
from leaderboard.errors import NotAllowed
from leaderboard.forms import InvitationForm, TeamForm
from leaderboard.lifecycle import teams
from leaderboard.models import Decision, Invitation, Membership, Submission, Team
from leaderboard.views.access import SignedIn, member_team
from leaderboard.views.caching import public_page


@require_safe
@public_page
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """What anybody may know about a team."""
    found = get_object_or_404(Team, slug=slug)
    context = {
        "team": found,
        "members": Membership.objects.shown_on_page(found),
        "submissions": Submission.objects.for_list().filter(team=found),
        "decisions": Decision.objects.for_list().filter(submission__team=found),
    }
    return render(request, "leaderboard/team.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def create(request: SignedIn) -> HttpResponse:
    """A new team with oneself as its owner."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = teams.create_team(request.user, **form.cleaned_data)
        messages.success(request, f"{made.name} is there. Invite others, or submit right away.")
        return redirect("team_manage", made.slug)
    return render(request, "leaderboard/team_form.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: SignedIn, slug: str) -> HttpResponse:
    """Another name or affiliation."""
    found = member_team(request.user, slug)
    form = TeamForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        try:
            teams.edit_team(found.pk, request.user, **form.cleaned_data)
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The team is changed.")
            return redirect("team_manage", slug)
    return render(request, "leaderboard/team_form.html", {"form": form, "team": found})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def manage(request: SignedIn, slug: str) -> HttpResponse:
    """Members, invitations, quota and drafts of one's team; posting invites somebody."""
    found = member_team(request.user, slug)
    form = InvitationForm(request.POST or None, team=found)
    if request.method == "POST" and form.is_valid() and _may_invite(request, form):
        invitation, token = teams.invite(found.pk, request.user, email=form.cleaned_data["email"])
        link = settings.SITE_URL + reverse("invitation", args=[token])
        notices.send_invitation(invitation, link)
        messages.success(request, f"We sent an invitation to {invitation.email}.")
        return redirect("team_manage", slug)
    context = {
        "team": found,
        "form": form,
        "memberships": Membership.objects.for_team(found),
        "invitations": Invitation.objects.open().filter(team=found).order_by("created_at"),
        "quota": quotas.quota_of(found, now=timezone.now()),
        "submissions": Submission.objects.for_account(request.user).filter(team=found),
    }
    return render(request, "leaderboard/team_manage.html", context)


def _may_invite(request: SignedIn, form: InvitationForm) -> bool:
    """Invitations are e-mails to strangers, so one account has only so many an hour."""
    if ratelimit.consume(request, action="invite", user=request.user):
        return True
    form.add_error("email", "You have sent many invitations in the last hour. Try again later.")
    return False


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def invitation(request: SignedIn, token: str) -> HttpResponse:
    """What the link in an invitation opens: who invites, and a button to accept."""
    found = teams.find_invitation(token)
    if found is None:
        return render(request, "leaderboard/invitation_gone.html", status=404)
    problem = ""
    if request.method == "POST":
        try:
            teams.accept_invitation(found.pk, request.user)
        except NotAllowed as error:
            problem = str(error)
        else:
            messages.success(request, f"You are a member of {found.team.name} now.")
            return redirect("team_manage", found.team.slug)
    return render(request, "leaderboard/invitation.html", {"invitation": found, "problem": problem})


@require_POST
@login_required
def accept(request: SignedIn, pk: int) -> HttpResponse:
    """Accepts from the account page: whoever has confirmed the address needs no link."""
    found = get_object_or_404(Invitation.objects.for_account(request.user), pk=pk)
    try:
        teams.accept_invitation(found.pk, request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("account")
    messages.success(request, f"You are a member of {found.team.name} now.")
    return redirect("team_manage", found.team.slug)


@require_POST
@login_required
def revoke(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    """Takes an invitation back."""
    found = member_team(request.user, slug)
    row = get_object_or_404(Invitation, pk=pk, team=found)
    teams.revoke_invitation(row.pk, request.user)
    messages.success(request, f"The invitation of {row.email} is revoked.")
    return redirect("team_manage", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    """Leave the team, or remove a member: asks first."""
    found = member_team(request.user, slug)
    row = get_object_or_404(Membership.objects.select_related("user"), pk=pk, team=found)
    leaving = row.user_id == request.user.pk
    if request.method == "POST":
        try:
            teams.remove_member(row.pk, request.user)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        messages.success(request, f"You left {found.name}." if leaving else f"{row.user} is no longer in the team.")
        return redirect("account") if leaving else redirect("team_manage", slug)
    context = {"team": found, "membership": row, "leaving": leaving, "alone": found.memberships.count() == 1}
    return render(request, "leaderboard/team_remove.html", context)


@require_POST
@login_required
def show_me(request: SignedIn, slug: str) -> HttpResponse:
    """Agree, or stop agreeing, to be named on the team's public page."""
    found = member_team(request.user, slug)
    row = get_object_or_404(Membership, team=found, user=request.user)
    teams.show_member(row.pk, request.user, is_shown=not row.is_shown)
    return redirect("team_manage", slug)
