"""Performance profiles: how much is solved within a factor of the fastest."""

from __future__ import annotations

import numpy as np

from scoring.errors import InvalidTimes, ScoringError
from scoring.rulesets import Integral
from scoring.time_to_target import FloatArray

GRID_POINTS = 100


def tau_grid(tau_max: float) -> FloatArray:
    """(100,), the factors at which the published profiles are evaluated: equally spaced from 1 to `tau_max`."""
    if not (np.isfinite(tau_max) and tau_max > 1):
        raise ScoringError(f"the tau limit is a finite number above 1, not {tau_max}")
    return np.linspace(1.0, tau_max, GRID_POINTS)


def performance_ratios(runtimes: FloatArray) -> FloatArray:
    """Each runtime over the fastest of its column.

    Args:
        runtimes: (submissions, workloads), seconds; inf or NaN where the workload does not count.
    Returns:
        (submissions, workloads), dimensionless, >= 1; inf where the runtime is not finite, so a column that
        nobody solved is inf throughout.
    Raises:
        InvalidTimes: a runtime is zero or negative.
    Source: Dolan & Moré 2002 (arXiv cs/0102001).
    """
    if (runtimes <= 0).any():  # False for NaN, which is allowed here
        raise InvalidTimes("runtimes are positive seconds, inf or NaN")
    solved = np.isfinite(runtimes)
    if not len(runtimes):
        return runtimes.copy()
    fastest = np.where(solved, runtimes, np.inf).min(axis=0)
    return np.divide(runtimes, fastest, out=np.full(runtimes.shape, np.inf), where=solved)


def performance_profile(ratios: FloatArray, taus: FloatArray) -> FloatArray:
    """Fraction of workloads each submission solves within a factor tau of the fastest.

    Args:
        ratios: (submissions, workloads), >= 1; inf where the workload does not count. All workloads of the board
            have a column, also those that nobody solved.
        taus: (points,), dimensionless factors >= 1, ascending.
    Returns:
        (submissions, points), fractions in [0, 1], never decreasing along the points.
    Source: Dolan & Moré 2002 (arXiv cs/0102001); AlgoPerf rules, "Building performance profiles".
    """
    num_submissions, num_workloads = ratios.shape
    solved = np.zeros((num_submissions, len(taus)))
    for column in ratios.T:  # one (submissions, points) table at a time: boards grow long, not wide
        solved += column[:, np.newaxis] <= taus
    return solved / num_workloads


def profile_scores(ratios: FloatArray, *, integral: Integral, tau_max: float) -> FloatArray:
    """Area under each performance profile from 1 to `tau_max`, divided by that range.

    `trapezoid100` is the trapezoid rule over `tau_grid`, which lifts or lowers a score by up to 0.0015;
    `exact` is the mean of (tau_max - ratio) / (tau_max - 1) over the workloads solved within `tau_max`.

    Args:
        ratios: (submissions, workloads), >= 1, inf where the workload does not count.
    Returns:
        (submissions,), in [0, 1], higher is better.
    Source: AlgoPerf rules, "Integrating performance profiles for the benchmark score".
    """
    taus = tau_grid(tau_max)
    if integral is Integral.TRAPEZOID100:
        rho = performance_profile(ratios, taus)
        return ((rho[:, 1:] + rho[:, :-1]) / 2.0 * np.diff(taus)).sum(axis=1) / (tau_max - 1.0)
    gains = np.clip((tau_max - ratios) / (tau_max - 1.0), 0.0, None)
    gains.sort(axis=1)  # so that the order of workloads never changes the last digit
    return gains.mean(axis=1)


def profile_steps(ratios: FloatArray, *, tau_max: float) -> list[tuple[float, float]]:
    """The corners of one submission's profile, for drawing it without a grid.

    Args:
        ratios: (workloads,), one submission's.
    Returns:
        (tau, fraction solved at and right of it), from tau 1 to `tau_max`, taus strictly ascending; the last
        point repeats the last level at `tau_max`.
    """
    steps = [(1.0, 0.0)]
    within = np.sort(ratios[ratios <= tau_max])
    for solved, tau in enumerate(within.tolist(), start=1):
        level = solved / len(ratios)
        if steps[-1][0] == tau:
            steps[-1] = (tau, level)
        else:
            steps.append((tau, level))
    if steps[-1][0] < tau_max:
        steps.append((tau_max, steps[-1][1]))
    return steps
