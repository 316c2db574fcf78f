"""Names and numbers as charts write them. Names come from strangers."""

from __future__ import annotations

from leaderboard import clean

LONGEST_LABEL = 26
LONGEST_TEXT = 600


def one_line(text: str) -> str:
    """Without line breaks and characters that print nothing."""
    return clean.one_line(text, LONGEST_TEXT)


def figure_text(text: str) -> str:
    """For a figure: Plotly reads a few tags and entities in texts, so their characters are spelled out."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: str, longest: int = LONGEST_LABEL) -> str:
    """For a label beside a line: never wider than its place."""
    name = one_line(text)
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"
