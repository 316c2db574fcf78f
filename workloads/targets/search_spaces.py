"""What is tried when targets are set: broad ranges, the same for every workload, in the form that teams upload.

The schedules end with the run: `HORIZON` of the step hint, which is also how long a run is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workloads.search_space import parse_search_space, sample
from workloads.spec import Scalar

HORIZON = 0.75  # of the step hint. Source: AlgoPerf rules, "Workloads"

_REGULARIZATION = {
    "label_smoothing": {"feasible_points": [0.0, 0.1]},
    "dropout_rate": {"feasible_points": [0.0, 0.1]},
}
_ADAPTIVE = {
    "learning_rate": {"min": 1e-3, "max": 3e-2, "scaling": "log"},
    "one_minus_beta1": {"min": 0.05, "max": 0.3, "scaling": "log"},
    "beta2": {"feasible_points": [0.98, 0.99, 0.999]},
    "weight_decay": {"min": 1e-4, "max": 1e-1, "scaling": "log"},
    "warmup_factor": {"feasible_points": [0.02, 0.05, 0.1]},
    **_REGULARIZATION,
}
_MOMENTUM = {
    "learning_rate": {"min": 1e-2, "max": 2.0, "scaling": "log"},
    "one_minus_beta1": {"min": 0.02, "max": 0.2, "scaling": "log"},
    "weight_decay": {"min": 1e-7, "max": 1e-3, "scaling": "log"},
    "warmup_factor": {"feasible_points": [0.02, 0.05, 0.1]},
    "decay_steps_factor": {"min": 0.8, "max": 1.0, "scaling": "linear"},
    "end_factor": {"feasible_points": [1e-3, 1e-2]},
    **_REGULARIZATION,
}

# In this order; of equal results the earlier algorithm's counts.
ALGORITHMS: Mapping[str, Mapping[str, Any]] = {
    "adamw": _ADAPTIVE,
    "nadamw": _ADAPTIVE,
    "nesterov": _MOMENTUM,
    "heavy_ball": _MOMENTUM,
}


def points(algorithm: str, count: int) -> list[dict[str, Scalar]]:
    """The first `count` points of the benchmark's quasirandom sequence in the algorithm's ranges, schedule included."""
    sampled = sample(parse_search_space(ALGORITHMS[algorithm]), count, 0)
    return [{name: _short(value) for name, value in point.items()} | {"horizon_factor": HORIZON} for point in sampled]


def _short(value: Scalar) -> Scalar:
    """Four significant digits, so that a point can be read and typed."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
