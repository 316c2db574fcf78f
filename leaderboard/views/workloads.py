"""Workloads of a board: all of them, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from leaderboard import board_figures, tables
from leaderboard.models import Standing
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import frame, open_board, opened_or_404
from workloads.spec import Ruleset


@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """The workloads of the board most people want."""
    return redirect("workloads", settings.DEFAULT_EDITION, Ruleset.EXTERNAL.value)


@require_safe
@public_page
def index(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """All workloads of a board with target, budget, who is the fastest and how many count."""
    opened = open_board(request, edition, ruleset)
    standings = opened.standings()
    is_printed = opened.snapshot is not None and opened.snapshot.is_printed
    rows = [_summary(column, standings, is_printed=is_printed) for column in tables.columns_of(opened.head)]
    return render(request, "leaderboard/workloads.html", {**frame(opened, "workloads"), "rows": rows})


def _summary(column: tables.Column, standings: list[Standing], *, is_printed: bool) -> dict[str, Any]:
    """One row. Rounded times do not say who was the fastest."""
    cells = [(tables.cell_of(column, row.cells.get(column.name)), row) for row in standings]
    timed = [(cell, row) for cell, row in cells if cell.counts]
    best = min(timed, key=lambda pair: pair[0].fraction or 0.0, default=None)
    return {
        "column": column,
        "best": best[0] if best else None,
        "fastest": best[1].submission if best and not is_printed else None,
        "reached": sum(cell.has_value for cell, _ in cells),
        "counts": len(timed),
        "of": len(cells),
    }


@require_safe
@public_page
def workload(request: HttpRequest, edition: str, ruleset: str, workload: str) -> HttpResponse:
    """One workload: times of all, every study, the best curves, and its held-out variants."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    entry = opened.workload(workload)
    standings = opened.standings()
    column = tables.column_of(entry)
    rows = tables.sort_rows(tables.rows_of(opened.head, standings), workload, descending=False)
    has_times = any(row.cell(workload).time_s is not None for row in rows)
    trials = {} if snapshot.is_printed else board_figures.best_trials(standings, workload)
    attempts = board_figures.attempts_of(workload, trials)
    axis = "step" if request.GET.get("axis") == "step" else "time"
    numbers = _numbers(standings, entry)
    context = {
        **frame(opened, "workloads"),
        "column": column,
        "entry": entry,
        "studies": numbers,
        "rows": [{"row": row, "cell": row.cell(workload), "times": _studies(row, workload, numbers)} for row in rows],
        "bars": board_figures.bars(snapshot, standings, column) if has_times else None,
        "curves": board_figures.best_curves(snapshot, column, trials, attempts, axis=axis),
        "axis": axis,
        "variants": [] if snapshot.is_printed else _variants(opened.head, entry, standings),
        "others": tables.columns_of(opened.head),
    }  # fmt: skip
    return render(request, "leaderboard/workload.html", context)


def _numbers(standings: list[Standing], entry: dict[str, Any]) -> list[int]:
    """The studies of a workload as they are numbered where it was run; ours begin at one."""
    cells = (standing.cells.get(entry["name"]) or {} for standing in standings)
    found = {study["study"] for cell in cells for study in cell.get("study_times") or []}
    return sorted(found) or list(range(1, entry["studies"] + 1))


def _studies(row: tables.Row, workload: str, numbers: list[int]) -> list[dict[str, Any] | None]:
    """The time of every study; None where a study measured nothing."""
    stored = row.standing.cells.get(workload) or {}
    by_number = {study["study"]: study for study in stored.get("study_times") or []}
    return [by_number.get(number) for number in numbers]


def _variants(head: Mapping[str, Any], entry: dict[str, Any], standings: list[Standing]) -> list[dict[str, Any]]:
    """The held-out variants of a base workload."""
    variants = board_figures.entries(head, "held_out")
    return [_variant(variant, standings) for variant in variants if variant["base"] == entry["base"]]


def _variant(variant: dict[str, Any], standings: list[Standing]) -> dict[str, Any]:
    """A held-out variant: who passes it."""
    column = tables.column_of(variant)
    stored = [(standing, standing.cells.get(column.name)) for standing in standings]
    rows = [
        {"standing": standing, "cell": tables.cell_of(column, cell), "state": tables.held_out_state(cell)}
        for standing, cell in stored
    ]
    passed = sum(tables.held_out_state(cell) == tables.PASSED for _, cell in stored)
    return {"column": column, "rows": rows, "passed": passed}
