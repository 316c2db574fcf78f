"""Stability: how much a rank depends on one workload, on the luck of the studies, and on the way of scoring."""

from __future__ import annotations

import bisect
from collections import Counter
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import board_figures
from leaderboard.models import Standing
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import frame, opened_or_404

MOST_ROWS = 100


@require_safe
@public_page
def stability(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """Leave-one-workload-out chart and table, speed against coverage, and other ways to score the same runs."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    names = board_figures.left_out(snapshot)
    if not names or snapshot.is_printed:
        raise Http404
    standings = opened.standings()
    context = {
        **frame(opened, "stability"),
        "columns": board_figures.stability_columns(snapshot),
        "rows": _rows(standings, names)[:MOST_ROWS],
        "ranks": board_figures.ranks(snapshot, standings, request.GET.getlist("show")),
        "speed": board_figures.speed(snapshot, standings),
        "others": _other_ranks(standings)[:MOST_ROWS],
    }
    return render(request, "leaderboard/stability.html", context)


def _rows(standings: list[Standing], names: list[str]) -> list[dict[str, Any]]:
    """Rank and score with each workload left out; `moved` is below zero where the rank is better than on the board."""
    own = Counter(standing.rank for standing in standings)
    given = {name: Counter(standing.facts["leave_one_out"][name]["rank"] for standing in standings) for name in names}
    return [
        {
            "standing": standing,
            "place": _place(standing.rank, own),
            "left": [
                {**left, "place": _place(left["rank"], given[name]), "moved": left["rank"] - standing.rank}
                for name in names
                for left in [standing.facts["leave_one_out"][name]]
            ],
        }
        for standing in standings
    ]


def _place(rank: int, given: Counter[int]) -> str:
    """The rank, as in "=4" where several share it."""
    return f"={rank}" if given[rank] > 1 else str(rank)


def _other_ranks(standings: list[Standing]) -> list[dict[str, Any]]:
    """Each submission's place under both rule sets and by mean time."""
    published = _places({row.pk: -row.published_score for row in standings})
    documented = _places({row.pk: -row.documented_score for row in standings if row.documented_score is not None})
    times = _places({row.pk: row.speedup for row in standings if row.speedup is not None})
    return [
        {
            "standing": row,
            "published": published.get(row.pk),
            "documented": documented.get(row.pk),
            "time": times.get(row.pk),
            "interval": row.facts.get("interval"),
            "wins": row.facts.get("wins"),
        }
        for row in standings
    ]


def _places(values: dict[int, float]) -> dict[int, int]:
    """Rank by smallest value; equal ones share it."""
    ordered = sorted(values.values())
    return {pk: 1 + bisect.bisect_left(ordered, value) for pk, value in values.items()}
