"""Compare: two to four submissions side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import board_figures, charts, code_diff, figures, files, large_boards, tables
from leaderboard.models import Attempt, Snapshot, Standing, Submission
from leaderboard.models.submissions import SubmissionFile
from leaderboard.plans import hyperparameter_rows
from leaderboard.templatetags.shown import by_name
from leaderboard.views.boards import axis_of
from leaderboard.views.caching import public_page

FEWEST, MOST = 2, 4
CHOICES = 500  # names in the form


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Submissions with public results, in the order they were asked for, and the board they share, if they do."""

    submissions: list[Submission]
    snapshot: Snapshot | None
    standings: list[Standing]  # of the whole board, best first; of a large one their own
    overview: large_boards.Overview | None = None  # of a large board

    @cached_property
    def own(self) -> list[Standing]:
        """Where each of them stands, in their order."""
        by_submission = {row.submission_id: row for row in self.standings}
        return [by_submission[row.pk] for row in self.submissions] if self.standings else []

    @cached_property
    def rows(self) -> list[tables.Row]:
        """The same as rows of the board's tables."""
        if self.snapshot is None:
            return []
        seen = self.overview
        rows = tables.rows_of(
            self.snapshot.head,
            self.standings,
            ranks=seen.ranks if seen else None,
            baseline_score=seen.baseline.score if seen and seen.baseline else None,
        )
        own = {row.submission.pk: row for row in rows}
        return [own[row.pk] for row in self.submissions]

    @cached_property
    def columns(self) -> list[tables.Column]:
        return tables.columns_of(self.snapshot.head) if self.snapshot else []

    def column(self, wanted: str) -> tables.Column | None:
        """The workload that is asked for; else the first on which all have a time."""
        chosen = next((column for column in self.columns if column.name == wanted), None)
        if chosen is not None or not self.columns:
            return chosen
        timed = (column for column in self.columns if all(row.cell(column.name).has_value for row in self.rows))
        return next(timed, self.columns[0])


def compared(request: HttpRequest) -> Comparison:
    """What `s=a&s=b` names, in three queries, four of a large board. Names nobody knows are ignored."""
    slugs = list(dict.fromkeys(request.GET.getlist("s")))[: MOST + 1]
    found = {row.slug: row for row in Submission.objects.for_comparison(slugs)} if slugs else {}
    submissions = [found[slug] for slug in slugs if slug in found]
    if not FEWEST <= len(submissions) <= MOST:
        return Comparison(submissions=submissions, snapshot=None, standings=[])
    places = Standing.objects.for_comparison(submissions)
    snapshots = {row.snapshot_id: row.snapshot for row in places}
    ranked = {row.submission_id for row in places}
    if len(snapshots) != 1 or len(ranked) != len(submissions):
        return Comparison(submissions=submissions, snapshot=None, standings=[])
    snapshot = next(iter(snapshots.values()))
    if large_boards.is_large(snapshot):
        seen = large_boards.overview(snapshot, "score")
        keys = [line.pk for line in seen.lines if line.slug in found]
        own = seen.load(keys)
        standings = [own[key] for key in keys]
        return Comparison(submissions=submissions, snapshot=snapshot, standings=standings, overview=seen)
    return Comparison(submissions=submissions, snapshot=snapshot, standings=list(Standing.objects.for_table(snapshot)))


@require_safe
@public_page
def compare(request: HttpRequest) -> HttpResponse:
    """Heads, times, profiles, ratios, curves, settings and code; without two to four names, the form alone."""
    found = compared(request)
    chosen = [row.slug for row in found.submissions]
    context: dict[str, Any] = {
        "submissions": found.submissions,
        "is_asked": "s" in request.GET,
        "is_complete": FEWEST <= len(found.submissions) <= MOST,
        "fields": [chosen[index] if index < len(chosen) else "" for index in range(MOST)],
    }
    if not context["is_complete"]:
        context["choices"] = _grouped(Submission.objects.for_choice()[:CHOICES])
        return render(request, "leaderboard/compare.html", context)
    if found.snapshot is not None:
        context |= _board_part(request, found, found.snapshot)
    others = (
        Submission.objects.for_choice()[:CHOICES] if found.overview else [row.submission for row in found.standings]
    )
    context |= {"choices": _grouped(others or found.submissions), "code": _code_part(found.submissions)}
    return render(request, "leaderboard/compare.html", context)


def _board_part(request: HttpRequest, found: Comparison, snapshot: Snapshot) -> dict[str, Any]:
    """Everything that needs a common board."""
    unit = request.GET.get("unit")
    column = found.column(request.GET.get("workload", ""))
    part: dict[str, Any] = {
        "snapshot": snapshot,
        "board": snapshot.board,
        "own": list(zip(found.rows, found.own, strict=True)),
        "times": [_times(column, found.rows) for column in found.columns],
        "unit": unit if unit in tables.UNITS else "fraction",
        "axis": axis_of(request),
        "step": step_of(request),
        "column": column,
        "columns": found.columns,
    }
    if snapshot.is_printed:
        return part
    part |= {"profile": profile(request, found), "ratios": ratios(found)}
    if column is not None:
        trials = _best(found, column)
        attempts = board_figures.attempts_of(column.name, trials)
        part["curves"] = board_figures.best_curves(snapshot, column, trials, attempts, axis=part["step"])
        part |= _settings(request, found, attempts)
    return part


def profile(request: HttpRequest, found: Comparison) -> charts.Chart | None:
    """The profiles of the whole board with the chosen ones in colour: ratios stay relative to all."""
    if found.snapshot is None or found.snapshot.is_printed:
        return None
    return figures.profile(
        found.snapshot, found.standings, axis=axis_of(request), shown=[row.slug for row in found.submissions]
    )


def ratios(found: Comparison) -> charts.Chart | None:
    """Ratio bars; for two only."""
    if found.snapshot is None or found.snapshot.is_printed or len(found.rows) != FEWEST:
        return None
    first, second = found.rows
    bars = [
        charts.RatioBar(
            workload=column.label,
            first_s=first.cell(column.name).time_s,
            second_s=second.cell(column.name).time_s,
            counts=first.cell(column.name).counts and second.cell(column.name).counts,
        )
        for column in found.columns
    ]
    sides = [charts.Side(name=str(row.submission), style=board_figures.style_of(row.submission)) for row in found.rows]
    return charts.ratio_bars(bars, *sides, revision=str(found.snapshot.pk))


def curves(request: HttpRequest, found: Comparison) -> charts.Chart | None:
    """The best curve of each on the chosen workload."""
    column = found.column(request.GET.get("workload", ""))
    if found.snapshot is None or found.snapshot.is_printed or column is None:
        return None
    trials = _best(found, column)
    attempts = board_figures.attempts_of(column.name, trials)
    return board_figures.best_curves(found.snapshot, column, trials, attempts, axis=step_of(request))


def step_of(request: HttpRequest) -> str:
    """The horizontal axis of curves. Their parameter is not that of the profiles on the same page."""
    return "step" if request.GET.get("curves") == "step" else "time"


def _best(found: Comparison, column: tables.Column) -> dict[board_figures.TrialKey, Standing]:
    """The fastest trial of each, in their order."""
    best = {row.pk: (key, row) for key, row in board_figures.best_trials(found.own, column.name).items()}
    return dict(best[row.pk] for row in found.own if row.pk in best)


def _times(column: tables.Column, rows: Sequence[tables.Row]) -> dict[str, Any]:
    """One workload: a cell for each, the best of those that count marked."""
    cells = [row.cell(column.name) for row in rows]
    best = min((cell.fraction for cell in cells if cell.counts and cell.fraction is not None), default=None)
    return {"column": column, "cells": [(cell, cell.counts and cell.fraction == best) for cell in cells]}


def _settings(
    request: HttpRequest, found: Comparison, attempts: Mapping[board_figures.TrialKey, Attempt]
) -> dict[str, Any]:
    """Hyperparameters of the fastest trial of each; those that differ, unless all are asked for."""
    points = {key[0]: attempt.trial.hyperparameters or {} for key, attempt in attempts.items()}
    listed = [points.get(row.pk, {}) for row in found.submissions]
    if not any(listed):
        return {}
    differing, equal = hyperparameter_rows(listed)
    shows_all = request.GET.get("show") == "all"
    return {"settings": by_name(listed) if shows_all else differing, "equal": equal, "shows_all": shows_all}


def _code_part(submissions: Sequence[Submission]) -> list[dict[str, Any]]:
    """The files of each against those of the first; empty where the first has none."""
    kept: dict[int, dict[str, bytes]] = {row.pk: {} for row in submissions}
    for file in SubmissionFile.objects.filter(submission__in=list(kept)):
        try:
            kept[file.submission_id][file.path] = files.read(file.sha256)
        except FileNotFoundError:
            continue
    first, *others = submissions
    if not kept[first.pk]:
        return []
    return [
        {"submission": other, "files": code_diff.diff_files(kept[first.pk], kept[other.pk])}
        for other in others
        if kept[other.pk]
    ]


def _grouped(rows: Iterable[Submission]) -> list[tuple[str, list[Submission]]]:
    """Submissions by the board they belong to, for the form."""
    groups: dict[str, list[Submission]] = {}
    for row in rows:
        groups.setdefault(f"{row.edition}, {row.get_ruleset_display().lower()}", []).append(row)
    return list(groups.items())
