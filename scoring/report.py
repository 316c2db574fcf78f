"""A board for reading: the JSON document of `python -m scoring`, and its table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scoring.benchmark_score import Board
from scoring.cells import Cell, Mark
from scoring.logs.times import BoardTimes

CELL_FIELDS = ("raw_s", "final_s", "fraction", "ratio", "mark")
SHOWN_PATHS = 5


def as_document(board: Board, *, edition: str, ruleset: str, budgets_s: Mapping[str, float]) -> dict[str, Any]:
    """The board as plain values, best submission first; nothing in it is inf or NaN.

    `{"edition", "ruleset", "rules", "scores": {submission: number}, "times": {submission: {workload: {"raw_s",
    "final_s", "fraction", "ratio", "mark"}}}, "profile": {"tau": [...], "rho": {submission: [...]}}}`, where
    `fraction` is raw_s over the budget, and a time that is not there is None with its mark saying which it was.
    """
    document = board.as_json(budgets_s)
    times = {
        name: {workload: {field: cell[field] for field in CELL_FIELDS} for workload, cell in cells.items()}
        for name, cells in document["times"].items()
    }
    return {"edition": edition, "ruleset": ruleset, **document, "times": times}


def as_table(board: Board, times: BoardTimes, *, edition: str, ruleset: str, budgets_s: Mapping[str, float]) -> str:
    """The board as lines of text: rank, score and time over budget by workload, with marks; then what was left out."""
    header = ["", f"{edition} {ruleset}", "score", *board.base]
    rows = [
        [
            str(board.rank_of[name]),
            name,
            f"{board.score_of[name]:.4f}",
            *(_printed(board.cells[name][workload], budgets_s.get(workload)) for workload in board.base),
        ]
        for name in board.best_first()
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 1 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]
    unit = "fractions of the budget" if all(name in budgets_s for name in board.base) else "seconds without a budget"
    return "\n".join([*lines, "", f"Rules: {board.rules.name}. Times: {unit}. {_legend(board)}", *_left_out(times)])


def _legend(board: Board) -> str:
    return (
        f"{Mark.STAR.symbol} above {board.tau_max:g} times the fastest; {Mark.DOUBLE_DAGGER.symbol} held-out variant "
        "failed; inf target not reached; NaN no measurements."
    )


def _printed(cell: Cell, budget_s: float | None) -> str:
    if not math.isfinite(cell.raw_s):
        return str(cell.mark)
    time = f"{cell.raw_s / budget_s:.2f}" if budget_s else f"{cell.raw_s:.0f}"
    return time + (cell.mark.symbol if cell.mark else "")


def _left_out(times: BoardTimes) -> list[str]:
    lines = [f"Not scored: {', '.join(times.ignored)}."] if times.ignored else []
    if times.skipped:
        shown = [f"  {skipped.path}: {skipped.reason}" for skipped in times.skipped[:SHOWN_PATHS]]
        rest = len(times.skipped) - len(shown)
        lines += [f"Passed over: {len(times.skipped)}.", *shown, *([f"  and {rest} more"] if rest else [])]
    return lines
