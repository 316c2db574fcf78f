"""What every chart is: a Plotly figure, two static images of the same series, a legend and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString

from leaderboard.charts.scales import Axis, Tick
from leaderboard.charts.styles import Style

CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}

NAMES = {"ticks": "outside", "ticklen": 7, "tickcolor": "rgba(0,0,0,0)"}
"""An axis of names: no marks, and a little room between a name and the line."""


@dataclass(frozen=True, kw_only=True)
class LegendEntry:
    """One line of the legend; its checkbox, named `trace`, shows and hides the line."""

    trace: str
    name: str
    style: Style
    note: str = ""
    url: str = ""
    is_on: bool = True


@dataclass(frozen=True, kw_only=True)
class Table:
    """The same numbers as text; every cell is plain text that the template escapes."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart in all its forms.

    figure: Plotly JSON whose colours are tokens of design.css; `charts.js` resolves them.
    wide, narrow: inline SVG; CSS shows one of them.
    summary: who leads and where lines end, for those who do not see the lines.
    """

    uid: str
    title: str
    help: str
    summary: str
    figure: dict[str, Any]
    wide: SafeString
    narrow: SafeString
    table: Table
    legend: tuple[LegendEntry, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def svg(self) -> SafeString:
        """Both static images; the page shows the one that fits."""
        return self.wide + self.narrow


def layout(*, height: int, revision: str, margin: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    """The layout all figures share. `margin` is left, right, top, bottom; `more` adds axes, shapes, annotations."""
    left, right, top, bottom = margin
    return {
        "height": height,
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "dragmode": False,
        "hovermode": "closest",
        "showlegend": False,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "muted", "size": 12},
        "hoverlabel": {
            "align": "left",
            "bgcolor": "raised",
            "bordercolor": "border-strong",
            "font": {"color": "text", "size": 13},
        },
        **more,
    }


def figure_axis(title: str, ticks: Sequence[Tick] | None, span: Sequence[float], **more: Any) -> dict[str, Any]:
    """One axis of a figure: fixed range, no zero line, our ticks, colours as tokens."""
    axis: dict[str, Any] = {
        "fixedrange": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "axis",
        "gridcolor": "grid",
        "linecolor": "axis",
        "range": list(span),
        "title": {"text": title, "font": {"color": "text", "size": 12}},
    }
    if ticks is not None:
        axis |= {
            "tickmode": "array",
            "tickvals": [tick.value for tick in ticks],
            "ticktext": [tick.text for tick in ticks],
        }
    return {**axis, **more}


def axis_span(axis: Axis) -> list[float]:
    """A range as Plotly wants it: of a logarithmic axis, the exponents of ten."""
    return [math.log10(axis.low), math.log10(axis.high)] if axis.is_log else [axis.low, axis.high]
