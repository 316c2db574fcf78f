"""How much faster than a reference submission: a second opinion beside the benchmark score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from scoring.errors import ScoringError


def geometric_mean_time_ratio(
    times: Mapping[str, float],
    reference: Mapping[str, float],
    *,
    base: Sequence[str],
    budgets_s: Mapping[str, float],
) -> float:
    """Geometric mean over base workloads of time over the reference's time; below 1 is faster.

    This is the number on pages. Where the target was missed or nothing was measured, on either side, the full
    budget takes the place of the time, so it is always finite. Held-out variants play no part.

    Args:
        times, reference: raw runtimes by workload, seconds; inf or NaN or absent where there is none.
        budgets_s: seconds a submission of this ruleset may train each workload.
    Raises:
        ScoringError: no base workload, or a budget is missing or not positive.
    """
    _check(base, budgets_s)
    return _geometric_mean(
        [_or_budget(times, name, budgets_s) / _or_budget(reference, name, budgets_s) for name in base]
    )


def published_time_ratio(
    times: Mapping[str, float],
    reference: Mapping[str, float],
    *,
    base: Sequence[str],
    budgets_s: Mapping[str, float],
) -> float:
    """The same as printed by the reference scoring code: a missed target counts as the budget and one second more,
    and one workload that was never measured makes the whole mean NaN.

    Source: `compute_speedups` of the AlgoPerf scoring code.
    """
    _check(base, budgets_s)
    ratios = []
    for name in base:
        pair = [times.get(name, math.nan), reference.get(name, math.nan)]
        if any(math.isnan(value) for value in pair):
            return math.nan
        own, other = (budgets_s[name] + 1.0 if math.isinf(value) else value for value in pair)
        ratios.append(own / other)
    return _geometric_mean(ratios)


def percent_change(ratio: float) -> float:
    """A time ratio as the signed percentage that pages show: 0.72 -> -28.0."""
    return (ratio - 1.0) * 100.0


def _check(base: Sequence[str], budgets_s: Mapping[str, float]) -> None:
    if not base:
        raise ScoringError("a mean over no workloads is not defined")
    for name in base:
        if not budgets_s.get(name, 0.0) > 0:
            raise ScoringError(f"workload {name} has no budget to stand for a missed target")


def _or_budget(times: Mapping[str, float], name: str, budgets_s: Mapping[str, float]) -> float:
    value = times.get(name, math.nan)
    return value if math.isfinite(value) else budgets_s[name]


def _geometric_mean(ratios: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(ratio) for ratio in ratios) / len(ratios))
