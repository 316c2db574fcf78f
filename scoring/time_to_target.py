"""One trial's measurements -> the first evaluation at or past the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.errors import InvalidCurve, InvalidTimes

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """The evaluations of one trial that are worth reading; make it with `read_curve`.

    times_s: (evaluations,), charged seconds, finite, positive, never decreasing.
    values: (evaluations,), the workload's metric on the validation split; NaN where the run had diverged.
    """

    times_s: FloatArray
    values: FloatArray

    @property
    def is_empty(self) -> bool:
        """True for a trial that was never measured."""
        return not len(self.times_s)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """The first evaluation that reached the target."""

    evaluation: int  # its position in the curve, from 0
    time_s: float


def read_curve(times_s: Sequence[float | None] | FloatArray, values: Sequence[float | None] | FloatArray) -> Curve:
    """A curve from the rows of a log, in whatever state they are.

    Rows whose time is missing, not finite or not positive measure nothing and are left out (the initial model,
    evaluated at second 0, is one of them). The others are sorted by time, rows of equal time keep their order, and
    an exact repetition of a row counts once. A missing value is NaN.

    Args:
        times_s: (rows,), charged seconds.
        values: (rows,), metric values.
    Raises:
        InvalidCurve: the two have different lengths.
    """
    times, metric = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if times.ndim != 1 or times.shape != metric.shape:
        raise InvalidCurve(f"a curve is two lists of one length, not {times.shape} times and {metric.shape} values")
    if len(times) and times[0] > 0 and times[-1] < np.inf and (times[1:] > times[:-1]).all():
        return Curve(times_s=times, values=metric)  # as nearly every log is: nothing to mend
    kept = np.isfinite(times) & (times > 0)
    times, metric = times[kept], metric[kept]
    order = np.argsort(times, kind="stable")
    times, metric = times[order], metric[order]
    fresh = _is_new_row(times, metric)
    return Curve(times_s=times[fresh], values=metric[fresh])


def find_hit(curve: Curve, target: float, *, higher_is_better: bool) -> Hit | None:
    """The first evaluation whose value is at or past the target, or None.

    A NaN or infinite value never reaches a target.

    Raises:
        InvalidTimes: the target is not a finite number.
    Source: AlgoPerf rules, "Scoring"; the comparison is not strict, as in the scoring code.
    """
    if not math.isfinite(target):
        raise InvalidTimes(f"a target is a finite number, not {target}")
    reached = curve.values >= target if higher_is_better else curve.values <= target
    positions = np.flatnonzero(reached & np.isfinite(curve.values))
    if not len(positions):
        return None
    first = int(positions[0])
    return Hit(evaluation=first, time_s=float(curve.times_s[first]))


def _is_new_row(times: FloatArray, values: FloatArray) -> npt.NDArray[np.bool_]:
    """(rows,), False for a row that repeats an earlier one of the same time."""
    fresh = np.ones(len(times), dtype=np.bool_)
    for row in np.flatnonzero(times[1:] == times[:-1]) + 1:
        earlier = values[:row][times[:row] == times[row]]
        fresh[row] = not np.any((earlier == values[row]) | (np.isnan(earlier) & np.isnan(values[row])))
    return fresh
