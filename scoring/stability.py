"""How much a rank depends on one workload, on the held-out rule, and on the luck of the studies.

Source: our own; the benchmark's rules know one score. Times are seconds, ranks begin at 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.benchmark_score import Board, check_workloads, rank_scores, score_board
from scoring.errors import ScoringError
from scoring.gating import IntArray, gate
from scoring.profiles import performance_ratios, profile_scores
from scoring.rulesets import EmptyStudy, RuleSet
from scoring.time_to_target import FloatArray


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """The board as it would be without one base workload (and without its held-out variants)."""

    workload: str
    scores: Mapping[str, float]
    ranks: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class RankRange:
    """The best and the worst rank of a submission over a set of boards."""

    best: int
    worst: int


def leave_one_out(board: Board) -> list[LeftOut]:
    """The board without each base workload in turn, in board order; empty for a board of one workload.

    Columns are gated and divided one by one, so leaving one out changes no other column. Scores are dimensionless, in
    [0, 1], under the rule set of the board.
    """
    if len(board.base) == 1:
        return []
    return [_without(board, column) for column in range(len(board.base))]


def rank_ranges(board: Board) -> dict[str, RankRange]:
    """Best and worst rank by submission over the whole board and every board with one workload left out."""
    tables = [board.rank_of, *(left.ranks for left in leave_one_out(board))]
    return {
        name: RankRange(best=min(table[name] for table in tables), worst=max(table[name] for table in tables))
        for name in board.submissions
    }


def without_held_out_rule(board: Board) -> Board:
    """The same submissions scored as if the edition had no held-out variants: a double dagger counts again.

    The limit of `tau_max` times the fastest stays.
    """
    times = {name: {workload: cell.raw_s for workload, cell in cells.items()} for name, cells in board.cells.items()}
    return score_board(times, base=board.base, rules=board.rules, tau_max=board.tau_max)


def rank_intervals(
    studies: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    base: Sequence[str],
    held_out: Mapping[str, str] | None = None,
    rules: RuleSet,
    tau_max: float = 4.0,
    resamples: int = 200,
    confidence: float = 0.9,
    seed: int = 0,
) -> dict[str, RankRange]:
    """The ranks between which a submission lies when the studies of every cell are drawn again, with replacement.

    Args:
        studies: study times in seconds by submission and workload; inf: missed, NaN: the study is empty. A cell
            without studies is not measured.
        resamples: how many boards are drawn; the same seed draws the same ones.
        confidence: share of the drawn ranks that lies inside, cut equally from both ends, in (0, 1].
    Returns:
        the interval by submission, in the order given.
    Raises:
        ScoringError: a number of resamples below 1, a confidence outside (0, 1], or workloads that make no board.
        InvalidTimes: a time is zero or negative.
    """
    if resamples < 1 or not 0 < confidence <= 1:
        raise ScoringError("rank intervals need at least one resample and a confidence in (0, 1]")
    variants = dict(sorted((held_out or {}).items()))
    check_workloads(base, variants)
    if not studies:
        return {}
    # Everything in the order of its name, so that the order of the input changes no draw.
    names, columns = sorted(studies), sorted(base)
    parents = np.array([columns.index(parent) for parent in variants.values()], dtype=np.intp)
    groups = _by_number_of_studies([studies[name] for name in names], [*columns, *variants])
    generator = np.random.default_rng(seed)
    ranks = np.empty((resamples, len(studies)), dtype=np.intp)
    for draw in range(resamples):
        table = np.full((len(studies), len(base) + len(variants)), np.nan)
        for group in groups:
            table[group.rows, group.columns] = _draw(group.times_s, generator, rules)
        ranks[draw] = _ranks(table, len(base), parents, rules, tau_max)
    intervals = _interval(names, ranks, confidence)
    return {name: intervals[name] for name in studies}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    """All measured cells with the same number of studies, so that they are drawn in one go.

    rows, columns: (cells,), where they lie in the table of the board.
    times_s: (cells, studies).
    """

    rows: IntArray
    columns: IntArray
    times_s: FloatArray


def _by_number_of_studies(studies: Sequence[Mapping[str, Sequence[float]]], columns: Sequence[str]) -> list[_Group]:
    places: dict[int, list[tuple[int, int, Sequence[float]]]] = {}
    for row, by_workload in enumerate(studies):
        for column, name in enumerate(columns):
            times = by_workload.get(name, ())
            if not all(map(math.isnan, times)):  # without a measurement there is nothing to draw
                places.setdefault(len(times), []).append((row, column, times))
    return [
        _Group(
            rows=np.array([row for row, _, _ in cells], dtype=np.intp),
            columns=np.array([column for _, column, _ in cells], dtype=np.intp),
            times_s=np.array([times for _, _, times in cells], dtype=np.float64),
        )
        for _, cells in sorted(places.items())
    ]


def _without(board: Board, column: int) -> LeftOut:
    ratios = np.delete(board.ratios, column, axis=1)
    scores = profile_scores(ratios, integral=board.rules.integral, tau_max=board.tau_max)
    return LeftOut(
        workload=board.base[column],
        scores=dict(zip(board.submissions, scores.tolist(), strict=True)),
        ranks=dict(zip(board.submissions, rank_scores(scores).tolist(), strict=True)),
    )


def _draw(times_s: FloatArray, generator: np.random.Generator, rules: RuleSet) -> FloatArray:
    """(cells,), each the median of as many studies as there are, drawn with replacement."""
    cells, studies = times_s.shape
    drawn = np.take_along_axis(times_s, generator.integers(studies, size=(cells, studies)), axis=1)
    if rules.empty_study is EmptyStudy.INF:
        drawn[np.isnan(drawn)] = np.inf
    drawn.sort(axis=1)  # NaN last
    measured = studies - np.isnan(drawn).sum(axis=1)
    row = np.arange(cells)
    return (drawn[row, np.maximum(measured - 1, 0) // 2] + drawn[row, measured // 2]) / 2.0


def _ranks(table: FloatArray, num_base: int, parents: IntArray, rules: RuleSet, tau_max: float) -> IntArray:
    raw, held_raw = table[:, :num_base], table[:, num_base:]
    ratios = performance_ratios(gate(raw, held_raw, parents, tau_max).final(raw))
    return rank_scores(profile_scores(ratios, integral=rules.integral, tau_max=tau_max))


def _interval(names: Sequence[str], ranks: IntArray, confidence: float) -> dict[str, RankRange]:
    tail = (1.0 - confidence) / 2.0
    best = np.quantile(ranks, tail, axis=0, method="lower")
    worst = np.quantile(ranks, 1.0 - tail, axis=0, method="higher")
    return {
        name: RankRange(best=int(low), worst=int(high))
        for name, low, high in zip(names, best.tolist(), worst.tolist(), strict=True)
    }
