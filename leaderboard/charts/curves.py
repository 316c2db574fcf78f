"""Training curves: the metric that counts, against time or steps, with the target and the end of the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, Chart, LegendEntry, Table, axis_span, figure_axis, layout
from leaderboard.charts.scales import Axis, Scale, linear_axis, log_axis, time_axis
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short
from leaderboard.templatetags.shown import five_digits, hms

MOST_POINTS = 400  # a line; more are thinned on the server
LEGEND_ROWS = 15


@dataclass(frozen=True, kw_only=True)
class Point:
    """One evaluation; `value` is None where the run had diverged."""

    time_s: float
    step: int
    value: float | None


@dataclass(frozen=True, kw_only=True)
class CurveLine:
    """One trial. `hit` is the position of its first evaluation at or past the target, None where it missed."""

    key: str
    name: str
    style: Style
    points: tuple[Point, ...]
    hit: int | None = None
    url: str = ""

    @property
    def time_to_target_s(self) -> float | None:
        return None if self.hit is None else self.points[self.hit].time_s


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    size: tuple[int, int]
    box: tuple[float, float, float, float]  # left, right, top, bottom of the plot
    css: str
    ticks: int
    longest: int  # characters of a name in the legend; 0: no legend


_WIDE = _Sheet(size=(720, 330), box=(64, 614, 14, 276), css="hide-s", ticks=7, longest=11)
_WIDE_WITH_NAMES = _Sheet(size=(820, 330), box=(64, 620, 14, 276), css="hide-s", ticks=7, longest=24)
_NARROW = _Sheet(size=(360, 280), box=(52, 336, 12, 226), css="only-s", ticks=4, longest=0)


def thin(points: Sequence[Point], hit: int | None = None, *, most: int = MOST_POINTS) -> tuple[Point, ...]:
    """At most `most` points of a longer curve: of each stretch the lowest and the highest, and always the first, the
    last and the hit."""
    if len(points) <= most:
        return tuple(points)
    kept = {0, len(points) - 1} | ({hit} if hit is not None else set())
    stretches = (most - len(kept)) // 2
    for index in range(stretches):
        stretch = range(index * len(points) // stretches, (index + 1) * len(points) // stretches)
        measured = [position for position in stretch if points[position].value is not None]
        if measured:
            kept |= {min(measured, key=lambda i: points[i].value), max(measured, key=lambda i: points[i].value)}  # type: ignore[arg-type, return-value]
        else:
            kept.add(stretch[0])
    return tuple(points[position] for position in sorted(kept))


def training_curves(
    lines: Sequence[CurveLine],
    *,
    metric: str,
    target: float,
    higher_is_better: bool,
    budget_s: float,
    revision: str,
    title: str = "Training curves",
    axis: str = "time",
    log_y: bool = False,
    uid: str = "curves",
    lines_are: str = "trial",
) -> Chart:
    """The validation metric of some trials at every evaluation.

    Args:
        metric: its name as pages write it.
        budget_s: charged seconds after which a trial ends; drawn where it lies inside the range.
        axis: "time" or "step".
        log_y: for losses that fall over decades; only used while all values are positive.
        lines_are: what a line is called, "trial" or "submission".
    """
    lines = [_thinned(line) for line in lines]
    draw = _Drawing(
        lines=lines,
        metric=metric,
        target=target,
        budget_s=budget_s,
        by_step=axis == "step",
        log_y=log_y and all(value > 0 for value in _values(lines, target)),
        uid=uid,
    )
    summary = _summary(lines, metric, target, higher_is_better, lines_are)
    has_names = any(len(line.name) > _WIDE.longest for line in lines)
    sheets = (_WIDE_WITH_NAMES if has_names else _WIDE, _NARROW)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in sheets)
    return Chart(
        uid=uid,
        title=title,
        help=_help(budget_s),
        summary=summary,
        figure=draw.figure(revision),
        wide=wide,
        narrow=narrow,
        table=_table(lines, higher_is_better, lines_are),
        legend=tuple(
            LegendEntry(
                trace=line.key,
                name=one_line(line.name),
                style=line.style,
                note="inf" if line.hit is None else hms(line.time_to_target_s),
                url=line.url,
            )
            for line in lines
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    lines: Sequence[CurveLine]
    metric: str
    target: float
    budget_s: float
    by_step: bool
    log_y: bool
    uid: str

    def x_axis(self, ticks: int) -> Axis:
        places = [self._x_of(point) for line in self.lines for point in line.points]
        if self.by_step:
            return linear_axis([0.0, max(places, default=1.0)], most_ticks=ticks)
        return time_axis(max(places, default=self.budget_s), most_ticks=ticks)

    def y_axis(self) -> Axis:
        values = _values(self.lines, self.target)
        return log_axis(values) if self.log_y else linear_axis(values)

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        left, right, top, bottom = sheet.box
        x_axis, y_axis = self.x_axis(sheet.ticks), self.y_axis()
        x = Scale(low=x_axis.low, high=x_axis.high, start=left, end=right)
        y = Scale(low=y_axis.low, high=y_axis.high, start=bottom, end=top, is_log=y_axis.is_log)
        parts = [*self._budget(x, x_axis, top, bottom), *self._axes(sheet, x_axis, y_axis, x, y)]
        parts += [svg.line(left, y(self.target), right, y(self.target), "tg"), self._target_label(sheet, y)]
        for line in self.lines:
            parts += self._line(line, x, y)
        if sheet.longest:
            parts += self._legend(right + 8, sheet.longest)
        return svg.document(*parts, uid=self.uid, size=sheet.size, css=sheet.css, title=title, summary=summary)

    def figure(self, revision: str) -> dict[str, Any]:
        x_axis, y_axis = self.x_axis(7), self.y_axis()
        target_line = {"color": "target", "dash": "dash", "width": 1.5}
        across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": self.target, "y1": self.target}
        shapes = [{**across, "line": target_line}]
        if self._shows_budget(x_axis):
            up = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": self.budget_s, "x1": self.budget_s}
            shapes.append({**up, "line": {"color": "axis", "dash": "dot", "width": 1.5}})
        y_of_text = math.log10(self.target) if self.log_y else self.target
        note = {
            "xref": "paper", "x": 1, "y": y_of_text, "xanchor": "right", "yanchor": "bottom",
            "text": self._target_text(), "showarrow": False, "font": {"color": "target"},
        }  # fmt: skip
        kind = "log" if self.log_y else "linear"
        return {
            "data": [trace for line in self.lines for trace in self._traces(line)],
            "layout": layout(
                height=330,
                revision=revision,
                margin=(64, 16, 10, 52),
                shapes=shapes,
                annotations=[note],
                xaxis=figure_axis(self._x_title(x_axis), x_axis.ticks, axis_span(x_axis)),
                yaxis=figure_axis(figure_text(f"validation {self.metric}"), y_axis.ticks, axis_span(y_axis), type=kind),
            ),
            "config": CONFIG,
        }

    def _traces(self, line: CurveLine) -> list[dict[str, Any]]:
        x = [self._x_of(point) for point in line.points]
        meta = {"trace": line.key, "url": line.url, "on": line.style.colour, "off": "hidden"}
        curve = {
            "type": "scatter",
            "mode": "lines" if len(line.points) > 1 else "markers",  # one point makes no line
            "marker": {"size": 6, "color": line.style.colour},
            "name": figure_text(line.name),
            "x": [round(value, 2) for value in x],
            "y": [point.value for point in line.points],
            "line": {"color": line.style.colour, "dash": line.style.dash, "width": 2},
            "meta": meta,
            "customdata": [hms(point.time_s) for point in line.points],
            "hovertemplate": "%{fullData.name}<br>%{customdata} · %{y:.5g}<extra></extra>",
        }
        if line.hit is None:
            return [curve]
        dot = {
            "type": "scatter",
            "mode": "markers",
            "name": figure_text(line.name),
            "x": [x[line.hit]],
            "y": [line.points[line.hit].value],
            "marker": {"size": 11, "color": line.style.colour, "line": {"width": 2, "color": "raised"}},
            "meta": meta,
            "hoverinfo": "skip",
        }
        return [curve, dot]

    def _axes(self, sheet: _Sheet, x_axis: Axis, y_axis: Axis, x: Scale, y: Scale) -> list[SafeString]:
        left, right, top, bottom = sheet.box
        parts = []
        for tick in y_axis.ticks:
            parts.append(svg.line(left, y(tick.value), right, y(tick.value), "grid"))
            parts.append(svg.label(tick.text, left - 8, y(tick.value) + 4, anchor="end"))
        for tick in x_axis.ticks:
            parts.append(svg.line(x(tick.value), top, x(tick.value), bottom, "grid"))
            parts.append(svg.label(tick.text, x(tick.value), bottom + 18, anchor="middle"))
        middle = (left + right) / 2
        parts.append(svg.line(left, bottom, right, bottom, "ax"))
        parts.append(svg.label(self._x_title(x_axis), middle, bottom + 42, css="ttl", anchor="middle"))
        parts.append(svg.upright_title(f"validation {self.metric}", 14, (top + bottom) / 2))
        return parts

    def _budget(self, x: Scale, x_axis: Axis, top: float, bottom: float) -> list[SafeString]:
        """The time behind the budget is shaded."""
        if not self._shows_budget(x_axis):
            return []
        edge = x(self.budget_s)
        shade = svg.element("rect", class_="bud", x=edge, y=top, width=x.end - edge, height=bottom - top)
        return [shade, svg.line(edge, top, edge, bottom, "ax", stroke_dasharray="2 3")]

    def _shows_budget(self, x_axis: Axis) -> bool:
        return not self.by_step and self.budget_s <= x_axis.high

    def _line(self, line: CurveLine, x: Scale, y: Scale) -> list[SafeString]:
        places = [None if point.value is None else (x(self._x_of(point)), y(point.value)) for point in line.points]
        parts = [
            svg.element(
                "path",
                svg.element("title", line.name),
                class_=f"s {line.style.stroke}",
                d="".join(svg.path(run) for run in _runs(places)) or "M0 0",
                stroke_dasharray=line.style.dash_array,
                data_trace=line.key,
            )
        ]
        if len(places) == 1 and places[0] is not None:
            cx, cy = places[0]
            parts.append(svg.element("circle", class_=line.style.fill, cx=cx, cy=cy, r=3, data_trace=line.key))
        place = places[line.hit] if line.hit is not None else None
        if place is not None:
            parts.append(
                svg.element(
                    "circle", class_=f"hit {line.style.fill}", cx=place[0], cy=place[1], r=5.5, data_trace=line.key
                )
            )
        return parts

    def _legend(self, left: float, longest: int) -> list[SafeString]:
        parts = []
        for row, line in enumerate(sorted(self.lines, key=_by_time)[:LEGEND_ROWS]):
            y = 18.0 + 16 * row
            css = f"ln-s {line.style.stroke}"
            parts.append(
                svg.line(left, y, left + 20, y, css, stroke_dasharray=line.style.dash_array, data_trace=line.key)
            )
            parts.append(svg.label(short(line.name, longest), left + 26, y + 4, css="lab"))
        return parts

    def _target_label(self, sheet: _Sheet, y: Scale) -> SafeString:
        place = y(self.target)
        above = place - 6 if place - 6 > sheet.box[2] + 8 else place + 14
        return svg.label(self._target_text(), sheet.box[1] - 4, above, css="tgt", anchor="end")

    def _target_text(self) -> str:
        return f"target {self.target:g}"

    def _x_title(self, axis: Axis) -> str:
        return "Step" if self.by_step else f"Submission time ({axis.unit})"

    def _x_of(self, point: Point) -> float:
        return float(point.step) if self.by_step else point.time_s


def _thinned(line: CurveLine) -> CurveLine:
    points = thin(line.points, line.hit)
    hit = None if line.hit is None else points.index(line.points[line.hit])
    return CurveLine(key=line.key, name=line.name, style=line.style, points=points, hit=hit, url=line.url)


def _values(lines: Sequence[CurveLine], target: float) -> list[float]:
    return [target, *(point.value for line in lines for point in line.points if point.value is not None)]


def _runs(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Stretches without a gap; a single point becomes a short dash so that it can be seen."""
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run if len(run) > 1 else _dash_at(*run[0]) for run in runs if run]


def _dash_at(x: float, y: float) -> list[tuple[float, float]]:
    return [(x - 2, y), (x + 2, y)]


def _by_time(line: CurveLine) -> tuple[float, str]:
    return (math.inf if line.time_to_target_s is None else line.time_to_target_s, line.name)


def _best(line: CurveLine, higher_is_better: bool) -> float | None:
    values = [point.value for point in line.points if point.value is not None]
    return (max if higher_is_better else min)(values) if values else None


def _summary(lines: Sequence[CurveLine], metric: str, target: float, higher_is_better: bool, lines_are: str) -> str:
    reached = sorted((line for line in lines if line.hit is not None), key=_by_time)
    sign = "at least" if higher_is_better else "at most"
    many = f"{len(lines)} {lines_are}{'' if len(lines) == 1 else 's'}"
    start = f"Validation {metric} of {many}; the target is {sign} {target:g}. "
    if not reached:
        return f"{start}None of them reached it."
    first = reached[0]
    return f"{start}{len(reached)} reached it, {first.name} first, after {hms(first.time_to_target_s)}."


def _help(budget_s: float) -> str:
    return (
        f"Validation metric at each evaluation; the budget is {hms(budget_s)}. "
        "The filled point is the first evaluation at or past the target."
    )


def _table(lines: Sequence[CurveLine], higher_is_better: bool, lines_are: str) -> Table:
    return Table(
        columns=(lines_are.capitalize(), "Best", "Time to target", "Evaluations"),
        rows=tuple(
            (
                one_line(line.name),
                five_digits(_best(line, higher_is_better)) if line.points else "NaN",
                "inf" if line.hit is None else hms(line.time_to_target_s),
                str(len(line.points)),
            )
            for line in lines
        ),
    )
