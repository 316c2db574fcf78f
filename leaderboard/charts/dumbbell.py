"""Robustness: how a held-out variant moves each submission, from a circle for the base workload to a dot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts import svg
from leaderboard.charts.figure import CONFIG, NAMES, Chart, Table, figure_axis, layout
from leaderboard.charts.scales import Scale, Tick
from leaderboard.charts.styles import Style
from leaderboard.charts.text import figure_text, one_line, short
from leaderboard.templatetags.shown import multiple

LOWEST, HIGHEST = 1.0, 8.0  # multiples beyond them are drawn at the edge
TICKS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
NARROW_TICKS = (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One row: multiples of the fastest on the base workload and on its held-out variant.

    None where there is no time; `base_word` and `held_out_word` then say which it is, `inf` or `NaN`.
    """

    name: str
    url: str
    style: Style
    base: float | None
    held_out: float | None
    base_word: str = "inf"
    held_out_word: str = "inf"

    @property
    def missing(self) -> str:
        """What has no place on the axis, as words."""
        words = [f"base {self.base_word}"] if self.base is None else []
        return ", ".join([*words, *([f"held-out {self.held_out_word}"] if self.held_out is None else [])])


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    width: int
    left: float
    right: float
    row: float
    css: str
    is_narrow: bool


_WIDE = _Sheet(width=720, left=178, right=580, row=28, css="hide-s", is_narrow=False)
_NARROW = _Sheet(width=360, left=18, right=338, row=44, css="only-s", is_narrow=True)


def held_out_dumbbells(
    pairs: Sequence[Pair], *, title: str, limit: float, revision: str, uid: str, rows_are: str = "submissions"
) -> Chart:
    """A row for each pair, in the order they come.

    Args:
        limit: the multiple above which a time does not count.
        rows_are: "submissions" of one variant, or "variants" of one submission.
    """
    draw = _Drawing(pairs=pairs, limit=limit, uid=uid)
    summary = _summary(pairs, limit, rows_are)
    wide, narrow = (draw.image(sheet, title, summary) for sheet in (_WIDE, _NARROW))
    return Chart(
        uid=uid,
        title=title,
        help=(
            "An open circle is the base workload, a filled one its held-out variant, as multiples of the fastest. "
            f"Beyond {limit:g}× a time does not count."
        ),
        summary=summary,
        figure=draw.figure(revision),
        wide=wide,
        narrow=narrow,
        table=Table(
            columns=("Submission" if rows_are == "submissions" else "Variant", "Base", "Held-out"),
            rows=tuple((one_line(pair.name), _words(pair.base, pair.base_word),
                        _words(pair.held_out, pair.held_out_word)) for pair in pairs),
        ),
        notes=_notes(pairs),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    pairs: Sequence[Pair]
    limit: float
    uid: str

    def image(self, sheet: _Sheet, title: str, summary: str) -> SafeString:
        top, bottom = 24.0, 24.0 + sheet.row * max(len(self.pairs), 1)
        x = Scale(low=LOWEST, high=HIGHEST, start=sheet.left, end=sheet.right, is_log=True)
        parts = [*self._axis(sheet, x, top, bottom)]
        for index, pair in enumerate(self.pairs):
            parts += self._row(sheet, pair, x, top + index * sheet.row)
        size = (sheet.width, round(bottom + 52))
        return svg.document(*parts, uid=self.uid, size=size, css=sheet.css, title=title, summary=summary)

    def _axis(self, sheet: _Sheet, x: Scale, top: float, bottom: float) -> list[SafeString]:
        parts = []
        for tick in NARROW_TICKS if sheet.is_narrow else TICKS:
            parts.append(svg.line(x(tick), top, x(tick), bottom, "grid"))
            parts.append(svg.label(f"{tick:g}×", x(tick), bottom + 18, anchor="middle"))
        parts.append(svg.line(x(self.limit), top - 4, x(self.limit), bottom, "tg"))
        parts.append(svg.label(f"cut-off {self.limit:g}×", x(self.limit), top - 9, css="tgt", anchor="middle"))
        middle = (sheet.left + sheet.right) / 2
        parts.append(svg.label("multiple of the fastest (log₂)", middle, bottom + 42, css="ttl", anchor="middle"))
        return parts

    def _row(self, sheet: _Sheet, pair: Pair, x: Scale, top: float) -> list[SafeString]:
        y = top + sheet.row - 14 if sheet.is_narrow else top + sheet.row / 2
        label = (
            svg.label(_narrow_label(pair), sheet.left, top + 16, css="lab")
            if sheet.is_narrow
            else svg.label(short(pair.name, 24), sheet.left - 14, y + 4, css="lab", anchor="end")
        )
        parts = [label]
        ends = [x(value) for value in (pair.base, pair.held_out) if value is not None]
        if len(ends) == 2 and ends[0] != ends[1]:
            parts.append(svg.line(ends[0], y, ends[1], y, "link"))
        name = svg.element("title", _spoken(pair))
        if pair.held_out is not None:
            parts.append(svg.element("circle", name, class_=pair.style.fill, cx=x(pair.held_out), cy=y, r=5.5))
        if pair.base is not None:
            parts.append(svg.element("circle", name, class_=f"ring {pair.style.stroke}", cx=x(pair.base), cy=y, r=5.5))
        if pair.missing and not sheet.is_narrow:
            parts.append(svg.label(pair.missing, sheet.right + 12, y + 4))
        return parts

    def figure(self, revision: str) -> dict[str, Any]:
        rows = list(reversed(self.pairs))  # Plotly draws from below
        rule = {"color": "target", "dash": "dash", "width": 1.5}
        axis = figure_axis(
            "multiple of the fastest (log₂)",
            [Tick(value=value, text=f"{value:g}×") for value in TICKS],
            [-0.03, math.log10(HIGHEST) + 0.02],
            type="log",
        )
        names = [Tick(value=row, text=figure_text(short(pair.name, 24))) for row, pair in enumerate(rows)]
        notes = [
            {"xref": "paper", "x": 1.01, "xanchor": "left", "y": row, "text": pair.missing, "showarrow": False,
             "font": {"color": "muted", "size": 12}}
            for row, pair in enumerate(rows) if pair.missing
        ]  # fmt: skip
        notes.append(
            {"yref": "paper", "y": 1, "yanchor": "bottom", "x": math.log10(self.limit), "showarrow": False,
             "text": f"cut-off {self.limit:g}×", "font": {"color": "target", "size": 12}}
        )  # fmt: skip
        return {
            "data": [self._links(rows), self._dots(rows, "base"), self._dots(rows, "held_out")],
            "layout": layout(
                height=100 + 28 * max(len(rows), 1),
                revision=revision,
                margin=(168, 166, 26, 46),
                shapes=[{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": self.limit, "x1": self.limit,
                         "line": rule}],
                annotations=notes,
                xaxis=axis,
                yaxis={**figure_axis("", names, [-0.6, max(len(rows), 1) - 0.4]), **NAMES},
            ),
            "config": CONFIG,
        }  # fmt: skip

    def _links(self, rows: Sequence[Pair]) -> dict[str, Any]:
        x: list[float | None] = []
        y: list[int | None] = []
        for row, pair in enumerate(rows):
            if pair.base is not None and pair.held_out is not None:
                x += [_on_axis(pair.base), _on_axis(pair.held_out), None]
                y += [row, row, None]
        line = {"color": "axis", "width": 2}
        return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"}

    def _dots(self, rows: Sequence[Pair], which: str) -> dict[str, Any]:
        placed = [(row, pair, value) for row, pair in enumerate(rows) if (value := getattr(pair, which)) is not None]
        word = "base" if which == "base" else "held-out"
        return {
            "type": "scatter",
            "mode": "markers",
            "x": [_on_axis(value) for _, _, value in placed],
            "y": [row for row, _, _ in placed],
            "text": [f"{figure_text(pair.name)}<br>{word} {multiple(value)} fastest" for _, pair, value in placed],
            "marker": {
                "symbol": "circle-open" if which == "base" else "circle",
                "size": 11,
                "color": [pair.style.colour for _, pair, _ in placed],
                "line": {"width": 2.4 if which == "base" else 0},
            },
            "customdata": [pair.url for _, pair, _ in placed],
            "hovertemplate": "%{text}<extra></extra>",
        }


def _on_axis(value: float) -> float:
    return round(min(max(value, LOWEST), HIGHEST), 4)


def _notes(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """What has no place on the axis. A variant is below 1× where its base workload was not reached."""
    values = [value for pair in pairs for value in (pair.base, pair.held_out) if value is not None]
    beyond = [f"above {HIGHEST:g}×"] if any(value > HIGHEST for value in values) else []
    beyond += [f"below {LOWEST:g}×"] if any(value < LOWEST for value in values) else []
    return (f"Multiples {' and '.join(beyond)} are drawn at the edge.",) if beyond else ()


def _narrow_label(pair: Pair) -> str:
    return f"{short(pair.name, 24)} ({pair.missing})" if pair.missing else short(pair.name, 34)


def _words(value: float | None, word: str) -> str:
    return word if value is None else multiple(value)


def _spoken(pair: Pair) -> str:
    base, held_out = _words(pair.base, pair.base_word), _words(pair.held_out, pair.held_out_word)
    return f"{pair.name}: base {base}, held-out {held_out}"


def _summary(pairs: Sequence[Pair], limit: float, rows_are: str) -> str:
    if not pairs:
        return "Nothing was measured."
    within = sum(pair.held_out is not None and pair.held_out <= limit * (1 + 1e-9) for pair in pairs)
    worst = max((pair for pair in pairs if pair.base and pair.held_out), key=_slowdown, default=None)
    more = f" The largest step is that of {worst.name}: {multiple(worst.base)} to {multiple(worst.held_out)}." \
        if worst and _slowdown(worst) > 1 else ""  # fmt: skip
    return f"{within} of {len(pairs)} {rows_are} are within {limit:g} times the fastest on the held-out variant.{more}"


def _slowdown(pair: Pair) -> float:
    return (pair.held_out or 1.0) / (pair.base or 1.0)
