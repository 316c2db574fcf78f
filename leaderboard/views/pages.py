"""The landing page, rules, and what is said about the site itself."""

from __future__ import annotations

from typing import Any

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
    context = {
        "edition": edition,
        "tops": _tops(edition.name),
        "running": list(Attempt.objects.for_queue()[:TOP]),
        "waiting": Submission.objects.filter(status=Submission.Status.QUEUED).count(),
        "decisions": list(Decision.objects.for_list()[:TOP]),
    }
    return render(request, "leaderboard/landing.html", context)


def _tops(first: str) -> list[dict[str, Any]]:
    """The top of every board that shows something, the newest of each edition and ruleset; `first` comes first.

    Both boards of that edition are there even while they are empty.
    """
    groups: dict[tuple[str, str], list[Standing]] = {(first, ruleset): [] for ruleset, _ in RULESETS}
    chosen: dict[tuple[str, str], int] = {}
    for standing in Standing.objects.for_landing(TOP):
        board = standing.snapshot.board
        key = (board.edition, board.ruleset)
        if chosen.setdefault(key, board.pk) == board.pk:
            groups.setdefault(key, []).append(standing)
    shown: dict[str, list[dict[str, Any]]] = {}
    for (edition, ruleset), rows in groups.items():
        top = {
            "ruleset": ruleset,
            "standings": rows[:TOP],
            "ranked": rows[0].snapshot.head.get("ranked") if rows else 0,
            "is_printed": bool(rows) and rows[0].snapshot.is_printed,
            "is_shipped": bool(rows) and rows[0].snapshot.is_shipped,
        }
        shown.setdefault(edition, []).append(top)
    return [
        {"edition": editions.load(name), "boards": boards, "is_empty": not any(board["standings"] for board in boards)}
        for name, boards in shown.items()
        if name in editions.names()
    ]


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
