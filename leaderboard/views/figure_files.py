"""Charts as files: the figure for the interactive one (json), its numbers (csv), a picture (svg)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from leaderboard import board_figures, charts, figures, results, tables
from leaderboard.models import Evaluation, Standing, Trial
from leaderboard.views import compare as comparing
from leaderboard.views.access import visible_submission
from leaderboard.views.boards import profile_of
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import OpenBoard, opened_or_404
from leaderboard.views.studies import shown_study

ENDINGS = ("json", "csv", "svg")


def chart_file(chart: charts.Chart | None, ending: str, name: str) -> HttpResponse:
    """One chart in one form. Raises Http404 where there is nothing to draw.

    Colours of the json are tokens that the page resolves; the svg carries its own, of the light theme.
    """
    if chart is None or ending not in ENDINGS:
        raise Http404
    if ending == "json":
        return JsonResponse(chart.figure)
    kind, content = (
        ("text/csv; charset=utf-8", charts.table_csv(chart))
        if ending == "csv"
        else ("image/svg+xml", charts.standalone_svg(chart))
    )
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}-{chart.uid}.{ending}"'
    return response


@require_safe
@public_page
def board_figure(request: HttpRequest, edition: str, ruleset: str, figure: str, ending: str) -> HttpResponse:
    """`profile`, `ranks`, `speed`, `held-out-<variant>`, `bars-<workload>` or `curves-<workload>` of a board."""
    opened, snapshot = opened_or_404(request, edition, ruleset)
    kind, _, workload = figure.partition("-") if not figure.startswith("held-out-") else ("held-out", "", figure[9:])
    draw = _BOARD_FIGURES.get(kind)
    if draw is None or (snapshot.is_printed and kind != "bars"):
        raise Http404
    return chart_file(draw(request, opened, workload), ending, f"{edition}-{ruleset}")


def _profile(request: HttpRequest, opened: OpenBoard, _: str) -> charts.Chart | None:
    return profile_of(request, opened)


def _ranks(request: HttpRequest, opened: OpenBoard, _: str) -> charts.Chart | None:
    if opened.snapshot is None or not board_figures.left_out(opened.snapshot):
        return None
    return board_figures.ranks(opened.snapshot, opened.standings(), request.GET.getlist("show"))


def _speed(request: HttpRequest, opened: OpenBoard, _: str) -> charts.Chart | None:
    return board_figures.speed(opened.snapshot, opened.standings()) if opened.snapshot else None


def _held_out(request: HttpRequest, opened: OpenBoard, name: str) -> charts.Chart | None:
    variant = opened.variant(name)
    return board_figures.dumbbell(opened.snapshot, opened.standings(), variant) if opened.snapshot else None


def _bars(request: HttpRequest, opened: OpenBoard, name: str) -> charts.Chart | None:
    column = tables.column_of(opened.workload(name))
    return board_figures.bars(opened.snapshot, opened.standings(), column) if opened.snapshot else None


def _curves(request: HttpRequest, opened: OpenBoard, name: str) -> charts.Chart | None:
    column = tables.column_of(opened.workload(name))
    trials = board_figures.best_trials(opened.standings(), name)
    attempts = board_figures.attempts_of(name, trials)
    axis = "step" if request.GET.get("axis") == "step" else "time"
    if opened.snapshot is None:
        return None
    return board_figures.best_curves(opened.snapshot, column, trials, attempts, axis=axis)


_BOARD_FIGURES: dict[str, Callable[[HttpRequest, OpenBoard, str], charts.Chart | None]] = {
    "profile": _profile,
    "ranks": _ranks,
    "speed": _speed,
    "held-out": _held_out,
    "bars": _bars,
    "curves": _curves,
}


@require_safe
def submission_figure(request: HttpRequest, slug: str, figure: str, ending: str) -> HttpResponse:
    """`curves` of one study, or of one of its trials, or `held-out`."""
    row, insider = visible_submission(request, slug)
    if not insider:
        raise Http404
    if figure == "held-out":
        standing = Standing.objects.for_submission(row).defer("snapshot__document").first()
        chart = board_figures.held_out_of(standing.snapshot, standing) if standing else None
        return chart_file(chart, ending, row.slug)
    shown = shown_study(request, results.trial_rows(row, Trial.objects.for_page(row)))
    if shown is None or figure != "curves":
        raise Http404
    wanted = request.GET.get("trial", "")
    rows = [entry for entry in shown["trials"] if str(entry.trial.number) == wanted] or shown["trials"]
    evaluations = list(Evaluation.objects.for_curves([entry.attempt for entry in rows if entry.attempt]))
    return chart_file(figures.curves(row, rows, evaluations, axis=shown["axis"]), ending, row.slug)


@require_safe
@public_page
def compare_figure(request: HttpRequest, figure: str, ending: str) -> HttpResponse:
    """`profile`, `ratios` or `curves` of the submissions that `s` names."""
    found = comparing.compared(request)
    if figure == "profile":
        chart = comparing.profile(request, found)
    elif figure == "ratios":
        chart = comparing.ratios(found)
    elif figure == "curves":
        chart = comparing.curves(request, found)
    else:
        raise Http404
    return chart_file(chart, ending, "compare")
