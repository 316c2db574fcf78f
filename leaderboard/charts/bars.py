"""Times on one workload: a bar for every submission that has one, the others as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, NAMES, Chart, Table, figure_axis, layout
from leaderboard.charts.scales import Scale, Tick
from leaderboard.charts.text import figure_text, one_line, short
from leaderboard.templatetags.shown import fraction, hms

SYMBOLS = {"star": "*", "double_dagger": "‡", "inf": "inf", "NaN": "NaN"}
QUARTERS = tuple(Tick(value=part / 4, text=f"{part * 25} %") for part in range(5))
HELP = "Median time to the target as a fraction of the budget. Lower is better; hatched bars do not count."


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One submission on the workload: `time_s` and `fraction` are None where it has no time, and `mark` says why."""

    slug: str
    name: str
    url: str
    time_s: float | None
    fraction: float | None
    mark: str | None = None
    is_baseline: bool = False

    @property
    def text(self) -> str:
        """What stands at the end of the bar: 0.67 · 8:54:05‡."""
        return f"{fraction(self.fraction)} · {hms(self.time_s)}{SYMBOLS.get(self.mark or '', '')}"


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    width: int
    left: float
    right: float  # where the full budget ends; the text of a full bar stands behind it
    row: float
    bar: float
    css: str
    is_narrow: bool


_WIDE = _Sheet(width=720, left=178, right=560, row=28, bar=18, css="hide-s", is_narrow=False)
_NARROW = _Sheet(width=360, left=16, right=236, row=42, bar=16, css="only-s", is_narrow=True)


def workload_bars(bars: Sequence[Bar], *, workload: str, budget_s: float, revision: str, uid: str = "bars") -> Chart:
    """The times of a board on one workload, fastest first; those without a time are listed in `notes`.

    Args:
        workload: its name as pages write it.
        budget_s: seconds that are the fraction 1.
    """
    timed = sorted((bar for bar in bars if bar.fraction is not None), key=lambda bar: (bar.fraction or 0.0, bar.name))
    missed = [bar for bar in bars if bar.fraction is None]
    title = f"Time to target on {one_line(workload)}"
    summary = _summary(timed, missed)
    longest = max([1.0, *(bar.fraction or 0.0 for bar in timed)])
    wide, narrow = (_image(sheet, timed, title, summary, longest, budget_s, uid) for sheet in (_WIDE, _NARROW))
    return Chart(
        uid=uid,
        title=title,
        help=HELP,
        summary=summary,
        figure=_figure(timed, longest, workload, budget_s, revision),
        wide=wide,
        narrow=narrow,
        table=_table([*timed, *missed]),
        notes=tuple(f"{one_line(bar.name)}: {SYMBOLS.get(bar.mark or '', 'no time')}" for bar in missed),
    )


def _image(
    sheet: _Sheet, bars: Sequence[Bar], title: str, summary: str, longest: float, budget_s: float, uid: str
) -> SafeString:
    top, bottom = 10.0, 10.0 + sheet.row * max(len(bars), 1)
    x = Scale(low=0.0, high=longest, start=sheet.left, end=sheet.right)
    hatch = f"{uid}-hatch{sheet.width}"
    parts = [hatching(hatch)]
    for tick in QUARTERS:
        parts.append(svg.line(x(tick.value), top, x(tick.value), bottom, "grid"))
        parts.append(svg.label(tick.text, x(tick.value), bottom + 18, anchor="middle"))
    parts.append(svg.line(sheet.left, top, sheet.left, bottom, "ax"))
    for row, bar in enumerate(bars):
        parts += _row(sheet, bar, x, top + row * sheet.row, hatch)
    parts.append(svg.label(_x_title(budget_s), (sheet.left + sheet.right) / 2, bottom + 42, css="ttl", anchor="middle"))
    size = (sheet.width, round(bottom + 54))
    return svg.document(*parts, uid=uid, size=size, css=sheet.css, title=title, summary=summary)


def _row(sheet: _Sheet, bar: Bar, x: Scale, top: float, hatch: str) -> list[SafeString]:
    """The bar, its name (beside it, on phones above it) and its text."""
    y = top + sheet.row - sheet.bar - 4 if sheet.is_narrow else top + (sheet.row - sheet.bar) / 2
    end = x(bar.fraction or 0.0)
    width = max(end - sheet.left, 1.0)
    css = "bar-b" if bar.is_baseline else "bar-f"
    box = {"x": sheet.left, "y": y, "width": width, "height": sheet.bar}
    name = svg.element("title", f"{bar.name}: {bar.text}")
    parts = [svg.element("rect", name, class_=css if bar.mark is None else f"{css} off", **box)]
    if bar.mark is not None:
        parts.append(svg.element("rect", fill=f"url(#{hatch})", **box))
    baseline = y + sheet.bar / 2 + 4
    label = (
        svg.label(short(bar.name, 34), sheet.left, y - 5, css="lab")
        if sheet.is_narrow
        else svg.label(short(bar.name, 24), sheet.left - 8, baseline, css="lab", anchor="end")
    )
    return [*parts, label, svg.label(bar.text, end + 6, baseline)]


def hatching(name: str) -> SafeString:
    """Stripes for bars that do not count."""
    stripes = svg.element("path", class_="hatch", d="M-2 2l4-4M0 8l8-8M6 10l4-4")
    pattern = svg.element("pattern", stripes, id=name, width=8, height=8, patternUnits="userSpaceOnUse")
    return svg.element("defs", pattern)


def _figure(bars: Sequence[Bar], longest: float, workload: str, budget_s: float, revision: str) -> dict[str, Any]:
    rows = list(reversed(bars))  # Plotly draws from below
    trace = {
        "type": "bar",
        "orientation": "h",
        # Positions, not names: two submissions may have one name.
        "y": list(range(len(rows))),
        "x": [bar.fraction for bar in rows],
        "text": [figure_text(bar.text) for bar in rows],
        "textposition": "outside",
        "textfont": {"color": "text"},
        "cliponaxis": False,
        "marker": {
            "color": ["ctx" if bar.is_baseline else "accent" for bar in rows],
            "pattern": {"shape": ["" if bar.mark is None else "/" for bar in rows], "solidity": 0.35},
        },
        "customdata": [bar.url for bar in rows],
        "hoverinfo": "skip",
    }
    names = [Tick(value=row, text=figure_text(short(bar.name, 24))) for row, bar in enumerate(rows)]
    return {
        "data": [trace],
        "layout": layout(
            height=90 + 30 * max(len(rows), 1),
            revision=revision,
            margin=(160, 20, 10, 46),
            bargap=0.3,
            xaxis=figure_axis(_x_title(budget_s), QUARTERS, [0, longest * 1.3]),
            yaxis={**figure_axis("", names, [-0.6, max(len(rows), 1) - 0.4]), **NAMES},
        ),
        "config": CONFIG,
    }


def _summary(timed: Sequence[Bar], missed: Sequence[Bar]) -> str:
    if not timed:
        return "No submission reached the target."
    best, others = timed[0], f" {len(missed)} did not reach the target." if missed else ""
    return f"{len(timed)} submissions reached the target; {best.name} was the fastest with {hms(best.time_s)}.{others}"


def _table(bars: Sequence[Bar]) -> Table:
    return Table(
        columns=("Submission", "Time", "Fraction of budget", "Mark"),
        rows=tuple(
            (
                one_line(bar.name),
                hms(bar.time_s) if bar.time_s is not None else SYMBOLS.get(bar.mark or "", "–"),
                fraction(bar.fraction) if bar.fraction is not None else SYMBOLS.get(bar.mark or "", "–"),
                SYMBOLS.get(bar.mark or "", "–"),
            )
            for bar in bars
        ),
    )


def _x_title(budget_s: float) -> str:
    return f"fraction of the budget, {hms(budget_s)}"
