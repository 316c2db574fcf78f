"""A chart as files: a picture that needs no style sheet, and its numbers for a spreadsheet."""

from __future__ import annotations

import csv
import io

from leaderboard.charts.figure import Chart

# What the pictures need of design.css, in the colours of its light theme; a test compares both.
TOKENS = {
    "--raised": "#ffffff", "--border": "#dde2e9", "--text": "#16202c", "--muted": "#55606f", "--accent": "#0a55ad",
    "--surface-2": "#eef1f5", "--ctx": "#aab3bf", "--grid": "#e4e8ee", "--axis": "#7d8896", "--target": "#a8231b",
    "--c0": "#1f2933", "--c1": "#0b3e99", "--c2": "#b24f0b", "--c3": "#338275", "--c4": "#6b3f57", "--c5": "#cf8213",
    "--c6": "#1e9bdd",
}  # fmt: skip
_SERIES = "".join(
    f".s{name}{{stroke:var(--{token})}}.f{name}{{fill:var(--{token})}}"
    for name, token in [*((str(slot), f"c{slot}") for slot in range(7)), ("x", "ctx")]
)
STYLES = (
    "text{fill:var(--muted);font:12px sans-serif}.ttl{fill:var(--text);font-weight:600}"
    ".lab{fill:var(--text)}.grid{stroke:var(--grid)}.ax{stroke:var(--axis)}"
    ".s,.ln-s{fill:none;stroke-width:2.4;stroke-linejoin:round}.s.thin{stroke-width:1.5;opacity:.55}"
    ".tg{stroke:var(--target);stroke-width:1.5;stroke-dasharray:6 4}text.tgt{fill:var(--target);font-weight:600}"
    ".bud{fill:var(--surface-2)}.bar-f{fill:var(--accent)}.bar-b{fill:var(--ctx)}.off{opacity:.45}"
    ".hatch{stroke:var(--raised);stroke-width:2.5;fill:none}.hit{stroke:var(--raised);stroke-width:2}"
    ".ring{fill:var(--raised);stroke-width:2.4}.link{stroke:var(--axis);stroke-width:2}"
    ".front{fill:none;stroke:var(--axis);stroke-width:1.5;stroke-dasharray:2 3}"
) + _SERIES


def standalone_svg(chart: Chart) -> str:
    """The wide picture with its own styles and a white ground."""
    tokens = ";".join(f"{name}:{value}" for name, value in TOKENS.items())
    head, _, rest = chart.wide.partition(">")
    styles = f"<style>:root{{{tokens}}}{STYLES}</style>"
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head} xmlns="http://www.w3.org/2000/svg">{styles}{ground}{rest}\n'


def table_csv(chart: Chart) -> str:
    """The table below the chart, as it is printed there."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(chart.table.columns)
    writer.writerows([[_harmless(cell) for cell in row] for row in chart.table.rows])
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    """A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
