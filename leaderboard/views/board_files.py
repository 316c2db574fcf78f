"""Downloads of a board: tables at full precision, the snapshot, the profiles."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from leaderboard import figures, tables
from leaderboard.models import Board, Standing
from leaderboard.views.boards import boards_of, profile_of
from leaderboard.views.caching import public_page


def _download(request: HttpRequest, edition: str, ruleset: str) -> tuple[Board, list[tables.Row]]:
    _, chosen = boards_of(request, edition, ruleset)
    if chosen is None or chosen.current is None:
        raise Http404
    return chosen, tables.rows_of(chosen.current.document, list(Standing.objects.for_table(chosen.current)))


def _csv(name: str, chosen: Board, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> HttpResponse:
    """Full precision; every row carries edition, revision and snapshot, so that a file says what it is."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["edition", "revision", "ruleset", "hardware", "snapshot", *head])
    snapshot = chosen.current.number if chosen.current else ""
    about = [chosen.edition, chosen.revision, chosen.ruleset, chosen.hardware_model or chosen.hardware_class, snapshot]
    writer.writerows([[_harmless(value) for value in (*about, *row)] for row in rows])
    response = HttpResponse(buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _harmless(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return f"'{value}"
    return "" if value is None else value


@require_safe
@public_page
def scores_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing, with the scores of both rule sets."""
    chosen, rows = _download(request, edition, ruleset)
    head = ["rank", "submission", "team", "framework", "score", "score_published", "score_documented", "counts",
            "rank_best", "rank_worst", "time_ratio_to_baseline"]  # fmt: skip
    lines = [
        [row.standing.rank, str(row.submission), row.submission.team.name, row.submission.framework,
         row.standing.benchmark_score, row.standing.published_score, row.standing.documented_score, row.counts,
         row.standing.rank_best, row.standing.rank_worst, row.time_ratio]
        for row in rows
    ]  # fmt: skip
    return _csv(f"{edition}-{ruleset}-scores.csv", chosen, head, lines)


@require_safe
@public_page
def times_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing and workload: `inf` and `NaN` as words, marks in a column of their own."""
    chosen, rows = _download(request, edition, ruleset)
    head = ["submission", "workload", "metric", "target", "budget_s", "time_s", "fraction", "ratio_to_fastest", "mark",
            "counts", "studies_reached", "studies"]  # fmt: skip
    lines = [
        [str(row.submission), cell.column.name, cell.column.metric, cell.column.target, cell.column.budget_s,
         cell.time_s if cell.time_s is not None else cell.mark, cell.fraction, cell.ratio, cell.mark,
         "yes" if cell.counts else "no", cell.reached, cell.studies]
        for row in rows for cell in row.cells
    ]  # fmt: skip
    return _csv(f"{edition}-{ruleset}-times.csv", chosen, head, lines)


@require_safe
@public_page
def board_json(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The snapshot as it is stored."""
    _, chosen = boards_of(request, edition, ruleset)
    if chosen is None or chosen.current is None:
        raise Http404
    document = {
        "snapshot": chosen.current.number,
        "created_at": chosen.current.created_at.isoformat(timespec="seconds"),
        "licence": "Apache-2.0",
        **chosen.current.document,
    }
    return JsonResponse(document, json_dumps_params={"indent": 1})


@require_safe
@public_page
def profile_svg(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The performance profiles as one picture."""
    _, chosen = boards_of(request, edition, ruleset)
    if chosen is None or chosen.current is None:
        raise Http404
    standings = list(Standing.objects.for_table(chosen.current))
    response = HttpResponse(figures.profile(chosen.current, standings).wide, content_type="image/svg+xml")
    response["Content-Disposition"] = f'attachment; filename="{edition}-{ruleset}-profiles.svg"'
    return response


@require_safe
@public_page
def profile_json(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The figure of the profiles for the interactive chart; colours are tokens, resolved by the page."""
    _, chosen = boards_of(request, edition, ruleset)
    if chosen is None or chosen.current is None:
        raise Http404
    standings = list(Standing.objects.for_table(chosen.current))
    figure = profile_of(request, chosen.current, standings).figure
    return HttpResponse(json.dumps(figure), content_type="application/json")
