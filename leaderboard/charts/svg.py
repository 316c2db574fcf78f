"""A very small SVG writer. Everything that is put in is escaped; nothing sets a style attribute."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from leaderboard.charts.text import one_line

Attribute = str | float | int | None


def element(name: str, *children: SafeString | str, **attributes: Attribute) -> SafeString:
    """One element. Text children are escaped, elements are not escaped again.

    Attribute names are Python's: `class_` is class, `stroke_dasharray` is stroke-dasharray, viewBox stays as it is.
    None leaves an attribute out; floats are written with one decimal.
    """
    if "style" in attributes:
        raise ValueError("the content security policy forbids style attributes")
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, SafeString) else escape(one_line(child)) for child in children)
    return mark_safe(f"<{name}{shown}>{inside}</{name}>" if inside else f"<{name}{shown}/>")  # noqa: S308 - escaped above


def document(*children: SafeString, uid: str, size: tuple[int, int], css: str, title: str, summary: str) -> SafeString:
    """A chart as one image with a name and a description."""
    width, height = size
    named = f"{uid}-t{width}", f"{uid}-d{width}"
    return element(
        "svg",
        element("title", title, id=named[0]),
        element("desc", summary, id=named[1]),
        *children,
        class_=f"chart {css}",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=" ".join(named),
    )


def line(x1: float, y1: float, x2: float, y2: float, css: str, **attributes: Attribute) -> SafeString:
    return element("line", class_=css, x1=x1, x2=x2, y1=y1, y2=y2, **attributes)


def label(
    content: str, x: float, y: float, *, css: str | None = None, anchor: str | None = None, **attributes: Attribute
) -> SafeString:
    return element("text", content, class_=css, x=x, y=y, text_anchor=anchor, **attributes)


def upright_title(content: str, x: float, y: float) -> SafeString:
    """A title along the vertical axis."""
    return element(
        "text", content, class_="ttl", transform=f"translate({x:g} {y:.1f}) rotate(-90)", text_anchor="middle"
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """Straight lines through the points."""
    return "".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))


def step_path(points: Iterable[tuple[float, float]]) -> str:
    """Right, then up, from corner to corner."""
    return "".join(f"H{x:.1f}V{y:.1f}" if index else f"M{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))


def _value(value: str | float | int) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
