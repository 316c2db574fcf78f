"""Which times of a board count. Three steps, and their order matters.

1. A held-out time does not count where its base workload was missed or never measured.
2. Any time above `tau_max` times the fastest of its column does not count. The fastest of a base column is taken
   over all submissions, also over those that step 3 takes out; that of a held-out column over what step 1 left.
3. A base time does not count where one of its held-out variants was missed, never measured or removed by step 2.

Source: AlgoPerf rules, "Held-out workloads", and the scoring code of the 2024 competition as published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.cells import Reason
from scoring.time_to_target import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

REASONS = tuple(Reason)
COUNTS, NOT_MEASURED, TARGET_MISSED, ABOVE_LIMIT, BASE_NOT_REACHED = range(5)
_BEHIND_DAGGER = {NOT_MEASURED: 5, TARGET_MISSED: 6, ABOVE_LIMIT: 7}


@dataclass(frozen=True, kw_only=True, eq=False)
class Gated:
    """What the three steps decided.

    reasons: (submissions, base workloads), positions in `REASONS`; COUNTS is 0.
    because: the same shape, the held-out column behind a double dagger, else -1.
    held_reasons: (submissions, held-out variants), positions in `REASONS`.
    """

    reasons: IntArray
    because: IntArray
    held_reasons: IntArray

    def final(self, raw: FloatArray) -> FloatArray:
        """The base times that count; inf where they do not."""
        return np.where(self.reasons == COUNTS, raw, np.inf)

    def held_final(self, held_raw: FloatArray) -> FloatArray:
        """The held-out times that count; inf where they do not."""
        return np.where(self.held_reasons == COUNTS, held_raw, np.inf)


def gate(raw: FloatArray, held_raw: FloatArray, parents: IntArray, tau_max: float) -> Gated:
    """Apply the three steps.

    Args:
        raw: (submissions, base workloads), seconds; inf: missed, NaN: not measured.
        held_raw: (submissions, held-out variants), the same.
        parents: (held-out variants,), the base column of each variant.
        tau_max: a time of exactly this many times the fastest still counts.
    """
    reasons, held_reasons = _raw_reasons(raw), _raw_reasons(held_raw)
    base_failed = ~np.isfinite(raw)[:, parents]
    held_reasons[(held_reasons == COUNTS) & base_failed] = BASE_NOT_REACHED
    _remove_slow(reasons, raw, tau_max)
    _remove_slow(held_reasons, held_raw, tau_max)
    because = np.full(reasons.shape, -1, dtype=np.intp)
    for variant, column in enumerate(parents.tolist()):
        for code, dagger in _BEHIND_DAGGER.items():
            failed = (reasons[:, column] == COUNTS) & (held_reasons[:, variant] == code)
            reasons[failed, column] = dagger
            because[failed, column] = variant
    return Gated(reasons=reasons, because=because, held_reasons=held_reasons)


def _raw_reasons(times: FloatArray) -> IntArray:
    reasons = np.full(times.shape, COUNTS, dtype=np.intp)
    reasons[np.isinf(times)] = TARGET_MISSED
    reasons[np.isnan(times)] = NOT_MEASURED
    return reasons


def _remove_slow(reasons: IntArray, times: FloatArray, tau_max: float) -> None:
    """Step 2, in place."""
    counting = np.where(reasons == COUNTS, times, np.inf)
    if counting.size:
        reasons[(reasons == COUNTS) & (times > tau_max * counting.min(axis=0))] = ABOVE_LIMIT
