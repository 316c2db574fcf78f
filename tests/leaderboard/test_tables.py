"""Rows of the board's tables: order, shades, marks."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard import tables
from leaderboard.models import Standing, Submission, Team

DOCUMENT = {
    "workloads": [
        {"name": "ogbg", "role": "base", "metric": "mean_average_precision", "higher_is_better": True, "target": 0.5,
         "budget_s": 100.0},
        {"name": "ogbg_gelu", "role": "held_out", "metric": "mean_average_precision", "higher_is_better": True,
         "target": 0.5, "budget_s": 100.0},
    ]
}  # fmt: skip


def standing(name: str, rank: int, cell: dict[str, Any], score: float = 0.5, **fields: Any) -> Standing:
    submission = Submission(name=name, slug=name, framework="jax", team=Team(name="Team"), **fields)
    return Standing(submission=submission, rank=rank, benchmark_score=score, cells={"ogbg": cell}, speedup=None)


def timed(time_s: float, ratio: float | None, mark: str | None = None) -> dict[str, Any]:
    return {"raw_s": time_s, "fraction": time_s / 100, "ratio": ratio, "mark": mark}


def missed(mark: str) -> dict[str, Any]:
    return {"raw_s": None, "fraction": None, "ratio": None, "mark": mark, "reached": 2, "studies": 5}


@pytest.mark.parametrize(
    ("ratio", "shade"),
    [(1.0, "h5"), (1.2, "h4"), (1.25, "h4"), (1.3, "h3"), (1.9, "h2"), (2.5, "h1"), (4.0, "h1")],
)
def test_a_cell_is_shaded_by_its_ratio_to_the_fastest(ratio, shade):
    cell = tables.cell_of(tables.columns_of(DOCUMENT)[0], timed(50.0, ratio))

    assert (cell.shade, cell.counts) == (shade, True)


@pytest.mark.parametrize(
    ("stored", "shade", "symbol"),
    [
        (timed(50.0, None, "star"), "drop", "*"),
        (timed(50.0, None, "double_dagger"), "drop", "‡"),
        (missed("inf"), "inf", ""),
        (missed("NaN"), "nan", ""),
        (None, "nan", ""),
    ],
)
def test_a_cell_that_does_not_count_keeps_its_value_and_says_why(stored, shade, symbol):
    cell = tables.cell_of(tables.columns_of(DOCUMENT)[0], stored)

    assert (cell.shade, cell.symbol, cell.counts) == (shade, symbol, False)
    assert bool(cell.spoken) == bool(symbol)


def test_inf_says_how_many_studies_reached_the_target():
    cell = tables.cell_of(tables.columns_of(DOCUMENT)[0], missed("inf"))

    assert cell.why == "Target not reached: 2 of 5 studies reached it, the median did not"


def test_only_base_workloads_are_columns():
    columns = tables.columns_of(DOCUMENT)

    assert [column.name for column in columns] == ["ogbg"]
    assert columns[0].target_words == "mAP ≥ 0.5"


def test_a_column_sorts_counting_values_then_marked_then_inf_then_nan_in_both_directions():
    standings = [
        standing("nan", 1, missed("NaN")),
        standing("marked", 2, timed(10.0, None, "star")),
        standing("slow", 3, timed(90.0, 3.0)),
        standing("inf", 4, missed("inf")),
        standing("fast", 5, timed(30.0, 1.0)),
    ]
    rows = tables.rows_of(DOCUMENT, standings)

    def names(*, descending: bool) -> list[str]:
        return [row.submission.name for row in tables.sort_rows(rows, "ogbg", descending=descending)]

    assert names(descending=False) == ["fast", "slow", "marked", "inf", "nan"]
    assert names(descending=True) == ["slow", "fast", "marked", "inf", "nan"]


def test_equal_scores_share_a_rank_and_the_baseline_is_the_measure():
    rows = tables.rows_of(
        DOCUMENT,
        [
            standing("a", 1, timed(30.0, 1.0), 0.9),
            standing("b", 2, timed(50.0, 2.0), 0.5, is_baseline=True),
            standing("c", 2, timed(50.0, 2.0), 0.5),
        ],
    )

    assert [row.rank for row in rows] == ["1", "=2", "=2"]
    assert [row.delta for row in rows] == [pytest.approx(0.4), None, 0.0]
    assert rows[0].tick == 42.0


def test_a_board_without_a_baseline_has_no_differences():
    row = tables.rows_of(DOCUMENT, [standing("a", 1, timed(30.0, 1.0))])[0]

    assert (row.delta, row.tick) == (None, None)


def test_the_filter_reads_name_team_authors_and_framework():
    rows = tables.rows_of(DOCUMENT, [standing("AdamW", 1, timed(30.0, 1.0), authors="Ada")])

    assert all(len(tables.matching(rows, words)) == 1 for words in ("", "adam", "ADA jax", "team"))
    assert tables.matching(rows, "adam pytorch") == []
