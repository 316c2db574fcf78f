"""Two submissions side by side: which of them is faster on each workload, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.bars import hatching
from leaderboard.charts.figure import CONFIG, NAMES, Chart, Table, figure_axis, layout
from leaderboard.charts.scales import Scale, Tick
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short

TICKS = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two."""

    name: str
    style: Style


@dataclass(frozen=True, kw_only=True)
class RatioBar:
    """Times of both on one workload, seconds; None where there is none. `counts`: neither time carries a mark."""

    workload: str
    first_s: float | None
    second_s: float | None
    counts: bool = True

    @property
    def times_faster(self) -> float | None:
        """Second over first: above 1 the first one is faster."""
        return None if self.first_s is None or self.second_s is None else self.second_s / self.first_s


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    width: int
    left: float
    right: float
    row: float
    css: str
    is_narrow: bool


_WIDE = _Sheet(width=720, left=120, right=600, row=30, css="hide-s", is_narrow=False)
_NARROW = _Sheet(width=360, left=74, right=276, row=30, css="only-s", is_narrow=True)


def ratio_bars(bars: Sequence[RatioBar], first: Side, second: Side, *, revision: str, uid: str = "ratios") -> Chart:
    """Bars to the right where the first one is faster, to the left where the second one is."""
    placed = [bar for bar in bars if bar.times_faster is not None]
    draw = _Drawing(bars=placed, first=first, second=second, uid=uid)
    title = f"{one_line(first.name)} against {one_line(second.name)}"
    summary = _summary(placed, first, second)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in (_WIDE, _NARROW))
    left_out = [one_line(bar.workload) for bar in bars if bar.times_faster is None]
    return Chart(
        uid=uid,
        title=title,
        help="Ratio of the two times on each workload; hatched where one of them does not count.",
        summary=summary,
        figure=draw.figure(revision),
        wide=wide,
        narrow=narrow,
        table=Table(
            columns=("Workload", "Faster", "By"),
            rows=tuple((one_line(bar.workload), *draw.words(bar)) for bar in bars),
        ),
        notes=(f"At least one has no time on {', '.join(left_out)}.",) if left_out else (),
    )


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    bars: Sequence[RatioBar]
    first: Side
    second: Side
    uid: str

    @property
    def reach(self) -> float:
        """The end of the axis to both sides, in powers of two."""
        return 1.08 * max([math.log2(1.5), *(abs(_power(bar)) for bar in self.bars)])

    @property
    def ticks(self) -> list[Tick]:
        places = [(math.log2(tick), f"{tick:g}×") for tick in TICKS if math.log2(tick) <= self.reach]
        if len(places) > 5:
            places = [place for place in places if place[1] != "1.25×"]
        return [Tick(value=-power, text=text) for power, text in reversed(places[1:])] + [
            Tick(value=power, text=text) for power, text in places
        ]

    def side_of(self, bar: RatioBar) -> Side:
        return self.first if _power(bar) >= 0 else self.second

    def words(self, bar: RatioBar) -> tuple[str, str]:
        """Who is faster and by how much."""
        if bar.times_faster is None:
            return "–", "–"
        mark = "" if bar.counts else " (does not count)"
        return one_line(self.side_of(bar).name), f"{2 ** abs(_power(bar)):.2f}×{mark}"

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        top, bottom = 30.0, 30.0 + sheet.row * max(len(self.bars), 1)
        room = 1.3 if sheet.is_narrow else 1.15  # for the text at the end of the longest bar
        x = Scale(low=-self.reach * room, high=self.reach * room, start=sheet.left, end=sheet.right)
        hatch = f"{self.uid}-hatch{sheet.width}"
        parts = [hatching(hatch)]
        for tick in self.ticks:
            parts.append(svg.line(x(tick.value), top, x(tick.value), bottom, "grid"))
            if not sheet.is_narrow or tick.text in ("1×", "2×", "4×"):
                parts.append(svg.label(tick.text, x(tick.value), bottom + 18, anchor="middle"))
        longest = 14 if sheet.is_narrow else 28
        # A hair's breadth from the middle on both sides.
        parts.append(svg.label(f"← {short(self.second.name, longest)}", x(0) - 8, 16, css="lab", anchor="end"))
        parts.append(svg.label(f"{short(self.first.name, longest)} →", x(0) + 8, 16, css="lab"))
        for row, bar in enumerate(self.bars):
            parts += self._bar(sheet, bar, x, top + row * sheet.row, hatch)
        parts.append(svg.line(x(0), top, x(0), bottom, "ax"))
        parts.append(svg.label("times faster (log₂)", x(0), bottom + 42, css="ttl", anchor="middle"))
        size = (sheet.width, round(bottom + 54))
        return svg.document(*parts, uid=self.uid, size=size, css=sheet.css, title=title, summary=summary)

    def _bar(self, sheet: _Sheet, bar: RatioBar, x: Scale, top: float, hatch: str) -> list[SafeString]:
        power, style = _power(bar), self.side_of(bar).style
        start, end = sorted((x(0), x(power)))
        box = {"x": start, "y": top + 6, "width": max(end - start, 1.0), "height": sheet.row - 12}
        name = svg.element("title", f"{bar.workload}: {' '.join(self.words(bar))}")
        parts = [svg.element("rect", name, class_=style.fill, **box)]
        if not bar.counts:
            parts.append(svg.element("rect", fill=f"url(#{hatch})", **box))
        y = top + sheet.row / 2 + 4
        text = f"{2 ** abs(power):.2f}×"
        parts.append(svg.label(short(bar.workload, 13), 8.0, y, css="lab"))
        if power >= 0:
            parts.append(svg.label(text, end + 6, y))
        else:
            parts.append(svg.label(text, start - 6, y, anchor="end"))
        return parts

    def figure(self, revision: str) -> dict[str, Any]:
        rows = list(reversed(self.bars))  # Plotly draws from below
        trace = {
            "type": "bar",
            "orientation": "h",
            "y": list(range(len(rows))),
            "x": [round(_power(bar), 4) for bar in rows],
            "text": [f"{2 ** abs(_power(bar)):.2f}×" for bar in rows],
            "textposition": "outside",
            "textfont": {"color": "text"},
            "cliponaxis": False,
            "marker": {
                "color": [self.side_of(bar).style.colour for bar in rows],
                "pattern": {"shape": ["" if bar.counts else "/" for bar in rows], "solidity": 0.35},
            },
            "hoverinfo": "skip",
        }
        side = {"xref": "x", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
                "font": {"color": "text", "size": 12}}  # fmt: skip
        names = [Tick(value=row, text=figure_text(short(bar.workload, 16))) for row, bar in enumerate(rows)]
        return {
            "data": [trace],
            "layout": layout(
                height=110 + 30 * max(len(rows), 1),
                revision=revision,
                margin=(110, 30, 28, 46),
                bargap=0.4,
                annotations=[
                    {**side, "x": 0, "xanchor": "right", "text": f"← {figure_text(short(self.second.name, 28))} "},
                    {**side, "x": 0, "xanchor": "left", "text": f" {figure_text(short(self.first.name, 28))} →"},
                ],
                shapes=[{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 0, "x1": 0,
                         "line": {"color": "axis", "width": 2}}],
                xaxis=figure_axis("times faster (log₂)", self.ticks, [-self.reach * 1.2, self.reach * 1.2]),
                yaxis={**figure_axis("", names, [-0.6, max(len(rows), 1) - 0.4]), **NAMES},
            ),
            "config": CONFIG,
        }  # fmt: skip


def _power(bar: RatioBar) -> float:
    return math.log2(bar.times_faster) if bar.times_faster else 0.0


def _summary(bars: Sequence[RatioBar], first: Side, second: Side) -> str:
    if not bars:
        return "There is no workload on which both have a time."
    faster = sum(_power(bar) > 0 for bar in bars)
    slower = sum(_power(bar) < 0 for bar in bars)
    return (
        f"Of {len(bars)} workloads on which both have a time, {first.name} is faster on {faster}, "
        f"{second.name} on {slower}."
    )
