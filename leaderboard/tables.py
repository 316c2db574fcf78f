"""Rows of the board's tables, ready to print: from standings and their snapshot's document, without a query.

A cell that does not count keeps its value and says why. Sorting puts counting values first, then marked ones, then
`inf`, then `NaN`, in both directions; the rank is always the one by score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.models import Standing
from leaderboard.wording import metric_label, workload_label

SHADES = ((1.0, "h5"), (1.25, "h4"), (1.5, "h3"), (2.0, "h2"), (4.0, "h1"))
SYMBOLS = {"star": "*", "double_dagger": "‡"}
SPOKEN = {
    "star": "* does not count: more than 4 times the fastest time",
    "double_dagger": "‡ does not count: held-out variant failed",
}
UNITS = ("fraction", "hms", "multiple")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One base workload in the head of a table."""

    name: str
    metric: str
    higher_is_better: bool
    target: float
    budget_s: float
    base: str = ""

    @property
    def label(self) -> str:
        """As a table's head writes it; the name is for addresses and files."""
        return workload_label(self.name, self.base)

    @property
    def target_words(self) -> str:
        return f"{metric_label(self.metric)} {'≥' if self.higher_is_better else '≤'} {self.target}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One submission on one workload, as stored in the snapshot.

    A board that was copied from print has rounded fractions without times, and where nothing was printed neither.
    """

    column: Column
    time_s: float | None
    fraction: float | None
    ratio: float | None  # of the fastest, None where it does not count
    mark: str | None
    reached: int
    studies: int
    multiple: float | None = None  # of the fastest, before any rule
    held_out: str | None = None  # the variant behind a double dagger
    is_known: bool = True  # False on a printed board whose times were not printed

    @property
    def counts(self) -> bool:
        return self.mark is None and self.has_value

    @property
    def has_value(self) -> bool:
        """True when there is a number to show, also one that does not count; a printed one is a fraction only."""
        return self.time_s is not None or self.fraction is not None

    @property
    def shade(self) -> str:
        """The class of the cell: by ratio where it counts, else why it does not."""
        if self.counts and self.ratio is not None:
            return next((css for limit, css in SHADES if self.ratio <= limit * (1 + 1e-9)), "")
        if self.mark is None:
            return ""
        return {"inf": "inf", "NaN": "nan"}.get(self.mark, "drop")

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.mark or "", "")

    @property
    def spoken(self) -> str:
        return SPOKEN.get(self.mark or "", "")

    @property
    def why(self) -> str:
        """What `inf` or `NaN` means here."""
        if not self.is_known:
            return "Not printed where this board was copied from"
        if self.mark == "inf" and not self.studies:
            return "Target not reached within the budget"
        if self.mark == "inf":
            return f"Target not reached: {self.reached} of {self.studies} studies reached it, the median did not"
        if self.mark == "NaN":
            return "No valid run: error or out of memory. Counts as not reached."
        return ""

    @property
    def sort_group(self) -> int:
        if self.counts:
            return 0
        return {"inf": 2, "NaN": 3}.get(self.mark or "", 1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One standing with everything its rows in both tables show."""

    standing: Standing
    rank: str  # "4", or "=4" where it is shared
    delta: float | None  # score minus the baseline's
    time_ratio: float | None
    counts: int
    cells: Sequence[Cell]
    has_times: bool  # False on a printed board whose times were not printed
    bar: float  # width of the score's bar of 84 units
    tick: float | None  # where the baseline's mark stands on it

    @property
    def submission(self) -> Any:
        return self.standing.submission

    @property
    def missed(self) -> str:
        """For the squares' label: the workloads that do not count."""
        return ", ".join(cell.column.label for cell in self.cells if not cell.counts)

    def cell(self, workload: str) -> Cell:
        """Its cell on one of the base workloads."""
        return next(cell for cell in self.cells if cell.column.name == workload)

    @property
    def squares(self) -> list[tuple[float, Cell]]:
        """Where each workload's square stands, with its cell."""
        return [(0.5 + 20 * index, cell) for index, cell in enumerate(self.cells)]

    @property
    def squares_width(self) -> int:
        return max(16, 20 * len(self.cells) - 4)


def columns_of(document: Mapping[str, Any]) -> list[Column]:
    """The base workloads of a snapshot, in the edition's order."""
    return [column_of(entry) for entry in document.get("workloads", []) if entry["role"] == "base"]


def column_of(entry: Mapping[str, Any]) -> Column:
    """One workload of a snapshot, base or held-out."""
    return Column(
        name=entry["name"],
        metric=entry["metric"],
        higher_is_better=entry["higher_is_better"],
        target=entry["target"],
        budget_s=entry["budget_s"],
        base=entry.get("base", ""),
    )


PASSED = ("passed", "ok")
HELD_OUT_STATES = {
    "counts": PASSED,
    "base_not_reached": ("base not reached", ""),
    "target_missed": ("target missed", "warn"),
    "not_measured": ("not measured", "warn"),
    "above_limit": ("too slow", "warn"),
}


def held_out_state(stored: Mapping[str, Any] | None) -> tuple[str, str]:
    """What became of a submission on a held-out variant, as the words and the tone of a chip."""
    return HELD_OUT_STATES.get((stored or {}).get("reason", "not_measured"), ("not measured", "warn"))


def cell_of(column: Column, stored: Mapping[str, Any] | None) -> Cell:
    """One stored cell; a submission without one never ran that workload."""
    stored = {"mark": "NaN"} if stored is None else stored
    return Cell(
        column=column,
        time_s=stored.get("raw_s"),
        fraction=stored.get("fraction"),
        ratio=stored.get("ratio"),
        mark=stored.get("mark"),
        reached=stored.get("reached") or 0,
        studies=stored.get("studies") or 0,
        multiple=stored.get("multiple"),
        held_out=stored.get("because"),
        is_known=bool(stored),
    )


def rows_of(
    document: Mapping[str, Any],
    standings: Sequence[Standing],
    *,
    ranks: Mapping[int, int] | None = None,
    baseline_score: float | None = None,
) -> list[Row]:
    """Standings -> rows, in the order they come.

    Args:
        ranks: how often each rank is given on the whole board, where `standings` are a part of it.
        baseline_score: of the whole board, likewise.
    """
    columns = columns_of(document)
    unknown: dict[str, Any] | None = {} if document.get("origin") == "printed" else None
    given = Counter(standing.rank for standing in standings) if ranks is None else ranks
    baseline = next((row.benchmark_score for row in standings if row.submission.is_baseline), baseline_score)
    rows = []
    for standing in standings:
        is_baseline = standing.submission.is_baseline
        cells = [cell_of(column, standing.cells.get(column.name, unknown)) for column in columns]
        shared = given[standing.rank] > 1
        rows.append(
            Row(
                standing=standing,
                rank=f"={standing.rank}" if shared else str(standing.rank),
                delta=None if baseline is None or is_baseline else standing.benchmark_score - baseline,
                time_ratio=None if is_baseline else standing.speedup,
                counts=sum(cell.counts for cell in cells),
                cells=cells,
                has_times=any(cell.is_known for cell in cells),
                bar=round(84 * min(1.0, max(0.0, standing.benchmark_score)), 1),
                tick=None if baseline is None else round(84 * baseline, 1),
            )
        )
    return rows


def sort_rows(rows: Sequence[Row], key: str, *, descending: bool) -> list[Row]:
    """Rows by `score`, `time`, `counted` or a workload's name; an unknown key leaves them by score."""
    sign = -1 if descending else 1

    def by_cell(row: Row) -> tuple[Any, ...]:
        cell = next(cell for cell in row.cells if cell.column.name == key)
        value = cell.fraction if cell.fraction is not None else cell.time_s
        return (cell.sort_group, sign * value if value is not None else 0.0, row.standing.rank)

    if key == "time":
        return sorted(rows, key=lambda row: (row.time_ratio is None, sign * (row.time_ratio or 0), row.standing.rank))
    if key == "counted":
        return sorted(rows, key=lambda row: (sign * row.counts, row.standing.rank))
    if rows and any(cell.column.name == key for cell in rows[0].cells):
        return sorted(rows, key=by_cell)
    return sorted(rows, key=lambda row: (sign * row.standing.benchmark_score, row.standing.submission.name))


def matching(rows: Sequence[Row], words: str) -> list[Row]:
    """Rows whose name, team, authors or framework hold every word."""
    wanted = words.casefold().split()

    def text_of(row: Row) -> str:
        submission = row.submission
        parts = (str(submission), submission.team.name, submission.authors, submission.affiliation)
        return " ".join((*parts, submission.get_framework_display())).casefold()

    return [row for row in rows if all(word in text_of(row) for word in wanted)]
