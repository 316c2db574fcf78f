"""Stability: the rank of each submission with every workload left out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, Chart, LegendEntry, Table, figure_axis, layout
from leaderboard.charts.labels import spread
from leaderboard.charts.markers import marker
from leaderboard.charts.scales import Scale, Tick
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short

MOST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class RankLine:
    """One submission: its ranks and scores, the whole board first."""

    slug: str
    name: str
    url: str
    style: Style
    ranks: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    width: int
    left: float
    right: float
    row: float
    longest: int
    css: str


_WIDE = _Sheet(width=820, left=46, right=600, row=30, longest=24, css="hide-s")
_NARROW = _Sheet(width=360, left=26, right=238, row=26, longest=13, css="only-s")


def rank_stability(
    lines: Sequence[RankLine], columns: Sequence[str], *, of: int, revision: str, uid: str = "ranks"
) -> Chart:
    """Ranks over the boards named by `columns`, best submission first.

    Args:
        of: how many submissions are ranked; lines may be fewer.
    """
    lines = list(lines)[:MOST_LINES]
    title = "Rank with one workload left out"
    summary = _summary(lines)
    draw = _Drawing(lines=lines, columns=tuple(columns), uid=uid)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in (_WIDE, _NARROW))
    return Chart(
        uid=uid,
        title=title,
        help="Level lines are robust: no single workload decides where they stand. Crossing lines trade places.",
        summary=summary,
        figure=draw.figure(revision),
        wide=wide,
        narrow=narrow,
        table=Table(
            columns=("Submission", *columns),
            rows=tuple((one_line(line.name), *(str(rank) for rank in line.ranks)) for line in lines),
        ),
        legend=tuple(
            LegendEntry(trace=line.slug, name=one_line(line.name), style=line.style, url=line.url) for line in lines
        ),
        notes=(f"{len(lines)} of {of} submissions are drawn.",) if len(lines) < of else (),
    )


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    lines: Sequence[RankLine]
    columns: tuple[str, ...]
    uid: str

    @property
    def last(self) -> int:
        """The lowest place that is drawn."""
        return max((rank for line in self.lines for rank in line.ranks), default=1)

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        top = 18.0
        bottom = top + sheet.row * max(self.last - 1, 1)
        x = Scale(low=0, high=max(len(self.columns) - 1, 1), start=sheet.left + 12, end=sheet.right - 12)
        y = Scale(low=1, high=max(self.last, 2), start=top, end=bottom)
        parts = self._axes(sheet, x, y, bottom)
        for line in reversed(self.lines):
            parts += self._line(line, x, y)
        parts += self._labels(sheet, y, top, bottom)
        size = (sheet.width, round(bottom + 84))
        return svg.document(*parts, uid=self.uid, size=size, css=sheet.css, title=title, summary=summary)

    def _axes(self, sheet: _Sheet, x: Scale, y: Scale, bottom: float) -> list[SafeString]:
        parts = []
        for rank in range(1, self.last + 1):
            parts.append(svg.line(sheet.left, y(rank), sheet.right, y(rank), "grid"))
            parts.append(svg.label(str(rank), sheet.left - 8, y(rank) + 4, anchor="end"))
        for place, name in enumerate(self.columns):
            turn = f"translate({x(place) + 5:.1f} {bottom + 20:.1f}) rotate(-38)"
            parts.append(svg.element("text", name, transform=turn, text_anchor="end"))
        return parts

    def _line(self, line: RankLine, x: Scale, y: Scale) -> list[SafeString]:
        places = [(x(index), y(rank)) for index, rank in enumerate(line.ranks)]
        path = svg.element(
            "path",
            svg.element("title", f"{line.name}: ranks {', '.join(str(rank) for rank in line.ranks)}"),
            class_=f"s {line.style.stroke}",
            d=svg.path(places),
            stroke_dasharray=line.style.dash_array,
            data_trace=line.slug,
        )
        marks = [marker(line.style.marker, *place, 4.5, line.style.fill, data_trace=line.slug) for place in places]
        return [path, *marks]

    def _labels(self, sheet: _Sheet, y: Scale, top: float, bottom: float) -> list[SafeString]:
        """Names where the lines end, never on each other."""
        ends = sorted(((y(line.ranks[-1]), line) for line in self.lines), key=lambda end: (end[0], -end[1].scores[-1]))
        places = spread([end for end, _ in ends], gap=17.0, low=top, high=bottom + 17)
        parts = []
        for (end, line), place in zip(ends, places, strict=True):
            leader = f"M{sheet.right - 6:.1f} {end:.1f}L{sheet.right + 6:.1f} {place:.1f}"
            parts.append(svg.element("path", class_=f"s thin {line.style.stroke}", d=leader))
            parts.append(svg.label(short(line.name, sheet.longest), sheet.right + 12, place + 4, css="lab"))
        return parts

    def figure(self, revision: str) -> dict[str, Any]:
        notes = []
        ordered = sorted(self.lines, key=lambda line: (line.ranks[-1], -line.scores[-1]))
        ends = spread([float(line.ranks[-1]) for line in ordered], gap=0.62, low=1.0, high=float(self.last) + 0.6)
        for line, place in zip(ordered, ends, strict=True):
            notes.append(
                {"xref": "paper", "x": 1.01, "xanchor": "left", "y": place, "text": figure_text(short(line.name, 24)),
                 "showarrow": False, "font": {"color": "text", "size": 12}}
            )  # fmt: skip
        columns = [Tick(value=index, text=figure_text(name)) for index, name in enumerate(self.columns)]
        ranks = [Tick(value=rank, text=str(rank)) for rank in range(1, self.last + 1)]
        x_axis = figure_axis("", columns, [-0.3, len(self.columns) - 0.7], tickangle=-38)
        return {
            "data": [self._trace(line) for line in reversed(self.lines)],
            "layout": layout(
                height=110 + 30 * self.last,
                revision=revision,
                margin=(46, 180, 10, 76),
                annotations=notes,
                xaxis=x_axis,
                yaxis=figure_axis("rank", ranks, [self.last + 0.6, 0.4]),
            ),
            "config": CONFIG,
        }

    def _trace(self, line: RankLine) -> dict[str, Any]:
        style = line.style
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": figure_text(line.name),
            "x": list(range(len(line.ranks))),
            "y": list(line.ranks),
            "text": [
                f"{figure_text(column)}: rank {rank}, score {score:.4f}"
                for column, rank, score in zip(self.columns, line.ranks, line.scores, strict=True)
            ],
            "line": {"color": style.colour, "dash": style.dash, "width": 2},
            "marker": {"color": style.colour, "symbol": style.marker, "size": 9},
            "meta": {"trace": line.slug, "url": line.url, "on": style.colour, "off": "hidden"},
            "hovertemplate": "%{fullData.name}<br>%{text}<extra></extra>",
        }


def _summary(lines: Sequence[RankLine]) -> str:
    if not lines:
        return "No submission is ranked yet."
    first = lines[0]
    widest = max(lines, key=_width)
    kept = (
        f"{first.name} stays first whichever workload is left out."
        if _width(first) == 0
        else f"{first.name} is first; with one workload left out its rank lies between {_range(first)}."
    )
    if _width(widest) == 0 or widest is first:
        return kept
    return f"{kept} The widest range is that of {widest.name}: between {_range(widest)}."


def _width(line: RankLine) -> int:
    return max(line.ranks) - min(line.ranks)


def _range(line: RankLine) -> str:
    return f"{min(line.ranks)} and {max(line.ranks)}"
