"""What differs between the files of two submissions, line by line. Their code is a stranger's: any two files are
compared in nearly linear time.

Lines that occur once on both sides hold the two files together (patience diff); between them the same is done again,
and what nothing holds is shown as replaced.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CONTEXT = 3  # equal lines shown around a change
DEEPEST = 16  # levels of "again between two anchors"
MOST_LINES = 4000  # of a file that is compared
COLLAPSED_FROM = 200  # shown lines
LONGEST_LINE = 400

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One shown line: `kind` is "same", "old" or "new" (or "gap" for equal lines that are left out)."""

    kind: str
    old: int | None
    new: int | None
    text: str

    @property
    def sign(self) -> str:
        return {"old": "−", "new": "+"}.get(self.kind, "")


@dataclass(frozen=True, kw_only=True)
class FileDiff:
    """One path. `state` is "same", "changed", "only the first", "only the second" or "not compared"."""

    path: str
    state: str
    lines: tuple[Line, ...] = ()

    @property
    def is_long(self) -> bool:
        return len(self.lines) > COLLAPSED_FROM

    @property
    def added(self) -> int:
        return sum(line.kind == "new" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "old" for line in self.lines)


def diff_files(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> list[FileDiff]:
    """Every path of both, those that differ in front."""
    found = [_diff_file(path, first.get(path), second.get(path)) for path in sorted({*first, *second})]
    return sorted(found, key=lambda one: (one.state == "same", one.path))


def _diff_file(path: str, first: bytes | None, second: bytes | None) -> FileDiff:
    if first == second:
        return FileDiff(path=path, state="same")
    if first is None or second is None:
        return FileDiff(path=path, state="only the second" if first is None else "only the first")
    old, new = _lines(first), _lines(second)
    if old is None or new is None:
        return FileDiff(path=path, state="not compared")
    return FileDiff(path=path, state="changed", lines=tuple(_shown(old, new, equal_pairs(old, new))))


def _lines(content: bytes) -> list[str] | None:
    """The lines of a text; None for what is not text or too long."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        return None
    return lines if len(lines) <= MOST_LINES else None


def equal_pairs(old: Sequence[str], new: Sequence[str]) -> list[Pair]:
    """Positions of lines that are the same, ascending on both sides."""
    pairs: list[Pair] = []
    waiting = [(0, len(old), 0, len(new), 0)]
    while waiting:
        low, high, start, end, depth = waiting.pop()
        while low < high and start < end and old[low] == new[start]:
            pairs.append((low, start))
            low, start = low + 1, start + 1
        while low < high and start < end and old[high - 1] == new[end - 1]:
            high, end = high - 1, end - 1
            pairs.append((high, end))
        if depth < DEEPEST:
            waiting += _between(_anchors(old, new, low, high, start, end), low, high, start, end, depth + 1)
    return sorted(pairs)


def _between(
    anchors: Sequence[Pair], low: int, high: int, start: int, end: int, depth: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """The stretches from one anchor to the next; each begins with its anchor, so it is found as equal."""
    if not anchors:
        return
    edges = [(low, start), *anchors, (high, end)]
    for (left, top), (right, bottom) in itertools.pairwise(edges):
        if left < right and top < bottom:
            yield left, right, top, bottom, depth


def _anchors(old: Sequence[str], new: Sequence[str], low: int, high: int, start: int, end: int) -> list[Pair]:
    """The longest row of lines that occur once on both sides, ascending on both."""
    on_old, on_new = Counter(old[low:high]), Counter(new[start:end])
    place = {line: start + index for index, line in enumerate(new[start:end]) if on_new[line] == 1}
    shared = [
        (index, place[old[index]]) for index in range(low, high) if on_old[old[index]] == 1 and old[index] in place
    ]
    ends: list[int] = []  # smallest position on the other side that ends a row of each length
    tails: list[int] = []
    before: list[int] = []
    for index, (_, other) in enumerate(shared):
        length = bisect.bisect_left(ends, other)
        before.append(tails[length - 1] if length else -1)
        ends[length : length + 1], tails[length : length + 1] = [other], [index]
    row = []
    last = tails[-1] if tails else -1
    while last >= 0:
        row.append(shared[last])
        last = before[last]
    return row[::-1]


def _shown(old: Sequence[str], new: Sequence[str], pairs: Sequence[Pair]) -> Iterator[Line]:
    """Changes with a few equal lines around them."""
    listed = list(_all(old, new, pairs))
    changed = [index for index, line in enumerate(listed) if line.kind != "same"]
    near = {index + step for index in changed for step in range(-CONTEXT, CONTEXT + 1)}
    is_open = True
    for index, line in enumerate(listed):
        if index in near:
            is_open = True
            yield line
        elif is_open:
            is_open = False
            yield Line(kind="gap", old=None, new=None, text="")


def _all(old: Sequence[str], new: Sequence[str], pairs: Sequence[Pair]) -> Iterator[Line]:
    low = start = 0
    for high, end in [*pairs, (len(old), len(new))]:
        for index in range(low, high):
            yield Line(kind="old", old=index + 1, new=None, text=old[index][:LONGEST_LINE])
        for index in range(start, end):
            yield Line(kind="new", old=None, new=index + 1, text=new[index][:LONGEST_LINE])
        if high < len(old) and end < len(new):
            yield Line(kind="same", old=high + 1, new=end + 1, text=old[high][:LONGEST_LINE])
        low, start = high + 1, end + 1
