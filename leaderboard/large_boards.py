"""A board of many submissions, read a page at a time: who is on the page is decided from few small columns.

A snapshot of a thousand submissions holds megabytes of cells and profiles. A page shows a hundred rows and a dozen
lines, so only theirs are loaded; sorting and filtering need a name, a rank and at most one number of each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard import tables
from leaderboard.charts.profile import IN_COLOUR, MOST_IN_COLOUR
from leaderboard.models import Snapshot, Standing

LARGE = 100
"""More standings than this are read in parts."""


def is_large(snapshot: Snapshot) -> bool:
    """True when a page shows a part of it only."""
    return int(snapshot.head.get("ranked", 0)) > LARGE


@dataclass(frozen=True, kw_only=True)
class Line:
    """What sorting and filtering know of a standing."""

    pk: int
    rank: int
    score: float
    time_ratio: float | None
    slug: str
    name: str
    words: str  # everything a reader may search for, folded
    is_baseline: bool
    value: Any = None  # the count or the cell that is sorted by


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All standings of a snapshot, best first, without their cells and profiles."""

    snapshot: Snapshot
    lines: Sequence[Line]

    @property
    def ranks(self) -> Counter[int]:
        return Counter(line.rank for line in self.lines)

    @property
    def baseline(self) -> Line | None:
        return next((line for line in self.lines if line.is_baseline), None)

    def chosen(self, words: str, sort: str, *, descending: bool) -> list[int]:
        """Keys of the standings that match, in the order of the table (see `tables.sort_rows`)."""
        wanted = words.casefold().split()
        rows = [line for line in self.lines if all(word in line.words for word in wanted)]
        sign = -1 if descending else 1
        if sort == "score":
            rows.sort(key=lambda line: (sign * line.score, line.name))
        elif sort == "time":
            rows.sort(key=lambda line: (line.time_ratio is None, sign * (line.time_ratio or 0), line.rank))
        elif sort == "counted":
            rows.sort(key=lambda line: (sign * (line.value or 0), line.rank))
        else:
            rows.sort(key=lambda line: (*_place(sort, line.value, sign), line.rank))
        return [line.pk for line in rows]

    def in_colour(self, shown: Sequence[str]) -> list[int]:
        """Keys of the lines that are drawn, best first: those asked for, else the top five and the baseline."""
        wanted = [line.pk for line in self.lines if line.slug in set(shown)][:MOST_IN_COLOUR]
        if wanted:
            return wanted
        baseline = {self.baseline.pk} if self.baseline else set()
        top = [line.pk for line in self.lines if line.pk not in baseline][: IN_COLOUR - len(baseline)]
        return [line.pk for line in self.lines if line.pk in baseline or line.pk in top]

    def load(self, keys: Sequence[int]) -> dict[int, Standing]:
        """These standings with everything a row and a line show, by key, in one query."""
        rows = Standing.objects.for_table(self.snapshot).filter(pk__in=set(keys)).defer("profile", "facts")
        return {row.pk: row for row in rows}


def overview(snapshot: Snapshot, sort: str) -> Overview:
    """The standings of a snapshot in one query, with what `sort` needs."""
    columns = {column.name for column in tables.columns_of(snapshot.head)}
    value = f"cells__{sort}" if sort in columns else "facts__counts" if sort == "counted" else "rank"
    names = (
        "pk", "rank", "benchmark_score", "speedup", "submission__slug", "submission__name", "submission__version",
        "submission__team__name", "submission__authors", "submission__affiliation", "submission__framework",
        "submission__is_baseline", value,
    )  # fmt: skip
    rows = Standing.objects.filter(snapshot=snapshot).order_by("rank", "submission__name")
    return Overview(snapshot=snapshot, lines=[_line(*row) for row in rows.values_list(*names)])


def _line(
    pk: int, rank: int, score: float, time_ratio: float | None, slug: str, name: str, version: int, team: str,
    authors: str, affiliation: str, framework: str, is_baseline: bool, value: Any,
) -> Line:  # fmt: skip
    shown = name if version == 1 else f"{name} v{version}"
    return Line(
        pk=pk,
        rank=rank,
        score=score,
        time_ratio=None if is_baseline else time_ratio,
        slug=slug,
        name=shown,
        words=f"{shown} {team} {authors} {affiliation} {framework}".casefold(),
        is_baseline=is_baseline,
        value=value,
    )


def _place(workload: str, stored: Mapping[str, Any] | None, sign: int) -> tuple[int, float]:
    """Counting values, then marked ones, `inf`, `NaN`, in both directions."""
    column = tables.Column(name=workload, metric="", higher_is_better=True, target=0.0, budget_s=math.inf)
    cell = tables.cell_of(column, stored)
    value = cell.fraction if cell.fraction is not None else cell.time_s
    return cell.sort_group, sign * value if value is not None else 0.0
