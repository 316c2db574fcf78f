"""Robustness: what the held-out variants of a board's workloads say."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import board_figures, tables
from leaderboard.models import Standing
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import frame, opened_or_404


@require_safe
@public_page
def robustness(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """Held-out table, a dumbbell chart for every variant, and ranks with and without the held-out rule."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    variants = board_figures.entries(opened.head, "held_out")
    if not variants or snapshot.is_printed:
        raise Http404
    standings = opened.standings()
    columns = [tables.column_of(variant) for variant in variants]
    unit = request.GET.get("unit")
    context = {
        **frame(opened, "robustness"),
        "columns": columns,
        "rows": [_row(standing, columns) for standing in standings],
        "charts": [board_figures.dumbbell(snapshot, standings, variant) for variant in variants],
        "ranks": [_ranks(standing) for standing in standings],
        "unit": unit if unit in ("hms", "fraction") else "multiple",
    }
    return render(request, "leaderboard/robustness.html", context)


def _row(standing: Standing, columns: list[tables.Column]) -> dict[str, Any]:
    cells = []
    for column in columns:
        stored = standing.cells.get(column.name)
        state = tables.held_out_state(stored)
        cell = tables.cell_of(column, stored)
        cells.append({"cell": cell, "state": state, "passed": state[1] == "ok"})
    return {"standing": standing, "cells": cells, "passed": sum(cell["passed"] for cell in cells)}


def _ranks(standing: Standing) -> dict[str, Any]:
    without = standing.facts.get("without_held_out") or {}
    rank, score = without.get("rank"), without.get("score")
    return {
        "standing": standing,
        "rank": rank,
        "score": score,
        "moved": None if rank is None else rank - standing.rank,
        "delta": None if score is None else standing.benchmark_score - score,
    }
