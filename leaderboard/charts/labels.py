"""Labels at the ends of lines: as near as possible to their line, never on each other."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, in the same order, inside [low, high] when there is room, close to the wanted ones.

    Args:
        wanted: ascending pixels.
    """
    groups: list[list[float]] = []  # [sum of (wanted - offset inside the group), members]
    for pixel in wanted:
        groups.append([pixel, 1.0])
        while len(groups) > 1 and _top(groups[-1], gap) < _top(groups[-2], gap) + groups[-2][1] * gap:
            total, members = groups.pop()
            groups[-1][0] += total - members * groups[-1][1] * gap
            groups[-1][1] += members
    places = [_top(group, gap) + index * gap for group in groups for index in range(int(group[1]))]
    return _inside(places, gap, low, high)


def _top(group: Sequence[float], gap: float) -> float:
    """Where a group of stacked labels begins, so that its members are on average where they want to be."""
    return group[0] / group[1]


def _inside(places: list[float], gap: float, low: float, high: float) -> list[float]:
    for index in range(len(places)):
        places[index] = max(places[index], low + index * gap)
    for index in range(len(places)):
        back = len(places) - 1 - index
        places[back] = min(places[back], high - index * gap)
    return places
