"""The board: from a table of runtimes to scores, with a mark and a reason for every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scoring.cells import Cell
from scoring.errors import InvalidTimes, ScoringError
from scoring.gating import REASONS, IntArray, gate
from scoring.profiles import performance_profile, performance_ratios, profile_scores, profile_steps, tau_grid
from scoring.rulesets import RuleSet
from scoring.time_to_target import FloatArray

SCORE_DIGITS = 12  # scores closer than this are equal: the order of additions must not decide a rank


@dataclass(frozen=True, kw_only=True, eq=False)
class Board:
    """A scored set of submissions. Scores are relative to this set: another set, other scores.

    submissions, base: the axes of the arrays, in the order they were given.
    held_out: base workload by variant.
    raw_s, ratios: (submissions, base workloads), as in `Cell`.
    scores: (submissions,), in [0, 1].
    cells, held_out_cells: by submission, then by workload.
    ignored: workloads of the input that are neither base nor held-out, sorted.
    """

    submissions: tuple[str, ...]
    base: tuple[str, ...]
    held_out: Mapping[str, str]
    rules: RuleSet
    tau_max: float
    raw_s: FloatArray
    ratios: FloatArray
    scores: FloatArray
    cells: Mapping[str, Mapping[str, Cell]]
    held_out_cells: Mapping[str, Mapping[str, Cell]]
    ignored: tuple[str, ...] = ()

    @cached_property  # asked for once a row by whoever prints a board
    def score_of(self) -> dict[str, float]:
        """Benchmark score by submission."""
        return dict(zip(self.submissions, self.scores.tolist(), strict=True))

    @cached_property
    def rank_of(self) -> dict[str, int]:
        """Rank by submission, 1 is best; equal scores share a rank and the next one is skipped."""
        return dict(zip(self.submissions, rank_scores(self.scores).tolist(), strict=True))

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.submissions)}

    def best_first(self) -> list[str]:
        """Submissions by score, equal ones by name."""
        ranks = self.rank_of
        return sorted(self.submissions, key=lambda name: (ranks[name], name))

    @property
    def taus(self) -> FloatArray:
        """(100,), the grid of `profile`."""
        return tau_grid(self.tau_max)

    @property
    def profile(self) -> FloatArray:
        """(submissions, 100), fraction of base workloads within each tau."""
        return performance_profile(self.ratios, self.taus)

    def steps(self, submission: str) -> list[tuple[float, float]]:
        """The corners of one submission's profile, exact, for drawing."""
        return profile_steps(self.ratios[self._row_of[submission]], tau_max=self.tau_max)

    def num_counting(self, submission: str) -> int:
        """How many base workloads count for a submission."""
        return sum(cell.counts for cell in self.cells[submission].values())

    def win_counts(self) -> dict[str, int]:
        """On how many base workloads each submission is the fastest; ties win together."""
        return dict(zip(self.submissions, (self.ratios == 1.0).sum(axis=1).tolist(), strict=True))

    def as_json(self, budgets_s: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Scores, cells and profile as plain values, best submission first; nothing in it is inf or NaN."""
        budgets, scores, profile = budgets_s or {}, self.score_of, self.profile.tolist()
        order = self.best_first()
        return {
            "rules": self.rules.name,
            "scores": {name: scores[name] for name in order},
            "times": {
                name: {workload: cell.as_json(budgets.get(workload)) for workload, cell in self.cells[name].items()}
                for name in order
            },
            "profile": {
                "tau": self.taus.tolist(),
                "rho": {name: profile[self._row_of[name]] for name in order},
            },
        }


def score_board(
    times: Mapping[str, Mapping[str, float]],
    *,
    base: Sequence[str],
    held_out: Mapping[str, str] | None = None,
    rules: RuleSet,
    tau_max: float = 4.0,
) -> Board:
    """Score a set of submissions: gate the times (see `scoring.gating`), divide each by the fastest of its column,
    integrate the profile.

    Args:
        times: runtime in seconds by submission and workload; inf: target missed, NaN or absent: not measured.
            Workloads that are neither base nor held-out are ignored and listed. May be empty.
        base: the scored workloads. One that nobody solved earns nobody anything and still divides.
        held_out: base workload by variant. A variant that nobody measured takes its base from everybody.
        tau_max: the tau limit of the edition, of the profile and of the gating alike.
    Raises:
        InvalidTimes: a time is zero or negative.
        ScoringError: no base workload, a workload twice, or a variant of something that is not a base workload.
    """
    variants = dict(held_out or {})
    check_workloads(base, variants)
    parents = np.array([base.index(parent) for parent in variants.values()], dtype=np.intp)
    raw, held_raw = _table(times, base), _table(times, list(variants))
    gated = gate(raw, held_raw, parents, tau_max)
    final, held_final = gated.final(raw), gated.held_final(held_raw)
    ratios = performance_ratios(final)
    cells = _Cells(submissions=tuple(times), variants=tuple(variants))
    return Board(
        submissions=tuple(times),
        base=tuple(base),
        held_out=variants,
        rules=rules,
        tau_max=tau_max,
        raw_s=raw,
        ratios=ratios,
        scores=profile_scores(ratios, integral=rules.integral, tau_max=tau_max),
        cells=cells.make(base, raw, final, ratios, gated.reasons, gated.because),
        held_out_cells=cells.make(
            list(variants), held_raw, held_final, performance_ratios(held_final), gated.held_reasons
        ),
        ignored=tuple(sorted({name for row in times.values() for name in row} - {*base, *variants})),
    )


def rank_scores(scores: FloatArray) -> IntArray:
    """(submissions,), 1 is best; equal scores share a rank, the next one is skipped."""
    rounded = np.round(scores, SCORE_DIGITS)
    return np.searchsorted(np.sort(-rounded), -rounded, side="left") + 1


def check_workloads(base: Sequence[str], held_out: Mapping[str, str]) -> None:
    """Raises ScoringError for no base workload, a workload twice, or a variant of something that is not a base."""
    if not base:
        raise ScoringError("a board needs at least one base workload")
    if len({*base, *held_out}) != len(base) + len(held_out):
        raise ScoringError(f"each workload once, as base or as variant: {[*base, *held_out]}")
    for variant, parent in held_out.items():
        if parent not in base:
            raise ScoringError(f"held-out {variant!r} is a variant of {parent!r}, which is not a base workload here")


def _table(times: Mapping[str, Mapping[str, float]], workloads: Sequence[str]) -> FloatArray:
    """(submissions, workloads), seconds; NaN where nothing was measured."""
    rows = [[by_workload.get(name, np.nan) for name in workloads] for by_workload in times.values()]
    table = np.array(rows, dtype=np.float64).reshape(len(times), len(workloads))
    for row, column in np.argwhere(table <= 0).tolist():
        name, workload = list(times)[row], workloads[column]
        raise InvalidTimes(f"{name} has {table[row, column]} s on {workload}; a time to target is positive")
    return table


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Turns tables into cells by submission and workload."""

    submissions: tuple[str, ...]
    variants: tuple[str, ...]

    def make(
        self,
        workloads: Sequence[str],
        raw: FloatArray,
        final: FloatArray,
        ratios: FloatArray,
        reasons: IntArray,
        because: IntArray | None = None,
    ) -> dict[str, dict[str, Cell]]:
        behind = np.full(raw.shape, -1) if because is None else because
        rows = zip(*(table.tolist() for table in (raw, final, ratios, reasons, behind)), strict=True)
        return {
            submission: {workload: self._cell(*values) for workload, *values in zip(workloads, *tables, strict=True)}
            for submission, tables in zip(self.submissions, rows, strict=True)
        }

    def _cell(self, raw: float, final: float, ratio: float, reason: int, variant: int) -> Cell:
        because = self.variants[variant] if variant >= 0 else None
        return Cell(raw_s=raw, final_s=final, ratio=ratio, reason=REASONS[reason], because=because)
