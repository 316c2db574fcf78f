"""The quasirandom points from which hyperparameters are drawn."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any

from workloads.search_space import parse_search_space, sample


def generate_search(search_space: Mapping[str, Any] | list[Any], num_trials: int) -> list[Any]:
    """One namedtuple `Hyperparameters` per trial."""
    points = sample(parse_search_space(search_space), num_trials, 0)
    return [collections.namedtuple("Hyperparameters", point)(**point) for point in points]
