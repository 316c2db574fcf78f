"""One cell of a board: a time, whether it counts, and why not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mark(StrEnum):
    """Why a cell of a board does not count, as printed in the published table."""

    STAR = "star"  # above tau_max times the fastest
    DOUBLE_DAGGER = "double_dagger"  # a held-out variant failed
    INF = "inf"  # target not reached
    NAN = "NaN"  # no measurements

    @property
    def symbol(self) -> str:
        """What a page prints."""
        return {Mark.STAR: "*", Mark.DOUBLE_DAGGER: "‡", Mark.INF: "inf", Mark.NAN: "NaN"}[self]


class Reason(StrEnum):
    """Why a cell counts or does not; finer than a mark."""

    COUNTS = "counts"
    NOT_MEASURED = "not_measured"
    TARGET_MISSED = "target_missed"
    ABOVE_LIMIT = "above_limit"
    BASE_NOT_REACHED = "base_not_reached"  # held-out cells only; carries no mark
    HELD_OUT_NOT_MEASURED = "held_out_not_measured"
    HELD_OUT_MISSED = "held_out_missed"
    HELD_OUT_ABOVE_LIMIT = "held_out_above_limit"

    @property
    def mark(self) -> Mark | None:
        return _MARKS.get(self)


_MARKS = {
    Reason.NOT_MEASURED: Mark.NAN,
    Reason.TARGET_MISSED: Mark.INF,
    Reason.ABOVE_LIMIT: Mark.STAR,
    Reason.HELD_OUT_NOT_MEASURED: Mark.DOUBLE_DAGGER,
    Reason.HELD_OUT_MISSED: Mark.DOUBLE_DAGGER,
    Reason.HELD_OUT_ABOVE_LIMIT: Mark.DOUBLE_DAGGER,
}


@dataclass(frozen=True, kw_only=True, slots=True)  # slots: a board of 10,000 submissions has 140,000 cells
class Cell:
    """One submission on one workload.

    raw_s: runtime before any rule, seconds; inf where the target was missed, NaN where nothing was measured.
    final_s: runtime that counts, seconds; inf where it does not.
    ratio: final_s over the fastest final_s of the workload, >= 1; inf where it does not count.
    because: the held-out variant behind a double dagger.
    """

    raw_s: float
    final_s: float
    ratio: float
    reason: Reason
    because: str | None = None

    @property
    def mark(self) -> Mark | None:
        return self.reason.mark

    @property
    def counts(self) -> bool:
        return self.reason is Reason.COUNTS

    def as_json(self, budget_s: float | None = None) -> dict[str, Any]:
        """Plain values; inf and NaN become None, and the mark says which it was.

        `fraction` is raw_s over `budget_s`, kept where a mark is set, None without a budget.
        """
        return {
            "raw_s": _finite(self.raw_s),
            "final_s": _finite(self.final_s),
            "fraction": _finite(self.raw_s / budget_s) if budget_s else None,
            "ratio": _finite(self.ratio),
            "mark": str(self.mark) if self.mark else None,
            "reason": str(self.reason),
            "because": self.because,
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
