"""Leaderboards: ranking, not ranked, time to target, profiles and their downloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from leaderboard import charts, figures, tables
from leaderboard.models import Board, Decision, Snapshot, Standing, Submission
from leaderboard.models.submissions import RULESETS
from leaderboard.views.caching import public_page
from workloads import editions
from workloads.spec import Ruleset

ROWS_A_PAGE = 100


@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """The board most people want."""
    return redirect("board", settings.DEFAULT_EDITION, Ruleset.EXTERNAL.value)


@require_safe
@public_page
def board(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The ranked table of one edition and ruleset, what is not ranked, times and profiles."""
    boards, chosen = boards_of(request, edition, ruleset)
    snapshot = chosen.current if chosen else None
    document = snapshot.document if snapshot else {}
    standings = list(Standing.objects.for_table(snapshot)) if snapshot else []
    everything = tables.rows_of(document, standings)
    sort, descending = _sorting(request, document)
    words = request.GET.get("q", "")[:100]
    rows = tables.sort_rows(tables.matching(everything, words), sort, descending=descending)
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    unit = request.GET.get("unit")
    profile = profile_of(request, snapshot, standings) if snapshot and standings else None
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "edition": editions.load(edition),
        "editions": [editions.load(name) for name in editions.names()],
        "ruleset": ruleset,
        "rulesets": _switch(edition, ruleset, len(everything)),
        "boards": boards,
        "board": chosen,
        "document": document,
        "page": page,
        "columns": tables.columns_of(document),
        "workload_count": len(tables.columns_of(document) or editions.load(edition).workloads),
        "held_out": [entry for entry in document.get("workloads", []) if entry["role"] == "held_out"],
        "not_ranked": _not_ranked(edition, ruleset),
        "sort": sort,
        "descending": descending,
        "unit": unit if unit in tables.UNITS else "fraction",
        "q": words,
        "query": query.urlencode(),
        "profile": profile,
        "figure_url": _figure_url(request, edition, ruleset),
        "axis": "linear" if request.GET.get("axis") == "linear" else "log",
        "in_colour": sum(entry.is_on for entry in profile.legend) if profile else 0,
        "has_baseline": any(row.submission.is_baseline for row in everything),
        "numbers": edition_numbers(edition, ruleset),
    }
    return render(request, "leaderboard/board.html", context)


def _figure_url(request: HttpRequest, edition: str, ruleset: str) -> str:
    """Where the interactive chart gets the same lines on the same axis."""
    kept = [(name, value) for name in ("axis", "show", "hardware") for value in request.GET.getlist(name)]
    query = f"?{urlencode(kept)}" if kept else ""
    return reverse("profile_json", args=[edition, ruleset]) + query


def profile_of(request: HttpRequest, snapshot: Snapshot, standings: Sequence[Standing]) -> charts.Chart:
    axis = "linear" if request.GET.get("axis") == "linear" else "log"
    return figures.profile(snapshot, standings, axis=axis, shown=request.GET.getlist("show")[:12])


def edition_numbers(edition: str, ruleset: str) -> dict[str, int]:
    """Studies and trials of a ruleset, for sentences."""
    rules = editions.load(edition)
    return {"studies": rules.studies[Ruleset(ruleset)], "trials": rules.trials[Ruleset(ruleset)]}


def boards_of(request: HttpRequest, edition: str, ruleset: str) -> tuple[list[Board], Board | None]:
    """All boards of the address, and the one that `hardware` asks for or else the newest."""
    if edition not in editions.names() or ruleset not in dict(RULESETS):
        raise Http404
    boards = list(Board.objects.for_page(edition, ruleset).filter(current__isnull=False))
    wanted = request.GET.get("hardware", "")
    chosen = next((entry for entry in boards if entry.hardware_model == wanted), boards[0] if boards else None)
    return boards, chosen


def _sorting(request: HttpRequest, document: dict[str, Any]) -> tuple[str, bool]:
    """Column and direction; unknown values are ignored. Scores and counts start high, times start low."""
    known = {"score", "time", "counted", *(entry["name"] for entry in document.get("workloads", []))}
    sort = request.GET.get("sort", "score")
    sort = sort if sort in known else "score"
    natural = sort in ("score", "counted")
    direction = request.GET.get("dir")
    return sort, direction == "desc" if direction in ("asc", "desc") else natural


def _switch(edition: str, ruleset: str, count: int) -> list[dict[str, Any]]:
    """The two rulesets of an edition, with how many each ranks."""
    others = Standing.objects.on_current_boards(edition).exclude(submission__ruleset=ruleset).count()
    return [
        {
            "name": name,
            "href": reverse("board", args=[edition, value]),
            "current": value == ruleset,
            "count": count if value == ruleset else others,
        }
        for value, name in RULESETS
    ]


def _not_ranked(edition: str, ruleset: str) -> list[Submission]:
    """Entries without a rank, with the decision that took it where there is one."""
    rows = list(Submission.objects.not_ranked(edition=edition, ruleset=ruleset))
    outcome = Decision.Outcome.DISQUALIFIED
    decisions = Decision.objects.filter(submission__in=[row.pk for row in rows], outcome=outcome).order_by("decided_at")
    latest = {decision.submission_id: decision for decision in decisions} if rows else {}
    for row in rows:
        disqualified = row.status == Submission.Status.DISQUALIFIED
        row.decision = latest.get(row.pk) if disqualified else None  # type: ignore[attr-defined]
    return rows
