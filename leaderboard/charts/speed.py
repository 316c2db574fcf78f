"""Speed against coverage: how fast a submission is where it counts, and on how many workloads that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, Chart, Table, figure_axis, layout
from leaderboard.charts.markers import marker
from leaderboard.charts.scales import Scale, Tick
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short
from leaderboard.templatetags.shown import multiple

TICKS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
WIDE_TITLE = "geometric mean of time ÷ fastest, on workloads that count (log₂, lower is better)"
NARROW_TITLE = "time ÷ fastest where it counts (log₂)"


@dataclass(frozen=True, kw_only=True)
class SpeedPoint:
    """One submission; `ratio` is None where no workload counts."""

    slug: str
    name: str
    url: str
    style: Style
    ratio: float | None
    counts: int
    is_baseline: bool = False

    @property
    def is_open(self) -> bool:
        """Styles after the first six have the same colours again, so their markers are hollow."""
        return self.style.dash != "solid"


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    size: tuple[int, int]
    box: tuple[float, float, float, float]  # left, right, top, bottom
    css: str
    title: str
    is_narrow: bool


_WIDE = _Sheet(size=(820, 380), box=(56, 796, 20, 322), css="hide-s", title=WIDE_TITLE, is_narrow=False)
_NARROW = _Sheet(size=(360, 330), box=(40, 342, 20, 272), css="only-s", title=NARROW_TITLE, is_narrow=True)


def speed_and_coverage(points: Sequence[SpeedPoint], *, num_workloads: int, revision: str, uid: str = "speed") -> Chart:
    """One mark per submission; those on the front are not beaten in both at once."""
    placed = [point for point in points if point.ratio is not None]
    nowhere = [point for point in points if point.ratio is None]
    draw = _Drawing(points=placed, num_workloads=num_workloads, uid=uid)
    title = "Speed against coverage"
    summary = _summary(front(placed), num_workloads)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in (_WIDE, _NARROW))
    return Chart(
        uid=uid,
        title=title,
        help="Up is more workloads, left is faster on those. Nothing is both above and left of the dotted front.",
        summary=summary,
        figure=draw.figure(revision),
        wide=wide,
        narrow=narrow,
        table=Table(
            columns=("Submission", "Workloads that count", "× fastest, geometric mean"),
            rows=tuple(
                (one_line(point.name), f"{point.counts}/{num_workloads}", multiple(point.ratio)) for point in points
            ),
        ),
        notes=(f"Without a workload that counts: {', '.join(one_line(point.name) for point in nowhere)}.",)
        if nowhere
        else (),
    )


def front(points: Sequence[SpeedPoint]) -> list[SpeedPoint]:
    """Points that no other one beats: at least as fast and on at least as many workloads, better in one of both."""
    kept = [point for point in points if not any(_beats(other, point) for other in points)]
    return sorted(kept, key=lambda point: (point.ratio or 0.0, point.counts))


def _beats(one: SpeedPoint, other: SpeedPoint) -> bool:
    a, b = (one.ratio or math.inf, -one.counts), (other.ratio or math.inf, -other.counts)
    return a != b and a[0] <= b[0] and a[1] <= b[1]


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    points: Sequence[SpeedPoint]
    num_workloads: int
    uid: str

    @property
    def highest(self) -> float:
        return max(1.25, 1.1 * max((point.ratio or 1.0 for point in self.points), default=1.25))

    @cached_property
    def front(self) -> list[SpeedPoint]:
        """Found once a chart: it compares every point with every other one."""
        return front(self.points)

    @property
    def counts(self) -> tuple[int, int]:
        values = [point.counts for point in self.points]
        return max(0, min(values, default=0) - 1), self.num_workloads

    @property
    def ticks(self) -> list[float]:
        return [tick for tick in TICKS if tick <= self.highest]

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        left, right, top, bottom = sheet.box
        low, high = self.counts
        x = Scale(low=1.0, high=self.highest, start=left + 14, end=right, is_log=True)
        y = Scale(low=low, high=high, start=bottom, end=top)
        parts = self._axes(sheet, x, y)
        parts.append(self._front(x, y))
        for point in self.points:
            parts += self._point(point, x, y, sheet)
        return svg.document(*parts, uid=self.uid, size=sheet.size, css=sheet.css, title=title, summary=summary)

    def _axes(self, sheet: _Sheet, x: Scale, y: Scale) -> list[SafeString]:
        left, right, top, bottom = sheet.box
        low, high = self.counts
        parts = []
        for count in range(low, high + 1):
            parts.append(svg.line(left, y(count), right, y(count), "grid"))
            parts.append(svg.label(str(count), left - 9, y(count) + 4, anchor="end"))
        ticks = [tick for tick in self.ticks if not sheet.is_narrow or tick not in (1.1, 1.75)]
        for tick in ticks:
            parts.append(svg.line(x(tick), top, x(tick), bottom, "grid"))
            parts.append(svg.label(f"{tick:g}×", x(tick), bottom + 19, anchor="middle"))
        parts.append(svg.line(left, bottom, right, bottom, "ax"))
        parts.append(svg.label(sheet.title, (left + right) / 2, bottom + 44, css="ttl", anchor="middle"))
        if not sheet.is_narrow:
            parts.append(svg.upright_title("Workloads that count", 14, (top + bottom) / 2))
        return parts

    def _front(self, x: Scale, y: Scale) -> SafeString:
        corners = [(x(point.ratio or 1.0), y(point.counts)) for point in self.front]
        path = svg.step_path(corners) if corners else "M0 0"
        return svg.element("path", class_="front", d=path)

    def _point(self, point: SpeedPoint, x: Scale, y: Scale, sheet: _Sheet) -> list[SafeString]:
        cx, cy = x(point.ratio or 1.0), y(point.counts)
        css = f"ring {point.style.stroke}" if point.is_open else point.style.fill
        name = svg.element("title", f"{point.name}: {multiple(point.ratio)}, {point.counts} count")
        parts = [svg.element("g", name, marker(point.style.marker, cx, cy, 6.5, css))]
        if point.is_baseline or point in self.front:
            to_left = cx > (sheet.box[0] + sheet.box[1]) * (0.5 if sheet.is_narrow else 0.75)
            below = 20.0 if point.is_baseline else -11.0
            parts.append(
                svg.label(short(point.name, 22), cx + (-9 if to_left else 9), cy + below, css="lab",
                          anchor="end" if to_left else None)
            )  # fmt: skip
        return parts

    def figure(self, revision: str) -> dict[str, Any]:
        low, high = self.counts
        edge = self.front
        dotted = {
            "type": "scatter",
            "mode": "lines",
            "x": [round(point.ratio or 1.0, 4) for point in edge],
            "y": [point.counts for point in edge],
            "line": {"shape": "hv", "color": "axis", "dash": "dot", "width": 1.5},
            "hoverinfo": "skip",
        }
        x_axis = figure_axis(
            WIDE_TITLE,
            [Tick(value=tick, text=f"{tick:g}×") for tick in self.ticks],
            [-0.008, math.log10(self.highest)],
            type="log",
        )
        counts = [Tick(value=count, text=str(count)) for count in range(low, high + 1)]
        return {
            "data": [dotted, *(self._trace(point, edge) for point in self.points)],
            "layout": layout(
                height=380,
                revision=revision,
                margin=(56, 16, 10, 52),
                xaxis=x_axis,
                yaxis=figure_axis("Workloads that count", counts, [low - 0.1, high + 0.5]),
            ),
            "config": CONFIG,
        }

    def _trace(self, point: SpeedPoint, edge: Sequence[SpeedPoint]) -> dict[str, Any]:
        is_named = point.is_baseline or point in edge
        style = point.style
        return {
            "type": "scatter",
            "mode": "markers+text" if is_named else "markers",
            "name": figure_text(point.name),
            "x": [round(point.ratio or 1.0, 4)],
            "y": [point.counts],
            "text": [figure_text(short(point.name, 22))] if is_named else [],
            "textposition": "bottom right" if point.is_baseline else "top right",
            "textfont": {"color": "text"},
            "cliponaxis": False,
            "marker": {
                "symbol": f"{style.marker}-open" if point.is_open else style.marker,
                "size": 13,
                "color": style.colour,
                "line": {"width": 2, "color": style.colour},
            },
            "meta": {"trace": point.slug, "url": point.url, "on": style.colour, "off": "hidden"},
            "hovertemplate": f"%{{fullData.name}}<br>%{{x:.2f}}× fastest, %{{y}} of {self.num_workloads} "
            "count<extra></extra>",
        }


def _summary(edge: Sequence[SpeedPoint], num_workloads: int) -> str:
    if not edge:
        return "No submission has a workload that counts."
    names = "; ".join(f"{point.name}, {point.counts} at {multiple(point.ratio)}" for point in edge)
    return f"On the front, as workloads of {num_workloads} that count at a multiple of the fastest: {names}."
