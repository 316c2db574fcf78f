"""The API's written guide, and its schema as an interactive page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from leaderboard.models import Board
from leaderboard.views.caching import public_page


@require_safe
@public_page
def guide(request: HttpRequest) -> HttpResponse:
    """Written first: what there is, how lists are paged, what numbers mean."""
    example = Board.objects.filter(current__isnull=False).defer("current__document").order_by("pk").first()
    return render(request, "leaderboard/docs_api.html", {"example": example, "parts": _parts()})


def _parts() -> list[dict[str, Any]]:
    """Lists of the API with an address that works and what they hold."""
    rows = (
        ("api_boards", "Boards: edition, ruleset, hardware, present snapshot. Filters: edition, ruleset."),
        ("api_submissions", "Submissions. Filters: edition, ruleset, framework, status, origin, team."),
        ("api_teams", "Teams with public submissions."),
        ("api_decisions", "Reviewers’ decisions. Filter: submission."),
        ("api_editions", "Editions: workloads, targets, budgets. Few, so not paged."),
        ("api_queue", "What runs, what waits, which hosts are in service. Not paged."),
    )
    return [{"address": reverse(name), "text": text} for name, text in rows]


@require_safe
@public_page
def viewer(request: HttpRequest) -> HttpResponse:
    """Every address and shape of the schema, to try out. Needs scripts; the guide does not."""
    return render(request, "leaderboard/docs_api_viewer.html")
