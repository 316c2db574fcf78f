"""Leaderboards: ranking, not ranked, time to target and profiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from leaderboard import charts, figures, large_boards, tables
from leaderboard.models import Decision, Snapshot, Standing, Submission
from leaderboard.templatetags.state import query_with
from leaderboard.views.caching import public_page
from leaderboard.views.open_board import OpenBoard, frame, open_board
from workloads.spec import Ruleset

ROWS_A_PAGE = 100
COUNTED_FIRST = ("score", "counted")  # columns that start with the highest value; times start with the lowest


@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """The board most people want."""
    return redirect("board", settings.DEFAULT_EDITION, Ruleset.EXTERNAL.value)


@require_safe
@public_page
def board(request: HttpRequest, edition: str, ruleset: str) -> HttpResponse:
    """The ranked table of one edition and ruleset, what is not ranked, times and profiles."""
    opened = open_board(request, edition, ruleset)
    columns = tables.columns_of(opened.head)
    sortable = ["score", "time", "counted", *(column.name for column in columns)]
    sort, descending = sorting(request, sortable)
    words = request.GET.get("q", "")[:100]
    page, profile = _listing(request, opened, words, sort, descending=descending)
    rows = list(page)
    unit = request.GET.get("unit")
    context = {
        **frame(opened, "board"),
        "page": page,
        "columns": columns,
        "not_ranked": _not_ranked(edition, ruleset),
        "sorts": heads(request, sortable, sort, descending=descending),
        "unit": unit if unit in tables.UNITS else "fraction",
        "q": words,
        "profile": profile,
        "figure_base": reverse("board_figure", args=[edition, ruleset, "profile", "json"]),
        "axis": axis_of(request),
        "shows": {
            "delta": any(row.delta is not None for row in rows),
            "time": any(row.time_ratio is not None for row in rows),
            "squares": any(cell.has_value for row in rows for cell in row.cells),
            "range": any(row.standing.rank_best is not None for row in rows),
        },
        "downloads": _downloads(opened, edition, ruleset),
        "in_colour": sum(entry.is_on for entry in profile.legend) if profile else 0,
        "has_baseline": any(row.tick is not None for row in rows),
        "has_times": any(cell.has_value for row in rows for cell in row.cells),
    }
    return render(request, "leaderboard/board.html", context)


def _downloads(opened: OpenBoard, edition: str, ruleset: str) -> list[dict[str, str]]:
    """Files of the shown snapshot."""
    files = [("scores_csv", "Scores CSV"), ("times_csv", "Times CSV")]
    if opened.snapshot is not None and not opened.snapshot.is_printed:
        files += [("trials_csv", "Trials CSV"), ("profile_svg", "Profile SVG")]
    files += [("board_json", "Snapshot JSON"), ("cite_bib", "BibTeX")]
    query = f"?{opened.kept}" if opened.kept else ""
    return [{"href": reverse(name, args=[edition, ruleset]) + query, "text": text} for name, text in files]


def _listing(
    request: HttpRequest, opened: OpenBoard, words: str, sort: str, *, descending: bool
) -> tuple[Page[Any], charts.Chart | None]:
    """One page of rows, and the profiles; of a large board only what is shown is loaded."""
    snapshot, number = opened.snapshot, request.GET.get("page")
    if snapshot is None or not large_boards.is_large(snapshot):
        standings = opened.standings()
        rows = tables.matching(tables.rows_of(opened.head, standings), words)
        whole = tables.sort_rows(rows, sort, descending=descending)
        return Paginator(whole, ROWS_A_PAGE).get_page(number), _profile(
            request, snapshot, standings
        ) if snapshot and standings else None
    seen = large_boards.overview(snapshot, sort)
    page: Page[Any] = Paginator(seen.chosen(words, sort, descending=descending), ROWS_A_PAGE).get_page(number)
    keys, drawn = list(page), seen.in_colour(_shown(request))
    loaded = seen.load([*keys, *drawn])
    baseline = seen.baseline.score if seen.baseline else None
    standings = [loaded[key] for key in keys if key in loaded]
    page.object_list = tables.rows_of(opened.head, standings, ranks=seen.ranks, baseline_score=baseline)
    return page, _profile(request, snapshot, [loaded[key] for key in drawn if key in loaded])


def profile_of(request: HttpRequest, opened: OpenBoard) -> charts.Chart | None:
    """The profiles with the lines and on the axis that the address asks for; None for a board without times."""
    snapshot = opened.snapshot
    if snapshot is None or snapshot.is_printed:
        return None
    if not large_boards.is_large(snapshot):
        return _profile(request, snapshot, opened.standings())
    seen = large_boards.overview(snapshot, "score")
    drawn = seen.in_colour(_shown(request))
    loaded = seen.load(drawn)
    return _profile(request, snapshot, [loaded[key] for key in drawn if key in loaded])


def _profile(request: HttpRequest, snapshot: Snapshot, standings: Sequence[Standing]) -> charts.Chart | None:
    if snapshot.is_printed:
        return None
    return figures.profile(snapshot, standings, axis=axis_of(request), shown=_shown(request))


def _shown(request: HttpRequest) -> list[str]:
    return request.GET.getlist("show")[:12]


def axis_of(request: HttpRequest) -> str:
    return "linear" if request.GET.get("axis") == "linear" else "log"


def sorting(request: HttpRequest, sortable: Sequence[str]) -> tuple[str, bool]:
    """Column and direction; unknown values are ignored. Scores and counts start high, times start low."""
    sort = request.GET.get("sort", "score")
    sort = sort if sort in sortable else "score"
    direction = request.GET.get("dir")
    return sort, direction == "desc" if direction in ("asc", "desc") else sort in COUNTED_FIRST


def heads(request: HttpRequest, names: Iterable[str], sort: str, *, descending: bool) -> dict[str, dict[str, str]]:
    """By column: what `aria-sort` says of it, and the link that sorts by it or turns the order round."""
    found = {}
    for name in names:
        is_on, natural = name == sort, name in COUNTED_FIRST
        turned = None if not is_on or descending != natural else "asc" if natural else "desc"
        found[name] = {
            "aria": ("descending" if descending else "ascending") if is_on else "",
            "href": query_with(request, sort=None if name == "score" else name, dir=turned),
        }
    return found


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
