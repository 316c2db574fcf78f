"""Which colour, dash and marker a line has: the same for a submission on every chart, table and legend."""

from __future__ import annotations

from dataclasses import dataclass

DASHES = ("solid", "dash", "dot", "dashdot")
DASH_ARRAYS = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "8 3 2 3"}
MARKERS = ("square", "diamond", "triangle-up", "cross", "x", "star")
COLOURS = 6


@dataclass(frozen=True, kw_only=True)
class Style:
    """A colour token of design.css (`c0` to `c6`, or `ctx` for lines in the background), a dash and a marker."""

    colour: str
    dash: str = "solid"
    marker: str = "circle"

    @property
    def stroke(self) -> str:
        """The CSS class that strokes in this colour."""
        return f"s{self._suffix}"

    @property
    def fill(self) -> str:
        """The CSS class that fills in this colour."""
        return f"f{self._suffix}"

    @property
    def dash_array(self) -> str | None:
        """The value of `stroke-dasharray`, None for a solid line."""
        return DASH_ARRAYS[self.dash] or None

    @property
    def _suffix(self) -> str:
        return "x" if self.colour == "ctx" else self.colour.removeprefix("c")


BASELINE = Style(colour="c0", dash="dash", marker="circle")
UNSTYLED = Style(colour="ctx")


def submission_style(slot: int | None, *, is_baseline: bool = False) -> Style:
    """The style of a slot: colour by slot mod 6, dash by slot div 6, marker by slot; 24 styles, then again.

    A submission without a slot (never published) is grey.
    """
    if is_baseline:
        return BASELINE
    if slot is None:
        return UNSTYLED
    return Style(
        colour=f"c{1 + slot % COLOURS}",
        dash=DASHES[slot // COLOURS % len(DASHES)],
        marker=MARKERS[slot % len(MARKERS)],
    )


def trial_style(number: int) -> Style:
    """The style of a trial, or of a study, inside one submission; `number` starts at 1."""
    index = (number - 1) % 5
    return Style(colour=f"c{1 + index}", dash=DASHES[index % len(DASHES)], marker=MARKERS[index])
