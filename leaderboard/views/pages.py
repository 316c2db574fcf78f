"""The landing page, rules, and what is said about the site itself."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import rule_book
from leaderboard.models import Attempt, Decision, Standing, Submission
from leaderboard.models.submissions import RULESETS
from leaderboard.views.caching import public_page
from workloads import editions

TOP = 5


@require_safe
@public_page
def landing(request: HttpRequest) -> HttpResponse:
    """One sentence; the top of each board; what runs now; the latest decisions; how scoring works."""
    edition = editions.load(settings.DEFAULT_EDITION)
    boards = [
        {"ruleset": ruleset, "standings": list(Standing.objects.for_landing(edition.name, ruleset, TOP))}
        for ruleset, _ in RULESETS
    ]
    context = {
        "edition": edition,
        "boards": boards,
        "running": list(Attempt.objects.for_queue()[:TOP]),
        "waiting": Submission.objects.filter(status=Submission.Status.QUEUED).count(),
        "decisions": list(Decision.objects.for_list()[:TOP]),
    }
    return render(request, "leaderboard/landing.html", context)


@require_safe
@public_page
def rules(request: HttpRequest) -> HttpResponse:
    """What is allowed, what each check looks for, and how scores are computed."""
    edition = editions.load(settings.DEFAULT_EDITION)
    context = {"edition": edition, "stages": rule_book.stages(), "reviewed": rule_book.REVIEWED}
    return render(request, "leaderboard/rules.html", context)


@require_safe
@public_page
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "leaderboard/accessibility.html")
