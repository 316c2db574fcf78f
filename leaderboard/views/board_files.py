"""Downloads of a board: tables at full precision, the snapshot, how to cite it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from leaderboard import board_text, tables
from leaderboard.models import Trial
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import OpenBoard, opened_or_404

LICENCE = "Apache-2.0"
ABOUT = ("edition", "revision", "ruleset", "hardware", "snapshot", "licence", "origin")
"""The first columns of every table: a file says by itself what it is."""


class _Echo:
    """A file that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(head: Sequence[str], about: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer: Any = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow([*ABOUT, *head])
    for row in rows:
        yield writer.writerow([_harmless(value) for value in (*about, *row)])


def _harmless(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def _about(opened: OpenBoard) -> list[Any]:
    board, snapshot = opened.board, opened.snapshot
    if board is None or snapshot is None:
        return []
    hardware = board.hardware_model or board.hardware_class
    origin = opened.head.get("origin", "run")
    return [board.edition, board.revision, board.ruleset, hardware, snapshot.number, LICENCE, origin]


def _as_file(response: HttpResponseBase, opened: OpenBoard, name: str) -> None:
    number = opened.snapshot.number if opened.snapshot else 0
    full = f"algoperf-{opened.edition.name}-{opened.ruleset}-snapshot-{number}-{name}"
    response["Content-Disposition"] = f'attachment; filename="{full}"'


def _csv(opened: OpenBoard, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    lines = "".join(_lines(head, _about(opened), rows))
    response = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    _as_file(response, opened, name)
    return response


@require_safe
@public_page
def scores_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing, with the scores of both rule sets."""
    opened, _ = opened_or_404(request, edition, ruleset)
    head = ["rank", "submission", "slug", "team", "framework", "score", "score_published", "score_documented", "counts",
            "rank_best", "rank_worst", "rank_interval_low", "rank_interval_high", "wins", "time_ratio_to_baseline",
            "score_without_held_out", "rank_without_held_out", "trials", "charged_s", "saved_by_racing_s"]  # fmt: skip
    return _csv(opened, "scores.csv", head, [_score_line(row) for row in opened.standings()])


def _score_line(standing: Any) -> list[Any]:
    facts, submission = standing.facts, standing.submission
    interval = facts.get("interval") or [None, None]
    without, effort = facts.get("without_held_out") or {}, facts.get("effort") or {}
    return [
        standing.rank, str(submission), submission.slug, submission.team.name, submission.framework,
        standing.benchmark_score, standing.published_score, standing.documented_score, facts.get("counts"),
        standing.rank_best, standing.rank_worst, *interval, facts.get("wins"), standing.speedup,
        without.get("score"), without.get("rank"), effort.get("trials"), effort.get("charged_s"), effort.get("saved_s"),
    ]  # fmt: skip


@require_safe
@public_page
def times_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing and workload, held-out variants included: `inf` and `NaN` as words, marks apart."""
    opened, _ = opened_or_404(request, edition, ruleset)
    head = ["submission", "slug", "workload", "role", "metric", "target", "budget_s", "time_s", "fraction",
            "ratio_to_fastest", "mark", "counts", "because", "rank", "studies_reached", "studies"]  # fmt: skip
    entries = opened.head.get("workloads", [])
    rows = [
        _time_line(standing, entry, standing.cells[entry["name"]])
        for standing in opened.standings()
        for entry in entries
        if entry["name"] in standing.cells
    ]
    return _csv(opened, "times.csv", head, rows)


def _time_line(standing: Any, entry: dict[str, Any], stored: dict[str, Any]) -> list[Any]:
    cell = tables.cell_of(tables.column_of(entry), stored)
    word = cell.mark if cell.mark in ("inf", "NaN") else None
    return [
        str(standing.submission), standing.submission.slug, entry["name"], entry["role"], entry["metric"],
        entry["target"], entry["budget_s"], cell.time_s if cell.time_s is not None else word,
        cell.fraction if cell.fraction is not None else word, cell.ratio, cell.mark, "yes" if cell.counts else "no",
        cell.held_out, stored.get("rank"), stored.get("reached"), stored.get("studies"),
    ]  # fmt: skip


@require_safe
def trials_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponseBase:
    """One line per trial of every ranked submission, sent while it is read; hyperparameters are one JSON object."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    head = ["submission", "slug", "workload", "study", "trial", "seed", "ending", "charged_s", "time_to_target_s",
            "raced", "hyperparameters"]  # fmt: skip
    rows = Trial.objects.for_download(snapshot)
    response = StreamingHttpResponse(_lines(head, _about(opened), rows), content_type="text/csv; charset=utf-8")
    _as_file(response, opened, "trials.csv")
    response["Cache-Control"] = "public, max-age=60"
    return response


@require_safe
@public_page
def board_json(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The snapshot as it is stored."""
    _, snapshot = opened_or_404(request, edition, ruleset)
    return JsonResponse(board_text.document_of(snapshot), json_dumps_params={"indent": 1})


@require_safe
@public_page
def cite_bib(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """How to cite this snapshot, and the benchmark it belongs to."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    response = HttpResponse(board_text.bibtex(snapshot), content_type="application/x-bibtex; charset=utf-8")
    _as_file(response, opened, "cite.bib")
    return response
