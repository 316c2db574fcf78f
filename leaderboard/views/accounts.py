"""The account beyond what allauth does: overview, the chip in the header, details, deletion."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard.errors import LeaderboardError
from leaderboard.forms import DeleteAccountForm, DetailsForm
from leaderboard.lifecycle import accounts
from leaderboard.models import Invitation, Membership, Submission
from leaderboard.views.access import SignedIn


@require_safe
@never_cache
def chip(request: HttpRequest) -> HttpResponse:
    """Who is signed in: a fragment, so that the pages around it are the same for everybody."""
    reviews = request.user.is_authenticated and request.user.is_reviewer
    cases = Submission.objects.waiting_for_review().count() if reviews else None
    return render(request, "leaderboard/_account_chip.html", {"cases": cases})


@require_safe
@login_required
def overview(request: SignedIn) -> HttpResponse:
    """One's teams, submissions, invitations and the ways to change the account."""
    context = {
        "memberships": Membership.objects.for_account(request.user),
        "submissions": Submission.objects.for_account(request.user),
        "invitations": Invitation.objects.for_account(request.user),
    }
    return render(request, "leaderboard/account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def details(request: SignedIn) -> HttpResponse:
    """Name and affiliation."""
    form = DetailsForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your details are saved.")
        return redirect("account")
    return render(request, "leaderboard/account_details.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete(request: SignedIn) -> HttpResponse:
    """Deletes the account after the password: what was public stays, without the person's name on it."""
    form = DeleteAccountForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.delete_account(request.user.pk)
        except LeaderboardError as error:
            form.add_error(None, str(error))
        else:
            logout(request)
            return HttpResponseRedirect("/account/deleted/")
    context = {"form": form, "memberships": Membership.objects.for_account(request.user)}
    return render(request, "leaderboard/account_delete.html", context)


@require_safe
def deleted(request: HttpRequest) -> HttpResponse:
    return render(request, "leaderboard/account_deleted.html")
