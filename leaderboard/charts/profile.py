"""Performance profiles: how many workloads each submission trains within a factor of the fastest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, Chart, LegendEntry, Table, figure_axis, layout
from leaderboard.charts.labels import spread
from leaderboard.charts.scales import Scale, Tick, profile_ticks, share_ticks
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short

IN_COLOUR = 6  # the top five and the baseline
MOST_IN_COLOUR = 12
MOST_LINES = 60  # above this the lines in the background become one band
WIDEST_OFFSET = 3.75  # pixels by which lines in colour are moved apart
TABLE_TAUS = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
HELP = (
    "Higher and further left is better. At τ = 1.5 a line shows the share of workloads trained within "
    "1.5 times the fastest submission."
)
RELATIVE = "Ratios are relative to the submissions shown here, so scores change when the set changes."


@dataclass(frozen=True, kw_only=True)
class ProfileLine:
    """One submission's profile.

    steps: its corners, (tau, fraction), from tau 1 to the limit (`scoring.profile_steps`).
    in_colour: drawn in its own style; the others are thin and grey.
    """

    slug: str
    name: str
    url: str
    score: float
    steps: tuple[tuple[float, float], ...]
    style: Style
    is_baseline: bool = False
    in_colour: bool = True

    def fraction_at(self, tau: float) -> float:
        """The height of the line at a tau."""
        return max((level for corner, level in self.steps if corner <= tau), default=0.0)


@dataclass(frozen=True, kw_only=True)
class Band:
    """Where the lines in the background lie: the 10th and the 90th percentile of their heights at some taus."""

    count: int  # lines
    taus: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    @property
    def name(self) -> str:
        return f"{self.count} submissions, 10 to 90 %"


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """One size of the static image."""

    size: tuple[int, int]
    box: tuple[float, float, float, float]  # left, right, top, bottom of the plot
    css: str
    is_narrow: bool

    def x(self, tau_max: float, is_log: bool) -> Scale:
        return Scale(low=1.0, high=tau_max, start=self.box[0], end=self.box[1], is_log=is_log)

    @property
    def y(self) -> Scale:
        return Scale(low=0.0, high=1.0, start=self.box[3], end=self.box[2])


_WIDE = _Sheet(size=(820, 420), box=(52, 626, 16, 366), css="hide-s", is_narrow=False)
_NARROW = _Sheet(size=(360, 330), box=(40, 344, 8, 272), css="only-s", is_narrow=True)


def choose_in_colour(lines: Sequence[ProfileLine], shown: Sequence[str] = ()) -> list[ProfileLine]:
    """Marks the lines to draw in colour: those asked for by slug, at most twelve; else the top five and the baseline.

    `lines` are best first. Names nobody knows are ignored.
    """
    wanted = [line.slug for line in lines if line.slug in set(shown)][:MOST_IN_COLOUR]
    if not wanted:
        baselines = [line.slug for line in lines if line.is_baseline][:1]
        others = [line.slug for line in lines if line.slug not in baselines]
        wanted = baselines + others[: IN_COLOUR - len(baselines)]
    return [dataclasses.replace(line, in_colour=line.slug in wanted) for line in lines]


def performance_profile(
    lines: Sequence[ProfileLine],
    *,
    num_workloads: int,
    tau_max: float,
    revision: str,
    title: str = "Performance profiles",
    axis: str = "log",
    uid: str = "profile",
    band: Band | None = None,
) -> Chart:
    """The profiles of a board, best submission first.

    Args:
        num_workloads: how many base workloads a full profile has.
        revision: identity of the snapshot, kept by Plotly across redraws.
        axis: "log" or "linear". With one or two lines in colour on the linear axis the area below the first is shaded.
        band: stands for all lines of a board so large that only those in colour are given.
    """
    is_log = axis != "linear"
    quiet = [line for line in lines if not line.in_colour]
    if band is None and len(quiet) > MOST_LINES:
        band = _band_of(quiet, tau_max)
    summary = _summary(lines, num_workloads, tau_max)
    draw = _Drawing(lines=lines, num_workloads=num_workloads, tau_max=tau_max, is_log=is_log, uid=uid, band=band)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in (_WIDE, _NARROW))
    return Chart(
        uid=uid,
        title=title,
        help=HELP,
        summary=summary,
        figure=_figure(lines, num_workloads, tau_max, is_log, revision, band),
        wide=wide,
        narrow=narrow,
        table=_table(lines, num_workloads, tau_max),
        legend=tuple(
            LegendEntry(
                trace=line.slug,
                name=one_line(line.name),
                style=line.style,
                note=f"{line.score:.4f}",
                url=line.url,
                is_on=line.in_colour,
            )
            for line in lines
        ),
        notes=("Highlighted lines are offset by up to 4 px so that equal levels stay visible.", RELATIVE),
    )


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    lines: Sequence[ProfileLine]
    num_workloads: int
    tau_max: float
    is_log: bool
    uid: str
    band: Band | None

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        parts = [*self._axes(sheet), *self._area(sheet), *self._background(sheet), *self._coloured(sheet)]
        if not sheet.is_narrow:
            parts += self._labels(sheet)
        return svg.document(*parts, uid=self.uid, size=sheet.size, css=sheet.css, title=title, summary=summary)

    def _axes(self, sheet: _Sheet) -> list[SafeString]:
        left, right, top, bottom = sheet.box
        x, y = sheet.x(self.tau_max, self.is_log), sheet.y
        parts = []
        for tick in share_ticks(self.num_workloads):
            parts.append(svg.line(left, y(tick.value), right, y(tick.value), "grid"))
            parts.append(svg.label(tick.text, left - 9, y(tick.value) + 4, anchor="end"))
        for tick in profile_ticks(self.tau_max, is_log=self.is_log, narrow=sheet.is_narrow):
            parts.append(svg.line(x(tick.value), top, x(tick.value), bottom, "grid"))
            parts.append(svg.label(tick.text, x(tick.value), bottom + 19, anchor="middle"))
        parts.append(svg.line(left, bottom, right, bottom, "ax"))
        middle = (left + right) / 2
        title = _x_title(self.is_log, sheet.is_narrow)
        if _is_shaded(self.lines, self.is_log):
            title = _area_title(self._loud()[0])
        parts.append(svg.label(title, middle, bottom + 44, css="ttl", anchor="middle"))
        if not sheet.is_narrow:
            parts.append(svg.upright_title("Workloads within τ of the fastest", 13, (top + bottom) / 2))
        return parts

    def _area(self, sheet: _Sheet) -> list[SafeString]:
        """The shaded area below the first of one or two lines; only the linear axis shows areas as they count."""
        if not _is_shaded(self.lines, self.is_log):
            return []
        left, _, _, bottom = sheet.box
        x, y = sheet.x(self.tau_max, self.is_log), sheet.y
        first = self._loud()[0]
        corners = svg.step_path([(x(tau), y(level)) for tau, level in first.steps])
        shade = f"{corners}V{bottom:.1f}H{left:.1f}Z"
        return [svg.element("path", class_=first.style.fill, d=shade, opacity="0.14")]

    def _background(self, sheet: _Sheet) -> list[SafeString]:
        if self.band is not None:
            return [self._shade(sheet, self.band)]
        return [self._step_line(sheet, line, 0.0) for line in reversed(self.lines) if not line.in_colour]

    def _coloured(self, sheet: _Sheet) -> list[SafeString]:
        loud = self._loud()
        return [self._step_line(sheet, line, self._offset(line)) for line in reversed(loud)]

    def _loud(self) -> list[ProfileLine]:
        return [line for line in self.lines if line.in_colour]

    def _offset(self, line: ProfileLine) -> float:
        """Pixels down: lines at one level lie side by side, the best one on top."""
        loud = self._loud()
        if not line.in_colour or len(loud) < 2 or _is_shaded(self.lines, self.is_log):
            return 0.0
        return WIDEST_OFFSET * (2 * loud.index(line) / (len(loud) - 1) - 1)

    def _step_line(self, sheet: _Sheet, line: ProfileLine, offset: float) -> SafeString:
        x, y = sheet.x(self.tau_max, self.is_log), sheet.y
        corners = [(x(tau), y(level) + offset) for tau, level in line.steps]
        loud, quiet = f"s {line.style.stroke}", "s sx thin"
        return svg.element(
            "path",
            svg.element("title", f"{line.name}, score {line.score:.4f}"),
            class_=loud if line.in_colour else quiet,
            d=svg.step_path(corners),
            stroke_dasharray=line.style.dash_array,
            data_trace=line.slug,
            data_on=loud,
            data_off=quiet,
        )

    def _shade(self, sheet: _Sheet, band: Band) -> SafeString:
        x, y = sheet.x(self.tau_max, self.is_log), sheet.y
        upper = [(x(tau), y(level)) for tau, level in zip(band.taus, band.high, strict=True)]
        lower = [(x(tau), y(level)) for tau, level in zip(band.taus, band.low, strict=True)]
        edge = upper + lower[::-1]
        return svg.element(
            "path",
            svg.element("title", band.name),
            class_="fx",
            d=f"{svg.path(edge)}Z",
            opacity="0.35",
        )

    def _labels(self, sheet: _Sheet) -> list[SafeString]:
        """Names at the ends of the lines, as many as fit, those in colour first."""
        _, right, top, bottom = sheet.box
        gap = 17.0
        quiet = [line for line in self.lines if not line.in_colour]
        room = int((bottom - top) / gap) + 1
        chosen = self._loud() + (quiet if self.band is None else [])
        ends = [(sheet.y(line.steps[-1][1]) + self._offset(line), line) for line in chosen[:room]]
        ends.sort(key=lambda end: (end[0], -end[1].score))
        places = spread([end for end, _ in ends], gap=gap, low=top, high=bottom)
        return [
            part
            for (end, line), place in zip(ends, places, strict=True)
            for part in self._label(line, right, end, place)
        ]

    def _label(self, line: ProfileLine, right: float, end: float, place: float) -> list[SafeString]:
        colour = line.style.stroke if line.in_colour else "sx"
        leader = f"M{right:.1f} {end:.1f}L{right + 16:.1f} {place:.1f}h10"
        return [
            svg.element("path", class_=f"s thin {colour}", d=leader),
            svg.label(
                short(line.name, 22), right + 30, place + 4, css="lab", opacity=None if line.in_colour else "0.75"
            ),
        ]


def _figure(
    lines: Sequence[ProfileLine], num_workloads: int, tau_max: float, is_log: bool, revision: str, band: Band | None
) -> dict[str, Any]:
    quiet = [_trace(line) for line in reversed(lines) if not line.in_colour]
    traces = quiet if band is None else _band_traces(band)
    # The best line lies on top, so it comes last.
    traces += [_trace(line) for line in reversed(lines) if line.in_colour]
    title = _x_title(is_log, False)
    if _is_shaded(lines, is_log):
        first = next(line for line in lines if line.in_colour)
        traces[-1] |= {"fill": "tozeroy", "fillcolor": f"{first.style.colour}@0.14"}
        title = figure_text(_area_title(first))
    ticks: tuple[Tick, ...] = profile_ticks(tau_max, is_log=is_log)
    span = [0.0, math.log10(tau_max)] if is_log else [1.0, tau_max]
    x_axis = figure_axis(title, ticks, span, type="log" if is_log else "linear")
    y_axis = figure_axis("Workloads within τ of the fastest", share_ticks(num_workloads), [-0.02, 1.02])
    return {
        "data": traces,
        "layout": layout(height=400, revision=revision, margin=(56, 16, 10, 52), xaxis=x_axis, yaxis=y_axis),
        "config": CONFIG,
    }


def _is_shaded(lines: Sequence[ProfileLine], is_log: bool) -> bool:
    return not is_log and 1 <= sum(line.in_colour for line in lines) <= 2


def _area_title(line: ProfileLine) -> str:
    """The score as it is stored: what is shaded is near it, but it is not measured from the picture."""
    return f"τ (linear axis); score {line.score:.4f} of {short(line.name)}"


def _trace(line: ProfileLine) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": figure_text(line.name),
        "x": [round(tau, 5) for tau, _ in line.steps],
        "y": [level for _, level in line.steps],
        "line": {
            "shape": "hv",
            "dash": line.style.dash,
            "color": line.style.colour if line.in_colour else "ctx",
            "width": 2.4 if line.in_colour else 1.5,
        },
        "opacity": 1 if line.in_colour else 0.55,
        # What the legend's checkbox gives the line back, and where a click leads.
        "meta": {"trace": line.slug, "url": line.url, "on": line.style.colour, "off": "quiet"},
        "hovertemplate": "%{fullData.name}<br>τ ≤ %{x:.3f}: %{y:.1%} of workloads<extra></extra>",
    }


def _band_of(quiet: Sequence[ProfileLine], tau_max: float) -> Band:
    """The band of some lines, at 60 taus."""
    taus = [1.0 + (tau_max - 1.0) * index / 59 for index in range(60)]
    levels = [sorted(line.fraction_at(tau) for line in quiet) for tau in taus]
    last = len(quiet) - 1
    return Band(
        count=len(quiet),
        taus=taus,
        low=[row[round(0.1 * last)] for row in levels],
        high=[row[round(0.9 * last)] for row in levels],
    )


def _band_traces(band: Band) -> list[dict[str, Any]]:
    common = {"type": "scatter", "mode": "lines", "line": {"width": 0, "color": "ctx"}, "hoverinfo": "skip"}
    lower = {**common, "x": list(band.taus), "y": list(band.low)}
    upper = {**common, "x": list(band.taus), "y": list(band.high)}
    return [lower, {**upper, "name": band.name, "fill": "tonexty", "fillcolor": "ctx@0.35"}]


def _summary(lines: Sequence[ProfileLine], num_workloads: int, tau_max: float) -> str:
    if not lines:
        return "No submission is ranked yet."
    best = lines[0]
    solved = round(best.steps[-1][1] * num_workloads)
    return (
        f"Step lines: share of the {num_workloads} workloads each submission trains within a factor τ of the fastest. "
        f"{best.name} has the highest score, {best.score:.4f}, and reaches {solved} of {num_workloads} at "
        f"τ = {tau_max:g}. The same values are in the table below the chart."
    )


def _table(lines: Sequence[ProfileLine], num_workloads: int, tau_max: float) -> Table:
    taus = [tau for tau in TABLE_TAUS if tau < tau_max] + [tau_max]
    return Table(
        columns=("Submission", "Score", *(f"τ ≤ {tau:g}" for tau in taus)),
        rows=tuple(
            (
                one_line(line.name),
                f"{line.score:.4f}",
                *(f"{round(line.fraction_at(tau) * num_workloads)}/{num_workloads}" for tau in taus),
            )
            for line in lines
        ),
    )


def _x_title(is_log: bool, is_narrow: bool) -> str:
    kind = "log₂" if is_log else "linear"
    return (
        f"τ, multiple of the fastest ({kind})"
        if is_narrow
        else (f"τ: time to target, as a multiple of the fastest submission ({kind})")
    )
