"""Downloads of a board: tables at full precision, the snapshot, how to cite it."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from leaderboard import board_csv, board_text
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import OpenBoard, opened_or_404


def _as_file(response: HttpResponseBase, opened: OpenBoard, name: str) -> None:
    number = opened.snapshot.number if opened.snapshot else 0
    full = f"algoperf-{opened.edition.name}-{opened.ruleset}-snapshot-{number}-{name}"
    response["Content-Disposition"] = f'attachment; filename="{full}"'


def _csv(opened: OpenBoard, name: str, lines: Iterable[str]) -> HttpResponse:
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    _as_file(response, opened, name)
    return response


@require_safe
@public_page
def scores_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    return _csv(opened, "scores.csv", board_csv.scores(snapshot, opened.standings()))


@require_safe
@public_page
def times_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """One line per standing and workload."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    return _csv(opened, "times.csv", board_csv.times(snapshot, opened.standings()))


@require_safe
def trials_csv(request: HttpRequest, edition: str, ruleset: str) -> HttpResponseBase:
    """One line per trial of every ranked submission, sent while it is read."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    response = StreamingHttpResponse(board_csv.trials(snapshot), content_type="text/csv; charset=utf-8")
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
