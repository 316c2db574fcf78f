"""The marker of a style as a shape of the static images, as large as Plotly draws it."""

from __future__ import annotations

import math

from django.utils.safestring import SafeString

from leaderboard.charts import svg

# Corners around the middle, in units of the radius.
_CROSS = ((-.35, -1), (.35, -1), (.35, -.35), (1, -.35), (1, .35), (.35, .35), (.35, 1), (-.35, 1), (-.35, .35),
          (-1, .35), (-1, -.35), (-.35, -.35))  # fmt: skip
_TURN = math.sqrt(0.5)
SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-.85, -.85), (.85, -.85), (.85, .85), (-.85, .85)),
    "diamond": ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
    "triangle-up": ((0, -1.1), (1.05, .8), (-1.05, .8)),
    "cross": _CROSS,
    "x": tuple(((a - b) * _TURN, (a + b) * _TURN) for a, b in _CROSS),
    "star": tuple(
        ((1.2 if corner % 2 == 0 else .5) * math.sin(corner * math.pi / 5),
         -(1.2 if corner % 2 == 0 else .5) * math.cos(corner * math.pi / 5))
        for corner in range(10)
    ),
}  # fmt: skip


def marker(symbol: str, x: float, y: float, radius: float, css: str, **attributes: svg.Attribute) -> SafeString:
    """One marker; a symbol nobody knows is a circle."""
    corners = SHAPES.get(symbol)
    if corners is None:
        return svg.element("circle", class_=css, cx=x, cy=y, r=radius, **attributes)
    outline = svg.path((x + radius * dx, y + radius * dy) for dx, dy in corners)
    return svg.element("path", class_=css, d=f"{outline}Z", **attributes)
